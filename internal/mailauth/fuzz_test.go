package mailauth

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

// FuzzVerify sends whatever there is through all of it. What passes must have been
// signed, or sent, by the organization of its one author.
func FuzzVerify(f *testing.F) {
	good := sign(f, plain("a@example.com"), "example.com", edKey())
	f.Add([]byte(good), "mx.example.net", "a@example.com")
	f.Add([]byte(sign(f, good, "example.net", edKey())), "", "")
	f.Add([]byte(plain(`"x" (y) G: <@a,@b:c@example.com>, =?utf-8?q?d?= <d@example.com>;`)), "[192.0.2.1]", `"a@b"@example.org`)
	f.Add([]byte("DKIM-Signature: v=1; l=1; d=example.com; s=s\r\n\tfrom:x\nFrom\xe9: <\r\n\r\n"), "a", "b")
	f.Add([]byte("\r\nFrom: a@example.com"), ".", "@")
	z := newZone(f, signed("example.com", "example.net")+`
		example.com TXT v=spf1 a mx ptr exists:%{l}.%{h}.%{ir} include:%{d2}.example.com ~all
		example.net TXT v=spf1 redirect=%{s}
		example.org TXT v=spf1 +all
		mx.example.net TEMPERROR`)
	v := New(z)
	f.Fuzz(func(t *testing.T, message []byte, helo, mailFrom string) {
		z.asked = nil
		r := v.Verify(context.Background(), Mail{ClientIP: client, Helo: helo, MailFrom: mailFrom, Message: message})
		if r.Stack != nil {
			t.Fatalf("%s\n%s", r.Reason, r.Stack)
		}
		switch r.Verdict {
		case Fail, None, TempError:
			if r.Reason == "" {
				t.Errorf("%s without a reason", r.Verdict)
			}
			return
		}
		proven := sameOrg(r.SPF.Domain, r.Domain) && r.SPF.Result == "pass"
		for _, s := range r.DKIM {
			proven = proven || sameOrg(s.Domain, r.Domain) && s.Result == "pass"
		}
		if !proven || r.Verdict != Pass {
			t.Errorf("got %q for %+v", r.Verdict, r)
		}
	})
}

// FuzzSignature has go-msgauth sign whatever there is, changes an octet, and compares
// with what go-msgauth says of the result. Only what is refused by a rule of ours may
// differ.
func FuzzSignature(f *testing.F) {
	for i, body := range []string{"", "The report.\r\n", " a \t b \r\n\r\n\r\n", "a\nb\r\r\n\rc", "\r\n", "\t\r\n x\n\n", "a\r"} {
		f.Add("Subject:  A  report\r\n\tfolded \r\n", body, uint8(i), uint16(0), byte('b'))
		f.Add("X : y\r\nx:z\n", body, uint8(i), uint16(400), byte(' '))
	}
	v := New(newZone(f, signed("example.com")))
	canonicalizations := []dkim.Canonicalization{dkim.CanonicalizationSimple, dkim.CanonicalizationRelaxed}
	f.Fuzz(func(t *testing.T, header, body string, ways uint8, at uint16, to byte) {
		var out bytes.Buffer
		err := dkim.Sign(&out, strings.NewReader("From: a@example.com\r\n"+header+"\r\n"+body), &dkim.SignOptions{
			Domain: "example.com", Selector: "s", Signer: edKey(),
			HeaderCanonicalization: canonicalizations[ways&1], BodyCanonicalization: canonicalizations[ways>>1&1],
		})
		if err != nil {
			return
		}
		mail := out.Bytes()
		if int(at) < len(mail) && at > 0 {
			mail[at] = to
		}
		want, _ := dkim.VerifyWithOptions(bytes.NewReader(mail), &dkim.VerifyOptions{
			LookupTXT: func(string) ([]string, error) { return []string{edRecord()}, nil },
		})
		r := v.Verify(context.Background(), Mail{Message: mail})
		if len(want) != 1 || len(r.DKIM) != 1 || r.DKIM[0].Result == resultPolicy || r.DKIM[0].Domain != "example.com" || r.DKIM[0].Selector != "s" {
			return
		}
		if got := r.DKIM[0]; (got.Result == resultPass) != (want[0].Err == nil) {
			t.Errorf("%q: got %+v, go-msgauth says %v", mail, got, want[0].Err)
		}
	})
}

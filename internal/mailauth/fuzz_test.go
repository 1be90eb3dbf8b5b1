package mailauth

import (
	"context"
	"testing"
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

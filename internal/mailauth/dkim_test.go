package mailauth

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"
)

// TestOtherSigners reads mails that other programs have signed.
func TestOtherSigners(t *testing.T) {
	tests := []struct {
		file string
		want []string // "domain selector result"
		who  Verdict
	}{
		{"dkimpy-rsa-relaxed", []string{"mail.example.org rsa pass"}, Pass},
		{"dkimpy-rsa-simple", []string{"mail.example.org rsa pass"}, Pass},
		{"dkimpy-ed25519", []string{"example.org ed pass"}, Pass},
		{"dkimpy-both", []string{"example.org rsa pass", "example.org ed pass"}, Pass},
		{"dkimpy-length", []string{"mail.example.org rsa policy"}, Fail},
		{"perl-rsa-relaxed-relaxed", []string{"mail.example.org rsa pass"}, Pass},
		{"perl-rsa-relaxed-simple", []string{"mail.example.org rsa pass"}, Pass},
		{"perl-rsa-simple-simple", []string{"mail.example.org rsa pass"}, Pass},
	}
	keys, err := os.ReadFile(filepath.Join("testdata", "signed", "zone"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			mail, err := os.ReadFile(filepath.Join("testdata", "signed", tt.file+".eml"))
			if err != nil {
				t.Fatal(err)
			}
			r := New(newZone(t, string(keys))).Verify(context.Background(), Mail{Message: mail})
			if diff := cmp.Diff(outcomes(r), tt.want); diff != "" || r.Verdict != tt.who || r.Domain != "mail.example.org" {
				t.Errorf("got %s from %q, want %s, signatures (-got +want):\n%s%+v", r.Verdict, r.Domain, tt.who, diff, r)
			}
			for what, changed := range map[string][]byte{
				"body":   bytes.Replace(mail, []byte("aggregate"), []byte("agreggate"), 1),
				"header": bytes.Replace(mail, []byte("Submitter: mail"), []byte("Submitter: nail"), 1),
			} {
				r := New(newZone(t, string(keys))).Verify(context.Background(), Mail{Message: changed})
				if r.Verdict != Fail {
					t.Errorf("with another %s: got %s, want %s", what, r.Verdict, Fail)
				}
			}
		})
	}
}

// outcomes are the signatures as "domain selector result".
func outcomes(r Result) []string {
	var list []string
	for _, s := range r.DKIM {
		list = append(list, s.Domain+" "+s.Selector+" "+s.Result)
	}
	return list
}

func TestSignature(t *testing.T) {
	const domain = "example.com"
	good := sign(t, plain("a@example.com"), domain, edKey())
	key := "s._domainkey.example.com TXT "
	change := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	tests := []struct {
		name, mail, zone string
		result, reason   string
	}{
		{"good", good, key + edRecord(), "pass", ""},
		{"bare line feeds", strings.ReplaceAll(good, "\r\n", "\n"), key + edRecord(), "pass", ""},
		{"no body", sign(t, "From: a@example.com\r\n\r\n", domain, edKey()), key + edRecord(), "pass", ""},
		{"unsigned fields may come and go", "X-Hop: 1\r\n" + good, key + edRecord(), "pass", ""},
		{"first line looks folded", " Subject: 1\r\n" + good, key + edRecord(), "pass", ""},
		{"body changed", change("The report", "A report"), key + edRecord(), "fail", "body hash did not verify"},
		{"body longer", good + "More.\r\n", key + edRecord(), "fail", "body hash did not verify"},
		{"header changed", change("Subject: Report", "Subject: Support"), key + edRecord(), "fail", "signature did not verify"},
		{"signature changed twice", change("v=1;", "v=1; v=1;"), "", "permerror", "tag list is malformed"},
		{"no tag list", change("v=1;", "nonsense;"), "", "permerror", "tag list is malformed"},
		{"another version", change("v=1;", "v=2;"), "", "permerror", "incompatible signature version"},
		{"rsa-sha1", change("a=ed25519-sha256", "a=rsa-sha1"), key + edRecord(), "permerror", "hash algorithm too weak"},
		{"expired", change("v=1;", "v=1; x=1000000000;"), key + edRecord(), "permerror", "signature has expired"},
		{"From not signed", change("h=From:", "h=Date:"), key + edRecord(), "permerror", "From field not signed"},
		{"domain is none", change("d=example.com", "d=example..com"), "", "permerror", "d= is not a domain name"},
		{"domain with a wildcard", change("d=example.com", "d=*.example.com"), "", "permerror", "d= is not a domain name"},
		{"selector is none", change("s=s;", "s=..;"), "", "permerror", "s= is not a selector"},
		{"body length", change("v=1;", "v=1; l=4;"), "", "policy", "l= leaves part of the body unsigned"},
		{"no key", good, "", "permerror", "no valid key found"},
		{"key revoked", good, key + "v=DKIM1; p=", "permerror", "key revoked"},
		{"two keys", good, key + edRecord() + "\n" + key + edRecord(), "permerror", "multiple TXT records"},
		{"key for mail", good, key + edRecord() + "; s=email", "pass", ""},
		{"key for TLS reports", good, key + edRecord() + "; s=other:tlsrpt", "pass", ""},
		{"key for another service", good, key + edRecord() + "; s=other", "permerror", "inappropriate service"},
		{"key with white space", good, key + edRecord()[:50] + "\t " + edRecord()[50:], "pass", ""},
		{"key without padding", good, key + strings.TrimRight(edRecord(), "="), "pass", ""},
		{"key not to be had", good, "s._domainkey.example.com TEMPERROR", "temperror", "key unavailable"},
		{"key of 4097 bits", good, key + rsaRecord(4097), "policy", "RSA key of 4097 bits, at most 4096"},
		{"key of 4096 bits", good, key + rsaRecord(4096), "permerror", "inappropriate key algorithm"},
		{"key without end", good, key + "v=DKIM1; n=" + strings.Repeat("x", maxKeyRecord), "policy", "key record of"},
		{"too many names", change("h=From:", "h=From:"+strings.Repeat("x:", maxSignedNames)), key + edRecord(), "policy", "more than 100 names"},
		{"signed field too long", "To: " + strings.Repeat("x", maxFieldSize) + "\r\n" + good, key + edRecord(), "policy", `field "To" of more than 65536 octets`},
		{"signed field of many lines", "To: x" + strings.Repeat("\r\n x", maxFieldLines) + "\r\n" + good, key + edRecord(), "policy", `field "To" of more than 1000 lines`},
		{"many empty lines", good + strings.Repeat("\r\n", 1<<20), key + edRecord(), "pass", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := New(newZone(t, tt.zone)).Verify(context.Background(), Mail{Message: []byte(tt.mail)})
			if len(r.DKIM) != 1 {
				t.Fatalf("got %d signatures, want 1: %+v", len(r.DKIM), r)
			}
			if s := r.DKIM[0]; s.Result != tt.result || !strings.Contains(s.Reason, tt.reason) {
				t.Errorf("got %s (%s), want %s (%s)", s.Result, s.Reason, tt.result, tt.reason)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	tests := []struct {
		text, want string
		ok         bool
	}{
		{"YWI=", "ab", true},
		{"YWI", "ab", true},
		{"YQ = =", "a", true},
		{" Y\tW\r\n I\n=\t", "ab", true},
		{"", "", true},
		{"Y", "", false},
		{"YQ==YQ==", "", false},
		{"YW-_", "", false},
	}
	for _, tt := range tests {
		got, err := decode(tt.text)
		if (err == nil) != tt.ok || tt.ok && string(got) != tt.want {
			t.Errorf("%q: got %q, %v, want %q", tt.text, got, err, tt.want)
		}
	}
}

// A signature may cover the ones below it; the verifier moves them about.
func TestSignatureOverSignature(t *testing.T) {
	inner := sign(t, plain("a@example.com"), "example.org", edKey())
	outer := sign(t, inner, "example.com", edKey(), "From", "DKIM-Signature")
	mail := sign(t, outer, "example.net", edKey())
	z := newZone(t, `
		s._domainkey.example.com TXT `+edRecord()+`
		s._domainkey.example.org TXT `+edRecord()+`
		s._domainkey.example.net TXT `+edRecord())
	got := outcomes(New(z).Verify(context.Background(), Mail{Message: []byte(mail)}))
	want := []string{"example.com s pass", "example.net s pass", "example.org s pass"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("signatures (-got +want):\n%s", diff)
	}
	changed := strings.Replace(mail, "d=example.org", "d=example.ORG", 1)
	if got := outcomes(New(z).Verify(context.Background(), Mail{Message: []byte(changed)})); got[0] != "example.com s fail" {
		t.Errorf("inner signature changed: got %q first, want a failure", got[0])
	}
}

// The author's own signature counts, however many stand above it.
func TestManySignatures(t *testing.T) {
	mail := sign(t, plain("a@example.com"), "example.com", edKey())
	for range 99 {
		mail = "DKIM-Signature: v=1; a=ed25519-sha256; d=other.example; s=s; h=From; bh=AAAA; b=AAAA\r\n" + mail
	}
	z := newZone(t, `
		s._domainkey.example.com TXT `+edRecord()+`
		s._domainkey.other.example TXT `+edRecord())
	r := New(z).Verify(context.Background(), Mail{Message: []byte(mail)})
	if r.Verdict != Pass || len(r.DKIM) != MaxSignatures || r.Unverified != 95 || r.DKIM[0].Domain != "example.com" {
		t.Errorf("got %s, %d signatures, %d unverified, first of %q", r.Verdict, len(r.DKIM), r.Unverified, r.DKIM[0].Domain)
	}
}

// TestCost sends the worst mails that the bounds are there for. It counts work, not
// time: questions, and signatures that reached the library.
func TestCost(t *testing.T) {
	var mail strings.Builder
	for range 100 {
		mail.WriteString("DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s; h=From; bh=AAAA; b=AAAA\r\n")
	}
	mail.WriteString(plain("a@example.com"))
	z := newZone(t, "s._domainkey.example.com TXT "+rsaRecord(262_144))
	r := New(z).Verify(context.Background(), Mail{Message: []byte(mail.String())})
	if z.spent != MaxSignatures || len(r.DKIM) != MaxSignatures || r.Verdict != Fail {
		t.Errorf("got %d questions, %d signatures, %s, want %d, %[4]d, %s", z.spent, len(r.DKIM), r.Verdict, MaxSignatures, Fail)
	}
	for _, s := range r.DKIM {
		if s.Result != resultPolicy {
			t.Errorf("got %s (%s), want the key refused", s.Result, s.Reason)
		}
	}
}

// A body is hashed once for each of the two ways to spell it, and the second time only
// when both together are within the bound.
func TestHashedOctets(t *testing.T) {
	tests := []struct {
		name  string
		lines int // of 1,000 octets
		want  []string
	}{
		{"within the bound", 7 << 10, []string{"example.com s pass", "example.com s pass", "example.com s pass"}},
		{"over the bound", 9 << 10, []string{"example.com s pass", "example.com s policy", "example.com s pass"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mail := plain("a@example.com") + strings.Repeat(strings.Repeat("x", 998)+"\r\n", tt.lines)
			for _, c := range []dkim.Canonicalization{dkim.CanonicalizationRelaxed, dkim.CanonicalizationSimple, dkim.CanonicalizationRelaxed} {
				mail = signAs(t, mail, "example.com", edKey(), c)
			}
			z := newZone(t, "s._domainkey.example.com TXT "+edRecord())
			got := outcomes(New(z).Verify(context.Background(), Mail{Message: []byte(mail)}))
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("signatures (-got +want):\n%s", diff)
			}
		})
	}
}

// TestWorstCost prints what the costliest mails cost: nothing of it is asserted but
// that all of them are judged.
func TestWorstCost(t *testing.T) {
	for name, mail := range worst(t) {
		v := New(newZone(t, "s._domainkey.example.com TXT "+edRecord()))
		before := spent()
		if r := v.Verify(context.Background(), Mail{Message: mail}); r.Verdict != Pass {
			t.Errorf("%s: got %s: %s", name, r.Verdict, r.Reason)
		}
		t.Logf("%s, %d MiB, %d signatures: %d ms of processor time", name, len(mail)>>20, MaxSignatures, (spent()-before)/time.Millisecond)
	}
}

// spent is the processor time of this process so far.
func spent() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkVerifyRSA2048(b *testing.B) {
	key, record := rsaKey(b)
	mail := []byte(sign(b, plain("a@example.com")+strings.Repeat("0123456789abcdef\r\n", 5000/18), "example.com", key))
	benchmarkVerify(b, record, mail)
}

// BenchmarkVerifyPlain reads a mail without a signature whose sender SPF cannot ask for.
func BenchmarkVerifyPlain(b *testing.B) {
	trace := strings.Repeat("X-Trace: 0123456789abcdef\r\n\tabcdef\r\n", 20)
	mail := []byte(trace + plain("a@example.com") + strings.Repeat("0123456789abcdef\r\n", 5000/18))
	v := New(newZone(b, ""))
	b.ReportAllocs()
	before := spent()
	for b.Loop() {
		if r := v.Verify(b.Context(), Mail{Message: mail, ClientIP: client, Helo: "[192.0.2.1]"}); r.Verdict != None {
			b.Fatalf("got %s: %s", r.Verdict, r.Reason)
		}
	}
	b.ReportMetric(float64((spent()-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
}

// BenchmarkVerifyWorst reads mails of 25 MiB whose octets cost most.
func BenchmarkVerifyWorst(b *testing.B) {
	for name, mail := range worst(b) {
		b.Run(name, func(b *testing.B) { benchmarkVerify(b, edRecord(), mail) })
	}
}

// worst are mails of 25 MiB with as many signatures as are verified.
func worst(t testing.TB) map[string][]byte {
	mails := make(map[string][]byte)
	for name, line := range map[string]string{
		"text":  strings.Repeat("x", 76) + "\r\n",
		"lines": "\r\n\r\n\r\nx\r\n",
		"feeds": "\n",
	} {
		mail := plain("a@example.com") + strings.Repeat(line, 25<<20/len(line)) + "x\r\n"
		mails[name] = []byte(strings.Repeat(ownSignature(t, mail), MaxSignatures) + mail)
	}
	return mails
}

// ownSignature signs From and body with the code that verifies: go-msgauth takes seconds
// for such a body.
func ownSignature(t testing.TB, mail string) string {
	t.Helper()
	l, err := split([]byte(mail))
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.StdEncoding.EncodeToString
	raw := "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=s; h=From;\r\n bh=" + encode(l.hashes.sum(canonRelaxed)) + "; b="
	hash := headerHash([]*field{&l.fields[0]}, field{raw: []byte(raw)}, canonRelaxed)
	return raw + encode(ed25519.Sign(edKey(), hash)) + "\r\n"
}

func benchmarkVerify(b *testing.B, record string, mail []byte) {
	v := New(newZone(b, "s._domainkey.example.com TXT "+record))
	b.SetBytes(int64(len(mail)))
	b.ReportAllocs()
	before := spent()
	for b.Loop() {
		if r := v.Verify(context.Background(), Mail{Message: mail}); r.Verdict != Pass {
			b.Fatalf("got %s: %s", r.Verdict, r.Reason)
		}
	}
	b.ReportMetric(float64((spent()-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
}

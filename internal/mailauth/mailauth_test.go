package mailauth

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"reportmx/internal/dmarcdns"
	"reportmx/internal/dmarcdns/dnstest"
)

var client = netip.MustParseAddr("192.0.2.1")

// signed are zone lines with the key of these domains.
func signed(domains ...string) string {
	var b strings.Builder
	for _, d := range domains {
		b.WriteString("s._domainkey." + d + " TXT " + edRecord() + "\n")
	}
	return b.String()
}

const (
	spfPass = " TXT v=spf1 ip4:192.0.2.1 -all\n"
	spfFail = " TXT v=spf1 -all\n"
)

func TestVerdict(t *testing.T) {
	mail := plain("Reports <a@example.com>")
	by := func(domain string) string { return sign(t, mail, domain, edKey()) }
	tests := []struct {
		name     string
		zone     string
		mail     string
		mailFrom string
		want     Verdict
		reason   string
		asked    int // questions, 0 for any number
	}{
		{"signed by the author", signed("example.com"), by("example.com"), "b@example.net", Pass, "", 2},
		{"SPF of the author", "example.com" + spfPass, mail, "b@example.com", Pass, "", 1},
		{"SPF of the author, other case", "example.com" + spfPass, mail, "b@EXAMPLE.Com.", Pass, "", 1},
		{"SPF fails", "example.com" + spfFail, mail, "b@example.com", Fail, "nothing that passes", 1},
		{"SPF of somebody else", "example.net" + spfPass, mail, "b@example.net", Fail, "nothing that passes is aligned with example.com", 1},
		{"SPF fails, signed", "example.com" + spfFail + signed("example.com"), by("example.com"), "b@example.com", Pass, "", 2},
		{"signed by somebody else", signed("example.net"), by("example.net"), "b@example.net", Fail, "nothing that passes", 0},
		{"no SPF record, no signature", "", mail, "b@example.com", None, "no signature and no SPF record", 1},
		{"no SPF record, bad signature", "", by("example.com"), "b@example.com", Fail, "", 0},

		{"relaxed, no record", signed("mail.example.com"), by("mail.example.com"), "b@example.net", Pass, "", 3},
		{"relaxed, record says nothing", signed("mail.example.com") + "_dmarc.example.com TXT v=DMARC1; p=reject", by("mail.example.com"), "b@example.net", Pass, "", 3},
		{"relaxed, strict for DKIM", signed("mail.example.com") + "_dmarc.example.com TXT v=DMARC1; p=none; adkim=s", by("mail.example.com"), "b@example.net", Fail, "record asks for more", 3},
		{"relaxed, strict for SPF only", signed("mail.example.com") + "_dmarc.example.com TXT v=DMARC1; p=none; aspf=s", by("mail.example.com"), "b@example.net", Pass, "", 3},
		{"relaxed SPF, strict for SPF", "mail.example.com" + spfPass + "_dmarc.example.com TXT v=DMARC1; p=none; aspf=s", mail, "b@mail.example.com", Fail, "record asks for more", 2},
		{"relaxed SPF", "mail.example.com" + spfPass, mail, "b@mail.example.com", Pass, "", 2},
		{"exact and strict", signed("example.com") + "_dmarc.example.com TXT v=DMARC1; p=none; adkim=s", by("example.com"), "b@example.net", Pass, "", 2},
		{"relaxed, record not to be had", signed("mail.example.com") + "_dmarc.example.com TEMPERROR", by("mail.example.com"), "b@example.net", TempError, "policy record of example.com", 3},
		{"relaxed, below a domain that is its own organization", signed("mail.example.com") + "_dmarc.example.com TXT v=DMARC1; psd=n", by("mail.example.com"), "b@example.net", Pass, "", 3},
		{"parent of an author that is its own organization", signed("example.com") + "_dmarc.sub.example.com TXT v=DMARC1; psd=n", sign(t, plain("a@sub.example.com"), "example.com", edKey()), "b@example.net", Fail, "record asks for more", 0},
		{"parent of the author", signed("example.com"), sign(t, plain("a@sub.example.com"), "example.com", edKey()), "b@example.net", Pass, "", 0},
		{"neighbour under a public suffix", signed("a.co.uk"), sign(t, plain("a@b.co.uk"), "a.co.uk", edKey()), "b@example.net", Fail, "nothing that passes", 0},

		{"key not to be had", "s._domainkey.example.com TEMPERROR", by("example.com"), "b@example.net", TempError, "could not be looked up", 0},
		{"key of somebody else not to be had", "s._domainkey.example.net TEMPERROR", by("example.net"), "b@example.net", Fail, "", 0},
		{"SPF not to be had", "example.com TEMPERROR", mail, "b@example.com", TempError, "could not be looked up", 0},
		{"SPF of somebody else not to be had", "example.net TEMPERROR", mail, "b@example.net", Fail, "", 0},
		{"SPF not to be had, signed", "example.com TEMPERROR\n" + signed("example.com"), by("example.com"), "b@example.com", Pass, "", 0},

		{"two From fields", signed("example.com"), "From: a@example.net\r\n" + by("example.com"), "b@example.com", Fail, "more than one From field", -1},
		{"two authors of one domain", signed("example.com"), sign(t, plain("a@example.com, B <b@example.com>"), "example.com", edKey()), "b@example.net", Pass, "", 0},
		{"two authors", signed("example.com"), sign(t, plain("a@example.com, b@example.net"), "example.com", edKey()), "b@example.com", Fail, "several domains in From", -1},
		{"no From", "", "Subject: Report\r\n\r\nThe report.\r\n", "b@example.com", None, "no From field", -1},
		{"no address in From", "", plain("Reports"), "b@example.com", None, "no address can be read from From", -1},
		{"empty", "", "", "b@example.com", None, "no From field", -1},
		{"header too long", "", "X: " + strings.Repeat("x", MaxHeader) + "\r\n" + mail, "b@example.com", Fail, "header of more than 262144 octets", -1},
		{"too many fields", "", strings.Repeat("X: x\r\n", MaxFields) + mail, "b@example.com", Fail, "more than 1000 header fields", -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			z := newZone(t, tt.zone)
			r := New(z).Verify(context.Background(), Mail{ClientIP: client, Helo: "mx.example.net", MailFrom: tt.mailFrom, Message: []byte(tt.mail)})
			if r.Verdict != tt.want || !strings.Contains(r.Reason, tt.reason) {
				t.Errorf("got %s (%s), want %s (%s)", r.Verdict, r.Reason, tt.want, tt.reason)
			}
			if tt.asked != 0 && z.spent != max(tt.asked, 0) {
				t.Errorf("got questions %q, want %d", z.asked, max(tt.asked, 0))
			}
		})
	}
}

func TestImported(t *testing.T) {
	z := newZone(t, "example.com"+spfPass+signed("example.com"))
	r := New(z).Verify(context.Background(), Mail{MailFrom: "a@example.com", Message: []byte(plain("a@example.com"))})
	if r.Verdict != None || r.SPF != (SPF{}) || len(z.asked) != 0 {
		t.Errorf("unsigned: got %s, SPF %+v, questions %q, want %s and none", r.Verdict, r.SPF, z.asked, None)
	}
	r = New(z).Verify(context.Background(), Mail{Message: []byte(sign(t, plain("a@example.com"), "example.com", edKey()))})
	if r.Verdict != Pass || r.SPF.Result != "" {
		t.Errorf("signed: got %s, SPF %q, want %s without SPF", r.Verdict, r.SPF.Result, Pass)
	}
}

// bomb panics at one kind of question.
type bomb struct {
	*zone
	at string
}

func (b bomb) TXT(ctx context.Context, name string) (dmarcdns.Answer, error) {
	if name == b.at {
		panic("boom")
	}
	return b.zone.TXT(ctx, name)
}

func TestPanic(t *testing.T) {
	tests := []struct{ name, at, domain string }{
		{"in DKIM", "s._domainkey.example.com", "example.com"},
		{"in SPF", "example.com", "example.net"},
		{"in the judgement", "_dmarc.example.com", "mail.example.com"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			z := newZone(t, signed("example.net", "mail.example.com"))
			mail := sign(t, plain("a@example.com"), tt.domain, edKey())
			r := New(bomb{z, tt.at}).Verify(context.Background(), Mail{ClientIP: client, MailFrom: "a@example.com", Message: []byte(mail)})
			if r.Verdict != TempError || !strings.Contains(string(r.Stack), "bomb.TXT") {
				t.Errorf("got %s (%s), stack %.200s", r.Verdict, r.Reason, r.Stack)
			}
		})
	}
}

// With the real client and a server that never answers, the context's deadline is
// all that a session waits for.
func TestSilentDNS(t *testing.T) {
	srv := dnstest.Start(t, "example.com STALL\ns._domainkey.example.com STALL")
	dns, err := dmarcdns.New(dmarcdns.Config{Servers: []string{srv.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	mail := sign(t, plain("a@example.com"), "example.com", edKey())
	start := time.Now()
	r := New(dns).Verify(ctx, Mail{ClientIP: client, MailFrom: "a@example.com", Message: []byte(mail)})
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if r.Verdict != TempError || r.DKIM[0].Result != "temperror" || r.SPF.Result != "temperror" {
		t.Errorf("got %+v, want temperror everywhere", r)
	}
}

// With the real client and server: SPF by way of MX, A and PTR, and a signature.
func TestRealClient(t *testing.T) {
	srv := dnstest.Start(t, `
		example.com. TXT "v=spf1 a:other.example.com include:_spf.example.com mx " "-all"
		_spf.example.com. TXT "v=spf1 ip6:2001:db8::/32 ?all"
		other.example.com. A 198.51.100.1
		example.com. MX 10 mx.example.com.
		mx.example.com. A 192.0.2.1
		s._domainkey.example.com. TXT "`+edRecord()+`"`)
	dns, err := dmarcdns.New(dmarcdns.Config{Servers: []string{srv.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	mail := sign(t, plain("a@example.com"), "example.com", edKey())
	r := New(dns).Verify(context.Background(), Mail{ClientIP: client, MailFrom: "a@example.com", Message: []byte(mail)})
	if r.Verdict != Pass || r.DKIM[0].Result != "pass" || r.SPF.Result != "pass" {
		t.Errorf("got %+v, want pass everywhere", r)
	}
	if q := "udp MX example.com."; !slices.Contains(srv.Queries(), q) {
		t.Errorf("no question %q in %q", q, srv.Queries())
	}
}

func TestContact(t *testing.T) {
	tests := []struct{ name, author, contact, want string }{
		{"same domain", "example.com", "dmarc@example.com", "fits"},
		{"same organization", "mail.example.com", "dmarc@reports.EXAMPLE.com", "fits"},
		{"another organization", "example.com", "dmarc@example.net", "differs"},
		{"neighbours under a public suffix", "a.co.uk", "dmarc@b.co.uk", "differs"},
		{"with a name", "example.com", "DMARC <dmarc@example.com>", "fits"},
		{"as a URI", "example.com", "mailto:dmarc@example.com?subject=x", "fits"},
		{"in a sentence", "example.com", "write to dmarc@example.com, please", "fits"},
		{"U-label", "xn--bcher-kva.example", "dmarc@bücher.example", "fits"},
		{"no address", "example.com", "https://example.com/dmarc", ""},
		{"no domain", "example.com", "dmarc@", ""},
		{"no author", "", "dmarc@example.com", ""},
		{"nothing", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Contact(tt.author, tt.contact); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

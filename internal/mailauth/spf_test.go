package mailauth

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"reportmx/internal/dmarcdns"
)

func TestSPF(t *testing.T) {
	tests := []struct {
		name           string
		zone           string
		helo, mailFrom string
		client         string
		want           SPF
	}{
		{"pass", "example.com" + spfPass, "mx.example.net", "a@example.com", "192.0.2.1", SPF{"example.com", "mfrom", "pass", "matched ip"}},
		{"client as IPv6", "example.com" + spfPass, "", "a@example.com", "::ffff:192.0.2.1", SPF{"example.com", "mfrom", "pass", "matched ip"}},
		{"fail", "example.com" + spfPass, "", "a@example.com", "192.0.2.2", SPF{"example.com", "mfrom", "fail", "matched all"}},
		{"softfail", "example.com TXT v=spf1 ~all", "", "a@example.com", "192.0.2.2", SPF{"example.com", "mfrom", "softfail", "matched all"}},
		{"neutral", "example.com TXT v=spf1 ?all", "", "a@example.com", "192.0.2.2", SPF{"example.com", "mfrom", "neutral", "matched all"}},
		{"none", "", "", "a@example.com", "192.0.2.1", SPF{"example.com", "mfrom", "none", "no DNS record found"}},
		{"text of another kind", "example.com TXT hello", "", "a@example.com", "192.0.2.1", SPF{"example.com", "mfrom", "none", "no DNS record found"}},
		{"two records", "example.com TXT v=spf1 +all\nexample.com TXT v=spf1 -all", "", "a@example.com", "192.0.2.1", SPF{"example.com", "mfrom", "permerror", "multiple matching DNS records"}},
		{"null reverse path", "mx.example.net" + spfPass, "MX.example.net", "", "192.0.2.1", SPF{"mx.example.net", "helo", "pass", "matched ip"}},
		{"null reverse path, address literal", "", "[192.0.2.1]", "", "192.0.2.1", SPF{"", "helo", "none", "no domain name to ask for"}},
		{"null reverse path, one label", "localhost" + spfPass, "localhost", "", "192.0.2.1", SPF{"localhost", "helo", "none", "no domain name to ask for"}},
		{"no domain in MAIL FROM", "mx.example.net" + spfPass, "mx.example.net", "a", "192.0.2.1", SPF{"", "mfrom", "none", "no domain name to ask for"}},
		{"@ in the local part", "example.net TXT v=spf1 +all\nexample.com" + spfFail, "", `"a@example.net"@example.com`, "192.0.2.1", SPF{"example.com", "mfrom", "fail", "matched all"}},
		{"macro with the local part", "example.com TXT v=spf1 exists:%{l}.%{i}.example.net -all\na.192.0.2.1.example.net A 127.0.0.2", "", "a@example.com", "192.0.2.1", SPF{"example.com", "mfrom", "pass", "matched exists"}},
		{"macro of the null reverse path", "mx.example.net TXT v=spf1 exists:%{l}.example.net -all\npostmaster.example.net A 127.0.0.2", "mx.example.net", "", "192.0.2.1", SPF{"mx.example.net", "helo", "pass", "matched exists"}},
		{"mx", "example.com TXT v=spf1 mx -all\nexample.com MX 10 mx.example.com\nmx.example.com AAAA 2001:db8::1", "", "a@example.com", "2001:db8::1", SPF{"example.com", "mfrom", "pass", "matched mx"}},
		{"null mx", "example.com TXT v=spf1 mx -all\nexample.com MX 0 .", "", "a@example.com", "192.0.2.1", SPF{"example.com", "mfrom", "fail", "matched all"}},
		{"ptr", "example.com TXT v=spf1 ptr -all\n192.0.2.1 PTR mx.example.com\nmx.example.com A 192.0.2.1", "", "a@example.com", "192.0.2.1", SPF{"example.com", "mfrom", "pass", "matched ptr"}},
		{"temperror", "example.com TEMPERROR", "", "a@example.com", "192.0.2.1", SPF{Domain: "example.com", Scope: "mfrom", Result: "temperror"}},
		{"temperror of an include", "example.com TXT v=spf1 include:example.net -all\nexample.net TEMPERROR", "", "a@example.com", "192.0.2.1", SPF{Domain: "example.com", Scope: "mfrom", Result: "temperror"}},
		{"include of nothing", "example.com TXT v=spf1 include:example.net -all", "", "a@example.com", "192.0.2.1", SPF{"example.com", "mfrom", "permerror", "no DNS record found"}},
		{"a name that is none", "example.com TXT v=spf1 a:exa..mple.com -all", "", "a@example.com", "192.0.2.1", SPF{"example.com", "mfrom", "fail", "matched all"}},
		{"void look-ups", "example.com TXT v=spf1 a:1.example.com a:2.example.com a:3.example.com +all", "", "a@example.com", "192.0.2.1", SPF{"example.com", "mfrom", "permerror", "void lookup limit reached"}},
		{"a loop", "example.com TXT v=spf1 include:example.com -all", "", "a@example.com", "192.0.2.1", SPF{"example.com", "mfrom", "permerror", "lookup limit reached"}},
		{"a circle of redirects", "example.com TXT v=spf1 redirect=example.net\nexample.net TXT v=spf1 redirect=example.com", "", "a@example.com", "192.0.2.1", SPF{"example.com", "mfrom", "permerror", "lookup limit reached"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := Mail{ClientIP: netip.MustParseAddr(tt.client), Helo: tt.helo, MailFrom: tt.mailFrom, Message: []byte(plain("a@example.com"))}
			got := New(newZone(t, tt.zone)).Verify(context.Background(), m).SPF
			if tt.want.Reason == "" {
				got.Reason = ""
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// Only the client's family counts (RFC 7208 §5.3), and that it could not be had is no
// fail, whatever the other one holds.
func TestSPFFamilies(t *testing.T) {
	const four, six = "192.0.2.1", "2001:db8::1"
	record := "example.com TXT v=spf1 a:h.example.com -all\n"
	exists := "example.com TXT v=spf1 exists:h.example.com -all\n"
	tests := []struct {
		name, client, zone, want string
		asked                    []string
	}{
		{"IPv4", four, record + "h.example.com A " + four, "pass", []string{"A"}},
		{"IPv4, A fails", four, record + "h.example.com A TEMPERROR\nh.example.com AAAA " + six, "temperror", []string{"A"}},
		{"IPv4, AAAA fails", four, record + "h.example.com AAAA TEMPERROR\nh.example.com A 192.0.2.2", "fail", []string{"A"}},
		{"IPv4, only AAAA", four, record + "h.example.com AAAA " + six, "fail", []string{"A"}},
		{"IPv4, exists", four, exists + "h.example.com A 127.0.0.2", "pass", []string{"A"}},
		{"IPv6", six, record + "h.example.com A " + four + "\nh.example.com AAAA " + six, "pass", []string{"A", "AAAA"}},
		{"IPv6, A fails", six, record + "h.example.com A TEMPERROR\nh.example.com AAAA " + six, "pass", []string{"A", "AAAA"}},
		{"IPv6, AAAA fails", six, record + "h.example.com AAAA TEMPERROR\nh.example.com A " + four, "temperror", []string{"A", "AAAA"}},
		{"IPv6, exists", six, exists + "h.example.com A 127.0.0.2", "pass", []string{"A", "AAAA"}},
		{"IPv6, exists fails", six, exists + "h.example.com A TEMPERROR", "temperror", []string{"A", "AAAA"}},
		{"IPv6, no such name", six, record, "fail", []string{"A"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			z := newZone(t, tt.zone)
			m := Mail{ClientIP: netip.MustParseAddr(tt.client), MailFrom: "a@example.com", Message: []byte(plain("a@example.com"))}
			if got := New(z).Verify(context.Background(), m).SPF; got.Result != tt.want {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
			var asked []string
			for _, q := range z.asked {
				if kind, ok := strings.CutSuffix(q, " h.example.com"); ok {
					asked = append(asked, kind)
				}
			}
			if !slices.Equal(asked, tt.asked) {
				t.Errorf("asked %q, want %q", asked, tt.asked)
			}
		})
	}
}

// Ten mx terms of ten hosts each are 110 questions, all of them allowed by RFC 7208.
func TestSPFQuestions(t *testing.T) {
	var zone, record strings.Builder
	record.WriteString("example.com TXT v=spf1")
	for i := range 10 {
		fmt.Fprintf(&record, " mx:%d.example.com", i)
		for j := range 10 {
			fmt.Fprintf(&zone, "%d.example.com MX 10 mx%d.%[1]d.example.com\nmx%[2]d.%[1]d.example.com A 198.51.100.1\n", i, j)
		}
	}
	for _, end := range []string{" +all\n", " -all\n"} {
		z := newZone(t, zone.String()+record.String()+end)
		m := Mail{ClientIP: client, MailFrom: "a@example.com", Message: []byte(plain("a@example.com"))}
		r := New(z).Verify(context.Background(), m)
		if r.SPF.Result != "permerror" || r.SPF.Reason != "more than 33 DNS questions" || r.Verdict != Fail {
			t.Errorf("got %s, %+v", r.Verdict, r.SPF)
		}
		if z.spent > MaxQuestions {
			t.Errorf("got %d questions, want at most %d", z.spent, MaxQuestions)
		}
	}
}

// All bounds together keep a message within 40 questions.
func TestQuestions(t *testing.T) {
	var zone strings.Builder
	mail := plain("a@sub.example.com")
	for i := range 10 {
		domain := fmt.Sprintf("%d.example.com", i)
		mail = sign(t, mail, domain, edKey())
		zone.WriteString(signed(domain))
		fmt.Fprintf(&zone, "mx.example.net MX %d mx%d.example.net\nmx%[2]d.example.net A 198.51.100.1\n", 10+i, i)
	}
	zone.WriteString("example.net TXT v=spf1 mx:mx.example.net ptr:mx.example.net mx:mx.example.net mx:mx.example.net -all")
	z := newZone(t, zone.String())
	r := New(z).Verify(context.Background(), Mail{ClientIP: client, MailFrom: "a@example.net", Message: []byte(mail)})
	t.Logf("%d signatures, SPF with mx, ptr and more: %d DNS questions", len(r.DKIM), z.spent)
	if z.spent > 40 || r.Verdict != Pass || r.SPF.Result != "permerror" {
		t.Errorf("got %d questions, %s, SPF %s, want at most 40", z.spent, r.Verdict, r.SPF.Result)
	}
	if last := "TXT _dmarc.example.com"; !slices.Contains(z.asked, last) {
		t.Errorf("no question %q in %q", last, z.asked)
	}
}

// stalled is a DNS that never answers.
type stalled struct{}

func (stalled) wait(ctx context.Context) (dmarcdns.Answer, error) {
	<-ctx.Done()
	return dmarcdns.Answer{}, fmt.Errorf("%w: %w", dmarcdns.ErrTemporary, ctx.Err())
}

func (s stalled) TXT(ctx context.Context, _ string) (dmarcdns.Answer, error)     { return s.wait(ctx) }
func (s stalled) MX(ctx context.Context, _ string) (dmarcdns.Answer, error)      { return s.wait(ctx) }
func (s stalled) A(ctx context.Context, _ string) (dmarcdns.Answer, error)       { return s.wait(ctx) }
func (s stalled) AAAA(ctx context.Context, _ string) (dmarcdns.Answer, error)    { return s.wait(ctx) }
func (s stalled) PTR(ctx context.Context, _ netip.Addr) (dmarcdns.Answer, error) { return s.wait(ctx) }

// All DNS of a message together ends in time, whatever the caller allows beyond that.
func TestTime(t *testing.T) {
	mail := plain("a@example.com")
	for range MaxSignatures {
		mail = sign(t, mail, "example.com", edKey())
	}
	for _, allowed := range []time.Duration{0, 4 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			ctx, want := t.Context(), MaxTime
			if allowed > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, allowed)
				defer cancel()
				want = min(want, allowed)
			}
			begun := time.Now()
			r := New(stalled{}).Verify(ctx, Mail{ClientIP: client, MailFrom: "a@example.com", Message: []byte(mail)})
			if got := time.Since(begun); got != want || r.Verdict != TempError {
				t.Errorf("got %s after %v, want %s after %v", r.Verdict, got, TempError, want)
			}
			t.Logf("DNS that never answers, %v allowed: %s after %v", allowed, r.Verdict, time.Since(begun))
		})
	}
}

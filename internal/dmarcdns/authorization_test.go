package dmarcdns

import (
	"errors"
	"strings"
	"testing"

	"reportmx/internal/dmarcdns/dnstest"
)

func TestAtReceipt(t *testing.T) {
	srv := dnstest.Start(t, `
example.com._report._dmarc.reports.example.net TXT "v=DMARC1;"
other.example._report._dmarc.reports.example.net TXT "v=spf1 -all"
moved.example._report._dmarc.reports.example.net TXT "v=DMARC1; rua=mailto:x@elsewhere.example"
broken.example._report._dmarc.reports.example.net SERVFAIL
*.wild._report._dmarc.reports.example.net TXT "v=DMARC1;"
`)
	c := newClient(t, srv)
	tests := []struct {
		name, domain string
		want         Authorization
		questions    int
	}{
		{"authorized", "example.com", Authorized, 1},
		{"spelt otherwise", "EXAMPLE.com.", Authorized, 0},
		{"below it", "sub.example.com", Missing, 1},
		{"missing", "example.org", Missing, 1},
		{"other text", "other.example", Missing, 1},
		{"an override is not looked at", "moved.example", Authorized, 1},
		{"failure", "broken.example", Unknown, 2},
		{"own domain", "example.net", NotNeeded, 0},
		{"own subdomain", "mail.example.net", NotNeeded, 0},
		{"too long", strings.Repeat(strings.Repeat("a", 60)+".", 4) + "example", NameTooLong, 0},
		{"the wildcard's own name", "*.wild", Missing, 0},
		{"no name", "a..b", Missing, 0},
		{"empty", "", Missing, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(srv.Queries())
			got, err := AtReceipt(t.Context(), c, tt.domain, "reports.example.net")
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if (err != nil) != (tt.want == Unknown) || err != nil && !errors.Is(err, ErrTemporary) {
				t.Errorf("error %v with %s", err, got)
			}
			for _, q := range srv.Queries()[before:] {
				if !strings.HasSuffix(q, "._report._dmarc.reports.example.net.") {
					t.Errorf("asked outside of our zone: %s", q)
				}
			}
			if n := len(srv.Queries()) - before; n != tt.questions {
				t.Errorf("%d questions, want %d", n, tt.questions)
			}
		})
	}
}

func TestAtReceiptFresh(t *testing.T) {
	srv := dnstest.Start(t, "")
	c := newClient(t, srv)
	if got, _ := AtReceipt(t.Context(), c, "example.com", "reports.example.net"); got != Missing {
		t.Fatalf("got %s", got)
	}
	srv.Set(t, `example.com._report._dmarc.reports.example.net TXT "v=DMARC1;"`)
	if got, _ := AtReceipt(t.Context(), c.Fresh(), "example.com", "reports.example.net"); got != Authorized {
		t.Errorf("past the cache: got %s, want authorized", got)
	}
}

func TestRecordName(t *testing.T) {
	tests := []struct {
		name, policy, report, want string
		err                        error
	}{
		{"plain", "example.com", "reports.example.net", "example.com._report._dmarc.reports.example.net", nil},
		{"u-label", "Bücher.example.", "reports.example.net", "xn--bcher-kva.example._report._dmarc.reports.example.net", nil},
		{"too long", strings.Repeat("a.", 110) + "example", "reports.example.net", "", ErrNameTooLong},
		{"exactly 253", strings.Repeat("a", 63) + "." + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + "." + strings.Repeat("d", 26), "reports.example.net",
			strings.Repeat("a", 63) + "." + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + "." + strings.Repeat("d", 26) + "._report._dmarc.reports.example.net", nil},
		{"one more than 253", strings.Repeat("a", 63) + "." + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + "." + strings.Repeat("d", 27), "reports.example.net", "", ErrNameTooLong},
		{"wildcard", "*.example", "reports.example.net", "", ErrName},
		{"no report domain", "example.com", "", "", ErrName},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := RecordName(tt.policy, tt.report)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %q, %v, want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// What an override elsewhere means where only some organizations need the record,
// and what is known when the tree walk fails.
func TestAuthorizeMixed(t *testing.T) {
	policy := "_dmarc.example.com TXT \"v=DMARC1; p=none; rua=mailto:d@mail.example.com\"\n"
	split := policy + "_dmarc.mail.example.com TXT \"v=DMARC1; p=none; psd=n\"\n"
	name := "example.com._report._dmarc.mail.example.com "
	tests := []struct {
		name, zone string
		walk, list Authorization
		to         string
	}{
		{"override elsewhere", split + name + `TXT "v=DMARC1; rua=mailto:x@example.org"`, OverrideElsewhere, NotNeeded, "d@mail.example.com"},
		{"authorized for those who ask", split + name + `TXT "v=DMARC1"`, Authorized, NotNeeded, "d@mail.example.com"},
		{"walk fails, no record", policy + "_dmarc.mail.example.com SERVFAIL", Unknown, NotNeeded, "d@mail.example.com"},
		{"walk fails, record", policy + "_dmarc.mail.example.com SERVFAIL\n" + name + `TXT "v=DMARC1"`, Authorized, NotNeeded, "d@mail.example.com"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, dnstest.Start(t, tt.zone))
			_, decisions, err := Destinations(t.Context(), c, "example.com")
			if err != nil || len(decisions) != 1 {
				t.Fatalf("got %d decisions, %v", len(decisions), err)
			}
			d := decisions[0]
			if d.Walk != tt.walk || d.List != tt.list || strings.Join(d.Addresses, ",") != tt.to {
				t.Errorf("got walk %s, list %s, to %v, want %s, %s, %s", d.Walk, d.List, d.Addresses, tt.walk, tt.list, tt.to)
			}
		})
	}
}

// The cached way, which every report takes.
func BenchmarkAtReceipt(b *testing.B) {
	srv := dnstest.Start(b, `example.com._report._dmarc.reports.example.net TXT "v=DMARC1;"`)
	c, err := New(Config{Servers: []string{srv.Addr}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if got, err := AtReceipt(b.Context(), c, "example.com", "reports.example.net"); got != Authorized {
			b.Fatal(got, err)
		}
	}
}

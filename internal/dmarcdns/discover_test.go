package dmarcdns

import (
	"context"
	"errors"
	"strings"
	"testing"

	"reportmx/internal/dmarcdns/dnstest"
)

func TestDiscover(t *testing.T) {
	tests := []struct {
		name, zone, domain string
		walk, list         string // organizational domain, policy domain
	}{
		{"own record", `_dmarc.example.com TXT "v=DMARC1; p=none"`, "example.com", "example.com example.com", "example.com example.com"},
		{"record above", `_dmarc.example.com TXT "v=DMARC1; p=none"`, "a.b.example.com", "example.com example.com", "example.com example.com"},
		{"own record below", "_dmarc.example.com TXT \"v=DMARC1; p=none\"\n_dmarc.a.example.com TXT \"v=DMARC1; p=reject\"", "a.example.com",
			"example.com a.example.com", "example.com a.example.com"},
		{"nothing", "", "a.example.com", "a.example.com ", "example.com "},
		{"record between, seen by the walk only", `_dmarc.b.example.com TXT "v=DMARC1; p=none"`, "a.b.example.com", "b.example.com b.example.com", "example.com "},
		{"psd=n stops", "_dmarc.b.example.com TXT \"v=DMARC1; p=none; psd=n\"\n_dmarc.example.com TXT \"v=DMARC1; p=reject\"", "a.b.example.com",
			"b.example.com b.example.com", "example.com example.com"},
		{"psd=y above", "_dmarc.test TXT \"v=DMARC1; p=reject; psd=y\"\n_dmarc.example.test TXT \"v=DMARC1; p=none\"", "a.example.test",
			"example.test example.test", "example.test example.test"},
		{"record of a public suffix domain", `_dmarc.test TXT "v=DMARC1; p=reject; psd=y"`, "a.example.test", "example.test test", "example.test "},
		{"psd=y at the start", `_dmarc.test TXT "v=DMARC1; p=reject; psd=y"`, "test", "test test", "test test"},
		{"two records count as none", "_dmarc.example.com TXT \"v=DMARC1; p=none\"\n_dmarc.example.com TXT \"v=DMARC1; p=reject\"", "example.com",
			"example.com ", "example.com "},
		{"top-level record without psd", `_dmarc.test TXT "v=DMARC1; p=reject"`, "a.example.test", "test test", "example.test "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, dnstest.Start(t, tt.zone))
			for _, way := range []struct {
				name string
				find func(context.Context, TXTResolver, string) (Discovery, error)
				want string
			}{{"walk", Discover, tt.walk}, {"list", DiscoverByList, tt.list}} {
				d, err := way.find(t.Context(), c, tt.domain)
				if err != nil {
					t.Fatal(err)
				}
				if got := d.OrgDomain + " " + d.PolicyDomain; got != way.want {
					t.Errorf("%s: got %q, want %q", way.name, got, way.want)
				}
			}
		})
	}
}

// A domain that leaves no room for _dmarc has the record of its organization.
func TestDiscoverByListLongDomain(t *testing.T) {
	domain := strings.Repeat("a.", 119) + "example.com"
	c := newClient(t, dnstest.Start(t, `_dmarc.example.com TXT "v=DMARC1; p=none"`))
	d, err := DiscoverByList(t.Context(), c, domain)
	if err != nil || d.Domain != domain || d.PolicyDomain != "example.com" {
		t.Errorf("%d octets: got %q, %v, want the record of example.com", len(domain), d.PolicyDomain, err)
	}
	c = newClient(t, dnstest.Start(t, `_dmarc.example.com SERVFAIL`))
	if _, err := DiscoverByList(t.Context(), c, domain); !errors.Is(err, ErrTemporary) {
		t.Errorf("got %v, want ErrTemporary", err)
	}
}

func TestWalkIsBounded(t *testing.T) {
	srv := dnstest.Start(t, "")
	c := newClient(t, srv)
	if _, err := Discover(t.Context(), c, strings.Repeat("a.", 60)+"example.com"); err != nil {
		t.Fatal(err)
	}
	queries := srv.Queries()
	if len(queries) != 8 {
		t.Errorf("%d questions, want 8:\n%s", len(queries), strings.Join(queries, "\n"))
	}
	if got, want := queries[1], "udp TXT _dmarc.a.a.a.a.a.example.com."; got != want {
		t.Errorf("second question %q, want %q", got, want)
	}
}

func TestWalkFailure(t *testing.T) {
	c := newClient(t, dnstest.Start(t, "_dmarc.example.com SERVFAIL\n_dmarc.b.example.com TXT \"v=DMARC1; p=none\""))
	if _, err := Discover(t.Context(), c, "a.example.com"); !errors.Is(err, ErrTemporary) {
		t.Errorf("got %v, want ErrTemporary", err)
	}
	d, err := Discover(t.Context(), c, "b.example.com")
	if err != nil || d.PolicyDomain != "b.example.com" || d.OrgDomain != "" {
		t.Errorf("own record below a failure: got %+v, %v, want the record and no organizational domain", d, err)
	}
	if _, err := OrgDomain(t.Context(), c, "b.example.com"); !errors.Is(err, ErrTemporary) {
		t.Errorf("organizational domain: got %v, want ErrTemporary", err)
	}
}

func TestOrgDomainByList(t *testing.T) {
	tests := []struct{ domain, want string }{
		{"example.com", "example.com"},
		{"a.b.EXAMPLE.com.", "example.com"},
		{"a.example.co.uk", "example.co.uk"},
		{"co.uk", "co.uk"},
		{"a.bücher.example", "xn--bcher-kva.example"},
	}
	for _, tt := range tests {
		if got := OrgDomainByList(tt.domain); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.domain, got, tt.want)
		}
	}
}

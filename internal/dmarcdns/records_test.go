package dmarcdns

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"reportmx/internal/dmarcdns/dnstest"
)

func testRecords(t *testing.T) []RR {
	t.Helper()
	records, err := Records(Setup{
		Host: Host{Name: "mx.example.net", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.25"), netip.MustParseAddr("2001:db8::25")}},
		Ours: testAddresses,
		Targets: []Wanted{
			{Target: Target{Domain: "example.com", SendsMail: true}, Existing: []string{"v=DMARC1; p=quarantine; sp=reject; adkim=s; rua=mailto:in@example.com"}},
			{Target: Target{Domain: "Bücher.example", SendsMail: true}},
			{Target: Target{Domain: "parked.test"}},
		}})
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func TestZoneFile(t *testing.T) {
	want := `; mail for reports.example.net comes to this server
reports.example.net. MX 10 mx.example.net.
; its address; the reverse name should be mx.example.net
mx.example.net. A 192.0.2.25
mx.example.net. AAAA 2001:db8::25
; the report domain receives and never sends
reports.example.net. TXT "v=spf1 -all"
_dmarc.reports.example.net. TXT "v=DMARC1; p=reject; sp=reject; np=reject"
; who may be reported about: one record for each target (RFC 9990 §4)
example.com._report._dmarc.reports.example.net. TXT "v=DMARC1;"
xn--bcher-kva.example._report._dmarc.reports.example.net. TXT "v=DMARC1;"
parked.test._report._dmarc.reports.example.net. TXT "v=DMARC1;"
; or this one in place of all of them. Its price: everybody may then point reports here, and this server
; must sort them out by target; and one explicit record beside it, say for a.example, hides it from
; every other name below example (RFC 4592), so it is all or nothing
; *._report._dmarc.reports.example.net. TXT "v=DMARC1;"
; the policy of example.com: in place of what is there
_dmarc.example.com. TXT "v=DMARC1; p=quarantine; sp=reject; adkim=s; rua=mailto:in@example.com,mailto:dmarc@reports.example.net; ruf=mailto:ruf@reports.example.net"
; the policy of xn--bcher-kva.example: a new record, as there is none
_dmarc.xn--bcher-kva.example. TXT "v=DMARC1; p=none; rua=mailto:dmarc@reports.example.net; ruf=mailto:ruf@reports.example.net"
; the policy of parked.test: a new record, as there is none
_dmarc.parked.test. TXT "v=DMARC1; p=reject; sp=reject; np=reject; rua=mailto:dmarc@reports.example.net; ruf=mailto:ruf@reports.example.net"
; parked.test never sends mail
parked.test. TXT "v=spf1 -all"
; parked.test never sends mail, and this says that it takes none either (RFC 7505)
parked.test. MX 0 .
`
	if d := cmp.Diff(ZoneFile(testRecords(t)), want); d != "" {
		t.Errorf("zone file differs (-got +want):\n%s", d)
	}
}

// What is proposed is a zone file that a name server reads, and checks clean.
func TestRecordsCheckClean(t *testing.T) {
	zone := ZoneFile(testRecords(t))
	parser := dns.NewZoneParser(strings.NewReader(zone), ".", "")
	parser.SetDefaultTTL(3600)
	n := 0
	for _, ok := parser.Next(); ok; _, ok = parser.Next() {
		n++
	}
	if err := parser.Err(); err != nil || n != 13 {
		t.Fatalf("%d records, %v, want 13", n, err)
	}
	checker := Checker{DNS: newClient(t, dnstest.Start(t, zone)), Ours: testAddresses}
	for _, target := range []Target{{"example.com", true}, {"bücher.example", true}, {"parked.test", false}} {
		result := checker.Check(t.Context(), target)
		if len(result.Findings) > 0 || result.Authorization != Authorized {
			t.Errorf("%s: %s, %v", target.Domain, result.Authorization, result.Findings)
		}
	}
}

func TestRecordsErrors(t *testing.T) {
	host := Host{Name: "mx.example.net"}
	long := strings.Repeat("a.", 115) + "example"
	tests := []struct {
		name   string
		host   Host
		ours   Addresses
		target string
		want   error
	}{
		{"report domain", host, Addresses{ReportDomain: "no domain"}, "example.com", ErrName},
		{"host", Host{}, testAddresses, "example.com", ErrName},
		{"target", host, testAddresses, "*", ErrName},
		{"target too long", host, testAddresses, long, ErrNameTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Records(Setup{Host: tt.host, Ours: tt.ours, Targets: []Wanted{{Target: Target{Domain: tt.target}}}}); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRecordAsJSON(t *testing.T) {
	got, err := json.Marshal(RR{Name: "example.com", Type: "TXT", Value: NoSPF})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"name":"example.com","type":"TXT","value":"v=spf1 -all"}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLongText(t *testing.T) {
	rr := RR{Name: "example.com", Type: "TXT", Value: strings.Repeat("x", 600) + `"\` + "\x07ü"}
	parsed, err := dns.NewRR(rr.String())
	if err != nil {
		t.Fatal(err)
	}
	txt := parsed.(*dns.TXT)
	if len(txt.Txt) != 3 || unescape(strings.Join(txt.Txt, "")) != rr.Value {
		t.Errorf("read back as %q", txt.Txt)
	}
}

func TestPropose(t *testing.T) {
	const us = "mailto:dmarc@reports.example.net"
	ours := Addresses{ReportDomain: "reports.example.net", Aggregate: []string{"dmarc"}}
	tests := []struct {
		name     string
		existing []string
		want     string
	}{
		{"nothing", nil, "v=DMARC1; p=none; rua=" + us},
		{"ours already", []string{"v=DMARC1; p=reject; rua=" + us}, "v=DMARC1; p=reject; rua=" + us},
		{"tags kept in order", []string{"v=DMARC1;p=reject;aspf=s;adkim=s;sp=none;psd=n;t=y;pct=30"},
			"v=DMARC1; p=reject; aspf=s; adkim=s; sp=none; psd=n; t=y; pct=30; rua=" + us},
		{"second behind another", []string{"v=DMARC1; p=none; rua=mailto:a@example.com,mailto:b@example.com"},
			"v=DMARC1; p=none; rua=mailto:a@example.com," + us + ",mailto:b@example.com"},
		{"moved forward", []string{"v=DMARC1; p=none; rua=mailto:a@example.com,mailto:b@example.com," + us},
			"v=DMARC1; p=none; rua=mailto:a@example.com," + us + ",mailto:b@example.com"},
		{"first stays first", []string{"v=DMARC1; p=none; rua=" + us + ",mailto:b@example.com"}, "v=DMARC1; p=none; rua=" + us + ",mailto:b@example.com"},
		{"theirs in ruf kept", []string{"v=DMARC1; p=none; ruf=mailto:f@example.com; fo=1"}, "v=DMARC1; p=none; fo=1; rua=" + us + "; ruf=mailto:f@example.com"},
		{"other schemes kept", []string{"v=DMARC1; p=none; rua=https://example.com/r"}, "v=DMARC1; p=none; rua=https://example.com/r," + us},
		{"strictest of two", []string{"v=DMARC1; p=none; sp=none", "v=DMARC1; p=reject; rua=mailto:a@example.com"},
			"v=DMARC1; p=reject; rua=mailto:a@example.com," + us},
		{"escaped", []string{"v=DMARC1; p=none; rua=mailto:a%21b%2Cc@example.com"}, "v=DMARC1; p=none; rua=mailto:a%21b%2Cc@example.com," + us},
		{"mended", []string{"DMARC1 p=reject, sp=reject rua=mailto:a@example.com; mailto:b@example.com"},
			"v=DMARC1; p=reject; sp=reject; rua=mailto:a@example.com," + us + ",mailto:b@example.com"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(Propose(tt.existing, ours), tt.want); d != "" {
				t.Errorf("proposal differs (-got +want):\n%s", d)
			}
		})
	}
}

func TestLocked(t *testing.T) {
	tests := []struct{ name, record, want string }{
		{"weak", "v=DMARC1; p=none; sp=none; rua=mailto:a@example.com", "v=DMARC1; p=reject; sp=reject; np=reject; rua=mailto:a@example.com"},
		{"what weakens is left out", "v=DMARC1; p=reject; pct=50; t=y; adkim=s", "v=DMARC1; p=reject; sp=reject; np=reject; adkim=s"},
		{"no record", "v=spf1 -all", "v=spf1 -all"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Locked(tt.record); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWant(t *testing.T) {
	c := newClient(t, dnstest.Start(t, `
_dmarc.example.com TXT "v=DMARC1; p=reject; sp=quarantine; rua=mailto:in@example.com"
_dmarc.own.example.com TXT "v=DMARC1; p=none"
_dmarc.near.example.com TXT "v=DMARC1 p=none"
_dmarc.test TXT "v=DMARC1; p=reject; psd=y; rua=mailto:registry@nic.test"
_dmarc.broken.example SERVFAIL
_dmarc.alias.test CNAME d.example.com
d.example.com TXT "v=DMARC1; p=reject"
wrong.test TXT "v=DMARC1; p=reject"
parked.example.com MX 5 mx.example.com.
parked.example.com TXT "v=spf1 ~all"
`))
	tests := []struct {
		name   string
		target Target
		want   Wanted
		err    error
	}{
		{"own record", Target{"own.example.com", true}, Wanted{Existing: []string{"v=DMARC1; p=none"}}, nil},
		{"nearly a record", Target{"near.example.com", true}, Wanted{Existing: []string{"v=DMARC1 p=none"}}, nil},
		{"governed from above", Target{"news.example.com", true},
			Wanted{PolicyDomain: "example.com", Existing: []string{"v=DMARC1; p=reject; sp=quarantine; rua=mailto:in@example.com"}}, nil},
		{"governed from above, never sends", Target{"parked.example.com", false}, Wanted{Existing: []string{"v=DMARC1; p=quarantine"}, SPF: Seen{Values: []string{"v=spf1 ~all"}}, MX: Seen{Values: []string{"5 mx.example.com."}}}, nil},
		{"alias", Target{"alias.test", true}, Wanted{Existing: []string{"v=DMARC1; p=reject"}, Alias: "d.example.com"}, nil},
		{"at a wrong name", Target{"wrong.test", true}, Wanted{Existing: []string{"v=DMARC1; p=reject"}}, nil},
		{"public suffix above", Target{"shop.test", true}, Wanted{Existing: []string{"v=DMARC1; p=reject"}}, nil},
		{"nothing", Target{"example.org", true}, Wanted{}, nil},
		{"no answer", Target{"broken.example", true}, Wanted{}, ErrTemporary},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Target = tt.target
			got, err := Want(t.Context(), c, tt.target)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err != nil {
				tt.want.Unknown = err.Error()
			}
			if d := cmp.Diff(got, tt.want); d != "" {
				t.Errorf("differs (-got +want):\n%s", d)
			}
		})
	}
}

// Two targets below one policy domain share its authorization and its record.
func TestRecordsOfPolicyDomain(t *testing.T) {
	above := "v=DMARC1; p=reject"
	records, err := Records(Setup{Host: Host{Name: "mx.example.net"}, Ours: testAddresses, Targets: []Wanted{
		{Target: Target{"a.example.com", true}, PolicyDomain: "example.com", Existing: []string{above}},
		{Target: Target{"b.example.com", true}, PolicyDomain: "example.com", Existing: []string{above}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range records {
		if strings.Contains(r.Name, "example.com") {
			names = append(names, r.Name)
		}
	}
	if d := cmp.Diff(names, []string{"example.com._report._dmarc.reports.example.net", "_dmarc.example.com"}); d != "" {
		t.Errorf("names differ (-got +want):\n%s", d)
	}
}

package dmarcdns

import (
	"errors"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func FuzzRecordName(f *testing.F) {
	f.Add("example.com", "reports.example.net")
	f.Add("Bücher.example.", "reports.example.net")
	f.Add("*.com", strings.Repeat("a.", 120)+"example")
	f.Fuzz(func(t *testing.T, policy, report string) {
		name, err := RecordName(policy, report)
		if err != nil {
			if !errors.Is(err, ErrName) && !errors.Is(err, ErrNameTooLong) {
				t.Errorf("error of no kind: %v", err)
			}
			return
		}
		if _, ok := dns.IsDomainName(name); !ok || len(name) > maxNameLength {
			t.Errorf("%q is no name", name)
		}
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || !strings.Contains(name, "._report._dmarc.") {
			t.Errorf("name %q", name)
		}
	})
}

// FuzzAnswer reads replies as a hostile server could write them.
func FuzzAnswer(f *testing.F) {
	for _, records := range [][]string{
		{`example.com. 60 IN TXT "v=DMARC1; p=none" "x"`},
		{"example.com. 60 IN CNAME a.example.", `a.example. 5 IN TXT "\200\"\\"`},
		{"example.com. 60 IN CNAME example.com."},
		{`\000.example.com. 60 IN MX 0 .`},
	} {
		m := new(dns.Msg).SetQuestion("example.com.", dns.TypeTXT)
		for _, r := range records {
			rr, err := dns.NewRR(r)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		packed, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		m := new(dns.Msg)
		if m.Unpack(packed) != nil {
			return
		}
		for _, qtype := range []uint16{dns.TypeTXT, dns.TypeMX, dns.TypeA, dns.TypeAAAA, dns.TypePTR} {
			a, err := readAnswer(question{name: "example.com.", qtype: qtype}, m)
			if err != nil {
				continue
			}
			n := len(a.TXT) + len(a.MX) + len(a.Addrs) + len(a.Names)
			if (a.Kind == Found) != (n > 0) {
				t.Errorf("%s with %d records", a.Kind, n)
			}
			if len(a.Aliases) > maxAliases || a.TTL < 0 || a.tooLarge() != nil {
				t.Errorf("past a bound: %+v", a)
			}
		}
	})
}

// FuzzPropose wants of each proposal that receivers read it without a flaw of its
// own, that it asks for reports here, and that it is not weaker than what is there.
func FuzzPropose(f *testing.F) {
	f.Add("v=DMARC1; p=reject; sp=quarantine; rua=mailto:a@example.com!10m,https://example.com; fo=1")
	f.Add("DMARC1 p=reject, sp=reject rua=mailto:a@example.com; mailto:b@example.com")
	f.Add(`"p=quarantine; v=DMARC1; ruf=mailto://x@reports.example.net, rua=mail:y@example.com"`)
	f.Fuzz(func(t *testing.T, existing string) {
		proposed := Propose([]string{existing}, testAddresses)
		rec, err := ParseRecord(proposed)
		if err != nil {
			t.Fatalf("%q: %v", proposed, err)
		}
		for _, flaw := range rec.Flaws {
			switch flaw.Code {
			case FlawTagRemoved, FlawURIScheme, FlawURISize, FlawFailureOptionsBoth, FlawSuffixWithFailure:
			default:
				t.Errorf("%q has the flaw %v", proposed, flaw)
			}
		}
		if missing := !strings.Contains(proposed, "@"+testAddresses.ReportDomain); missing {
			t.Errorf("%q does not ask for reports here", proposed)
		}
		before, err := ParseRecord(existing)
		if err == nil && before.Applies() && len(before.Flaws) == 0 && strictness[rec.P] < strictness[before.P] {
			t.Errorf("%q is weaker than %q", proposed, existing)
		}
		if again := Propose([]string{proposed}, testAddresses); again != proposed {
			t.Errorf("proposed again it is %q, not %q", again, proposed)
		}
	})
}

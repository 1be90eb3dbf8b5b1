package dmarcdns

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var recordTests = []struct {
	name, txt string
	policies  string // p sp np in force
	applies   bool
	flaws     string // code:tag, in order
}{
	{"shortest", "v=DMARC1; p=none", "none none none", true, ""},
	{"final semicolon and space", "v = DMARC1 ;p = reject ; ", "reject reject reject", true, ""},
	{"RFC 9989 style", "v=DMARC1; p=reject; sp=quarantine; np=reject; psd=n; t=y; adkim=s; aspf=s; fo=1:d:s; ruf=mailto:f@example.com; rua=mailto:a@example.com",
		"reject quarantine reject", true, ""},
	{"RFC 7489 style", "v=DMARC1; p=quarantine; pct=100; rf=afrf; ri=86400; rua=mailto:a@example.com", "quarantine quarantine quarantine", true, ""},
	{"np defaults to sp", "v=DMARC1; p=reject; sp=none", "reject none none", true, ""},
	{"upper case", "V=DMARC1; P=Reject; RUA=MAILTO:a@example.com", "reject reject reject", true, ""},
	{"p missing, no address", "v=DMARC1", "none none none", false, "p_missing:p"},
	{"p missing, address", "v=DMARC1; rua=mailto:a@example.com", "none none none", true, "p_missing:p"},
	{"p missing, broken address", "v=DMARC1; rua=a@example.com", "none none none", false, "uri_scheme:rua p_missing:p"},
	{"p not valid, no address", "v=DMARC1; p=monitor", "none none none", false, "policy_invalid:p"},
	{"sp not valid, address", "v=DMARC1; p=reject; sp=block; rua=mailto:a@example.com", "none none none", true, "policy_invalid:sp"},
	{"np not valid, no address", "v=DMARC1; p=reject; np=x", "none none none", false, "policy_invalid:np"},
	{"p last", "v=DMARC1; rua=mailto:a@example.com; p=reject", "reject reject reject", true, "p_not_second:p"},
	{"semicolon missing behind p", "v=DMARC1; p=none rua=mailto:a@example.com", "none none none", false, "semicolon_missing:p policy_invalid:p"},
	{"semicolon missing behind rua", "v=DMARC1; p=none; rua=mailto:a@example.com ruf=mailto:b@example.com", "none none none", true,
		"semicolon_missing:rua uri_address:rua"},
	{"semicolon for a comma", "v=DMARC1; p=none; rua=mailto:a@example.com; mailto:b@example.com", "none none none", true, "syntax:"},
	{"pct", "v=DMARC1; p=reject; pct=20", "reject reject reject", true, "tag_removed:pct"},
	{"pct not valid", "v=DMARC1; p=reject; pct=200", "reject reject reject", true, "value_invalid:pct"},
	{"ri and rf", "v=DMARC1; p=reject; ri=3600; rf=iodef", "reject reject reject", true, "tag_removed:ri value_invalid:rf"},
	{"ri past 32 bits", "v=DMARC1; p=reject; ri=4294967296", "reject reject reject", true, "value_invalid:ri"},
	{"repeated", "v=DMARC1; p=reject; p=none", "reject reject reject", true, "tag_repeated:p"},
	{"unknown tag", "v=DMARC1; p=reject; x=1", "reject reject reject", true, "tag_unknown:x"},
	{"fo alone", "v=DMARC1; p=reject; fo=1", "reject reject reject", true, "fo_without_ruf:fo"},
	{"fo both", "v=DMARC1; p=reject; fo=0:1; ruf=mailto:a@example.com", "reject reject reject", true, "fo_0_and_1:fo"},
	{"fo not valid", "v=DMARC1; p=reject; fo=x; ruf=mailto:a@example.com", "reject reject reject", true, "value_invalid:fo"},
	{"psd with ruf", "v=DMARC1; p=reject; psd=y; ruf=mailto:a@example.com", "reject reject reject", true, "psd_with_ruf:ruf"},
	{"alignment, psd and t not valid", "v=DMARC1; p=reject; adkim=x; aspf=strict; psd=1; t=1", "reject reject reject", true,
		"value_invalid:adkim value_invalid:aspf value_invalid:psd value_invalid:t"},
	{"size and headers", "v=DMARC1; p=none; rua=mailto:a@example.com!10m,mailto:b@example.com?subject=x", "none none none", true,
		"uri_size:rua uri_headers:rua"},
}

func TestParseRecord(t *testing.T) {
	for _, tt := range recordTests {
		t.Run(tt.name, func(t *testing.T) {
			rec, err := ParseRecord(tt.txt)
			if err != nil {
				t.Fatal(err)
			}
			p, sp, np := rec.Policies()
			if got := fmt.Sprint(p, " ", sp, " ", np); got != tt.policies {
				t.Errorf("policies %q, want %q", got, tt.policies)
			}
			if got := rec.Applies(); got != tt.applies {
				t.Errorf("applies %v, want %v", got, tt.applies)
			}
			var flaws []string
			for _, f := range rec.Flaws {
				flaws = append(flaws, string(f.Code)+":"+f.Tag)
			}
			if got := strings.Join(flaws, " "); got != tt.flaws {
				t.Errorf("flaws %q, want %q", got, tt.flaws)
			}
		})
	}
}

func TestRecordFields(t *testing.T) {
	rec, err := ParseRecord("v=DMARC1; p=reject; adkim=s; t=y; psd=n; fo=1:s; ruf=mailto:f@example.com")
	if err != nil {
		t.Fatal(err)
	}
	rec.Tags, rec.Raw, rec.RUF = nil, "", nil
	want := Record{P: PolicyReject, ADKIM: Strict, ASPF: Relaxed, FO: []string{"1", "s"}, PSD: "n", Testing: true}
	if d := cmp.Diff(rec, want); d != "" {
		t.Errorf("record differs (-got +want):\n%s", d)
	}
}

func TestNotDMARC(t *testing.T) {
	for _, txt := range []string{
		"", "v=spf1 -all", "v=dmarc1; p=none", "v=DMARC1 p=none", "p=none; v=DMARC1", " v=DMARC1; p=none",
		"v=DMARC2; p=none", "v=DMARC1.0; p=none", "DMARC1; p=none", "v=DMARC1, p=none",
	} {
		if _, err := ParseRecord(txt); !errors.Is(err, ErrNotDMARC) {
			t.Errorf("%q: got %v, want ErrNotDMARC", txt, err)
		}
	}
}

func TestParseURIs(t *testing.T) {
	long := strings.Repeat("a", 65)
	tests := []struct {
		name, value string
		want        []URI
	}{
		{"plain", "mailto:d@example.com", []URI{{Local: "d", Host: "example.com"}}},
		{"two with spaces", "mailto:a@example.com , mailto:b@example.net", []URI{
			{Raw: "mailto:a@example.com", Local: "a", Host: "example.com"}, {Raw: "mailto:b@example.net", Local: "b", Host: "example.net"}}},
		{"case", "MailTo:Dmarc@EXAMPLE.com", []URI{{Local: "Dmarc", Host: "example.com"}}},
		{"size", "mailto:d@example.com!10m", []URI{{Local: "d", Host: "example.com", Size: "10m"}}},
		{"size without unit", "mailto:d@example.com!500", []URI{{Local: "d", Host: "example.com", Size: "500"}}},
		{"escaped", "mailto:a%21b%2Cc@example.com", []URI{{Local: "a!b,c", Host: "example.com"}}},
		{"headers", "mailto:d@example.com?subject=x", []URI{{Local: "d", Host: "example.com", Headers: "subject=x"}}},
		{"u-label", "mailto:d@bücher.example", []URI{{Local: "d", Host: "xn--bcher-kva.example"}}},
		{"quoted with at", `mailto:%22a@b%22@example.com`, []URI{{Local: `"a@b"`, Host: "example.com"}}},
		{"https", "https://example.com/r", []URI{{Broken: FlawURIScheme}}},
		{"no scheme", "d@example.com", []URI{{Broken: FlawURIScheme}}},
		{"misspelt", "mail:d@example.com", []URI{{Broken: FlawURIScheme}}},
		{"slashes", "mailto://d@example.com", []URI{{Broken: FlawURIAddress}}},
		{"no at", "mailto:example.com", []URI{{Broken: FlawURIAddress}}},
		{"no local part", "mailto:@example.com", []URI{{Broken: FlawURIAddress}}},
		{"long local part", "mailto:" + long + "@example.com", []URI{{Broken: FlawURIAddress}}},
		{"no domain", "mailto:d@", []URI{{Broken: FlawURIAddress}}},
		{"space inside", "mailto: d@example.com", []URI{{Broken: FlawURIAddress}}},
		{"bare exclamation mark", "mailto:a!b@example.com", []URI{{Broken: FlawURIAddress}}},
		{"bad escape", "mailto:a%zz@example.com", []URI{{Broken: FlawURIEscape}}},
		{"address literal", "mailto:d@[192.0.2.1]", []URI{{Broken: FlawURIAddress}}},
		{"empty", "", []URI{{Broken: FlawURIEmpty}}},
		{"final comma", "mailto:d@example.com,", []URI{{Raw: "mailto:d@example.com", Local: "d", Host: "example.com"}, {Broken: FlawURIEmpty}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if len(tt.want) == 1 {
				tt.want[0].Raw = tt.value
			}
			if d := cmp.Diff(ParseURIs(tt.value), tt.want); d != "" {
				t.Errorf("URIs differ (-got +want):\n%s", d)
			}
		})
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("v=DMARC1; p=none; rua=mailto:a@example.com!10m,https://example.com")
	f.Add("v=DMARC1; p=none rua=x; fo=0:1; pct=101; psd=y; ruf=mailto:b@example.com")
	f.Add("V \t=\tDMARC1;;=;p;p=;t=y;np=Reject")
	f.Fuzz(func(t *testing.T, txt string) {
		rec, err := ParseRecord(txt)
		if err != nil {
			return
		}
		if rec.Tags[0].Name != "v" || rec.Tags[0].Value != "DMARC1" {
			t.Errorf("first tag %v", rec.Tags[0])
		}
		for _, p := range []Policy{rec.P, rec.SP, rec.NP} {
			if p != "" && p != PolicyNone && p != PolicyQuarantine && p != PolicyReject {
				t.Errorf("policy %q", p)
			}
		}
		again, err := ParseRecord(rec.text())
		if err != nil || again.P != rec.P || len(again.Tags) != len(rec.Tags) || len(again.RUA) != len(rec.RUA) {
			t.Errorf("written as %q it reads as %+v, %v", rec.text(), again, err)
		}
	})
}

func FuzzURI(f *testing.F) {
	f.Add("mailto:a@example.com!10m, mailto:b%21@bücher.example?x=y,,http://x")
	f.Add(`mailto:"a b"@example.com`)
	f.Fuzz(func(t *testing.T, value string) {
		list := ParseURIs(value)
		if len(list) != strings.Count(value, ",")+1 {
			t.Errorf("%d URIs in %q", len(list), value)
		}
		for _, u := range list {
			if u.Usable() != (u.Host != "") || u.Usable() != (u.Address() != "") {
				t.Errorf("half usable: %+v", u)
			}
			if !u.Usable() {
				continue
			}
			if _, err := Name("_report._dmarc." + u.Host); err != nil && !errors.Is(err, ErrNameTooLong) {
				t.Errorf("host %q: %v", u.Host, err)
			}
			if strings.ContainsAny(u.Address(), "\r\n\x00") {
				t.Errorf("control character in %q", u.Address())
			}
		}
	})
}

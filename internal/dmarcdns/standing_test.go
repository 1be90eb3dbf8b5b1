package dmarcdns

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reportmx/internal/dmarcdns/dnstest"
)

// setupOf looks at a zone the way the records command does.
func setupOf(t *testing.T, zone string, targets ...Target) Setup {
	t.Helper()
	client := newClient(t, dnstest.Start(t, zone))
	s := Setup{Host: Host{Name: "mx.example.net"}, Ours: testAddresses}
	s.Own, _ = LookOwn(t.Context(), client, testAddresses.ReportDomain)
	for _, target := range targets {
		w, _ := Want(t.Context(), client, target)
		s.Targets = append(s.Targets, w)
	}
	return s
}

// Of what is there, or may be, only what must be changed is live.
func TestRecordsBesideWhatIsThere(t *testing.T) {
	const (
		grant = `live example.com._report._dmarc.reports.example.net. TXT "v=DMARC1;"`
		mx    = `live reports.example.net. MX 10 mx.example.net.`
		spf   = `live reports.example.net. TXT "v=spf1 -all"`
		own   = `live _dmarc.reports.example.net. TXT "v=DMARC1; p=reject; sp=reject; np=reject"`
		other = `alternative *._report._dmarc.reports.example.net. TXT "v=DMARC1;"`
		us    = `rua=mailto:dmarc@reports.example.net`
		both  = us + `; ruf=mailto:ruf@reports.example.net`
		lock  = `_dmarc.example.com. TXT "v=DMARC1; p=reject; sp=reject; np=reject; `
	)
	tests := []struct {
		name, zone string
		sends      bool
		want       []string
	}{
		{"nothing there", "", false, []string{mx, spf, own, grant, other,
			`live ` + lock + both + `"`, `live example.com. TXT "v=spf1 -all"`, `live example.com. MX 0 .`}},
		{"policy unknown", "_dmarc.example.com SERVFAIL", true, []string{mx, spf, own, grant, other,
			`unknown _dmarc.example.com. TXT "v=DMARC1; p=none; ` + both + `"`}},
		{"policy above unknown", "_dmarc.com SERVFAIL", true, []string{mx, spf, own, grant, other,
			`unknown _dmarc.example.com. TXT "v=DMARC1; p=none; ` + both + `"`}},
		{"as it is behind an alias", "_dmarc.example.com CNAME d.example.org\nd.example.org TXT \"v=DMARC1; p=none; " + both + `"`, true, []string{mx, spf, own, grant, other,
			`present _dmarc.example.com. TXT "v=DMARC1; p=none; ` + both + `"`}},
		{"takes mail", "example.com MX 10 mail.example.com.\nexample.com TXT \"v=spf1 mx ~all\"", false, []string{mx, spf, own, grant, other,
			`live ` + lock + both + `"`, `live example.com. TXT "v=spf1 -all"`, `alternative example.com. MX 0 .`}},
		{"all said", "example.com MX 0 .\nexample.com TXT \"v=spf1  -ALL\"", false, []string{mx, spf, own, grant, other,
			`live ` + lock + both + `"`, `present example.com. TXT "v=spf1 -all"`, `present example.com. MX 0 .`}},
		{"mail unknown", "example.com SERVFAIL\n_dmarc.example.com TXT \"v=DMARC1; p=none\"", false, []string{mx, spf, own, grant, other,
			`live ` + lock + both + `"`, `unknown example.com. TXT "v=spf1 -all"`, `unknown example.com. MX 0 .`}},
		{"report domain has its own", "reports.example.net TXT \"v=spf1 mx -all\"\n_dmarc.reports.example.net SERVFAIL", true, []string{mx,
			"alternative" + strings.TrimPrefix(spf, "live"), "unknown" + strings.TrimPrefix(own, "live"), grant, other,
			`live _dmarc.example.com. TXT "v=DMARC1; p=none; ` + both + `"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			records, err := Records(setupOf(t, tt.zone, Target{"example.com", tt.sends}))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(states(records), tt.want); d != "" {
				t.Errorf("differs (-got +want):\n%s", d)
			}
			for _, r := range records {
				if live := !strings.HasPrefix(lastLine(ZoneFile([]RR{r})), ";"); live != (state(r) == "live") {
					t.Errorf("%s: live %t", r, live)
				}
			}
		})
	}
}

func lastLine(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return s[strings.LastIndex(s, "\n")+1:]
}

func state(r RR) string {
	switch {
	case r.Unknown:
		return "unknown"
	case r.Present:
		return "present"
	case r.Alternative:
		return "alternative"
	}
	return "live"
}

func states(records []RR) []string {
	var list []string
	for _, r := range records {
		list = append(list, state(r)+" "+r.String())
	}
	return list
}

// With "*" as a target the wildcard is what to publish, and beside it nothing that
// would hide it.
func TestRecordsOfWildcard(t *testing.T) {
	s := setupOf(t, "")
	s.Wildcard = true
	s.Targets = []Wanted{{Target: Target{"example.com", true}}}
	records, err := Records(s)
	if err != nil {
		t.Fatal(err)
	}
	got := states(records)[3:5]
	want := []string{`live *._report._dmarc.reports.example.net. TXT "v=DMARC1;"`, `alternative example.com._report._dmarc.reports.example.net. TXT "v=DMARC1;"`}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("differs (-got +want):\n%s", d)
	}
	if !strings.Contains(records[3].Comment, "Its price: ") {
		t.Errorf("the comment does not tell the price: %s", records[3].Comment)
	}
}

// What strangers published cannot end a comment.
func TestCommentsOnOneLine(t *testing.T) {
	records, err := Records(setupOf(t, `example.com TXT "v=spf1 mx\010example.com. A 192.0.2.66"`, Target{"example.com", false}))
	if err != nil {
		t.Fatal(err)
	}
	if zone := ZoneFile(records); strings.Contains(zone, "\nexample.com. A ") || !strings.Contains(zone, `in place of "v=spf1 mx\n`) {
		t.Errorf("got\n%s", zone)
	}
}

// A report domain that is a target as well has one policy record, that of the target.
func TestRecordsOfReportDomainAsTarget(t *testing.T) {
	records, err := Records(setupOf(t, "", Target{testAddresses.ReportDomain, true}))
	if err != nil {
		t.Fatal(err)
	}
	var policies []string
	for _, r := range records {
		if r.Name == "_dmarc."+testAddresses.ReportDomain {
			policies = append(policies, r.Value)
		}
	}
	if len(policies) != 1 || !strings.Contains(policies[0], "p=none") {
		t.Errorf("got %q, want that of the target", policies)
	}
}

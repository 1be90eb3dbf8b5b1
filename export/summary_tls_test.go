package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reportmx/reports"
	"reportmx/storage"
)

// tlsReports are three reports, of two organizations on two days, one of which is
// about two domains, and one each that is a conflict and implausible.
func tlsReports() []*storage.Report {
	one := sampleTLS() // sts: 5326 and 303, with 100 expired certificates and a kind without a count
	two := sampleTLS()
	two.Seq, two.TLS.OrgName = 20, " MAILBOX example, inc."
	two.TLS.Begin = utc(2026, 11, 20, 0)
	two.TLS.Policies = []reports.TLSPolicy{
		{PolicyType: "sts", PolicyDomain: "Example.COM.", Successful: ptr[int64](10), Failed: ptr[int64](2),
			FailureDetails: []reports.TLSFailure{
				{ResultType: "certificate-expired", FailedSessionCount: ptr[int64](1)},
				{ResultType: "certificate-expired", FailedSessionCount: ptr[int64](1)},
				{ResultType: "validation-failure", FailedSessionCount: ptr[int64](2)},
			}},
		{PolicyType: "tlsa", PolicyDomain: "example.org", Successful: ptr[int64](700), Failed: ptr[int64](0)},
	}
	three := sampleTLS()
	three.Seq, three.TLS.OrgName = 21, "Other Post"
	three.TLS.Begin = utc(2026, 11, 20, 0)
	three.TLS.Policies = []reports.TLSPolicy{{PolicyType: "tlsa", PolicyDomain: "example.org", Failed: ptr[int64](400),
		FailureDetails: []reports.TLSFailure{{ResultType: "dane-required", FailedSessionCount: ptr[int64](400)}}}}
	conflict, implausible := sampleTLS(), sampleTLS()
	conflict.Seq, conflict.Conflict = 22, true
	implausible.Seq, implausible.Implausible = 23, true
	implausible.TLS.Policies[0].Failed = ptr[int64](-5)
	return []*storage.Report{one, two, three, conflict, implausible}
}

func summedTLS(t testing.TB, o SummaryOptions, list ...*storage.Report) *TLSSummary {
	t.Helper()
	s, err := SummarizeTLS(o, sequence(list...))
	if err != nil {
		t.Fatalf("SummarizeTLS: %v", err)
	}
	return s
}

func TestTLSSummaryGroups(t *testing.T) {
	type line struct {
		Key                                       string
		Reports, Successful, Failed, FailedOfType int64
	}
	tests := []struct {
		name string
		o    SummaryOptions
		want []line
	}{
		{"target", SummaryOptions{By: ByTarget}, []line{
			{"example.org", 2, 700, 400, 0}, {"example.com", 2, 5336, 305, 0}, {"sub.example.com", 1, 0, 0, 0}}},
		{"policy type", SummaryOptions{By: ByPolicyType}, []line{
			{"tlsa", 2, 700, 400, 0}, {"sts", 2, 5336, 305, 0}, {"no-policy-found", 1, 0, 0, 0}}},
		{"result type", SummaryOptions{By: ByResultType}, []line{
			{"dane-required", 1, 0, 0, 400}, {"certificate-expired", 2, 0, 0, 102},
			{"validation-failure", 1, 0, 0, 2}, {"starttls-not-supported", 1, 0, 0, 0}}},
		{"organization", SummaryOptions{By: ByOrg}, []line{
			{"Other Post", 1, 0, 400, 0}, {"Mailbox Example, Inc.", 2, 6036, 305, 0}}},
		{"day", SummaryOptions{By: ByDay}, []line{
			{"2026-11-19", 1, 5326, 303, 0}, {"2026-11-20", 2, 710, 402, 0}}},
		{"all", SummaryOptions{By: ByDay, All: true}, []line{
			{"2026-11-19", 3, 15978, 606, 0}, {"2026-11-20", 2, 710, 402, 0}}},
		{"one target of two", SummaryOptions{By: ByResultType, Target: "Example.com."}, []line{
			{"certificate-expired", 2, 0, 0, 102}, {"validation-failure", 1, 0, 0, 2}, {"starttls-not-supported", 1, 0, 0, 0}}},
		{"below a target", SummaryOptions{By: ByTarget, Target: "com"}, []line{
			{"example.com", 2, 5336, 305, 0}, {"sub.example.com", 1, 0, 0, 0}}},
		{"top", SummaryOptions{By: ByTarget, Top: 1}, []line{{"example.org", 2, 700, 400, 0}, {"(rest of 2)", 3, 5336, 305, 0}}},
		{"top of kinds", SummaryOptions{By: ByResultType, Top: 2}, []line{
			{"dane-required", 1, 0, 0, 400}, {"certificate-expired", 2, 0, 0, 102}, {"(rest of 2)", 2, 0, 0, 0}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			groups, rest := summedTLS(t, test.o, tlsReports()...).Groups()
			var got []line
			for _, g := range groups {
				got = append(got, line{g.Key, g.Reports, g.Successful, g.Failed, g.FailedOfType})
			}
			if rest.Groups > 0 {
				got = append(got, line{fmt.Sprintf("(rest of %d)", rest.Groups), rest.Reports, rest.Successful, rest.Failed, rest.FailedOfType})
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTLSSummaryTotals(t *testing.T) {
	s := summedTLS(t, SummaryOptions{By: ByResultType}, tlsReports()...)
	want := TLSTotals{Reports: 3, Successful: 6036, Failed: 705, FirstBegin: utc(2026, 11, 19, 0), LastBegin: utc(2026, 11, 20, 0)}
	if diff := cmp.Diff(want, s.Total); diff != "" {
		t.Errorf("total (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(TLSTotals{Reports: 2, Successful: 10652, Failed: 303}, s.LeftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	s = summedTLS(t, SummaryOptions{By: ByTarget, Target: "example.org"}, tlsReports()[1])
	if s.Total.Successful != 700 || s.Total.Failed != 0 {
		t.Errorf("one target: got %+v, want the sessions of its policy", s.Total)
	}
}

func TestTLSSummaryBounds(t *testing.T) {
	r := bare(reports.KindTLS)
	r.TLS.Policies = make([]reports.TLSPolicy, MaxGroups+5)
	for i := range r.TLS.Policies {
		r.TLS.Policies[i] = reports.TLSPolicy{PolicyDomain: fmt.Sprintf("d%d.example", i), Failed: ptr[int64](2)}
	}
	s := summedTLS(t, SummaryOptions{By: ByTarget, Top: MaxGroups - 1}, r)
	groups, rest := s.Groups()
	if len(groups) != MaxGroups-1 || !s.Capped || rest.Groups != 2 || rest.Failed != 12 || s.Total.Failed != 2*(MaxGroups+5) {
		t.Errorf("got %d groups, capped %v, rest %+v of %+v", len(groups), s.Capped, rest, s.Total)
	}
	r = bare(reports.KindTLS)
	r.TLS.Policies = []reports.TLSPolicy{{Failed: ptr[int64](math.MaxInt64), Successful: ptr[int64](1)}, {Failed: ptr[int64](1)}}
	s = summedTLS(t, SummaryOptions{By: ByPolicyType}, r)
	var b bytes.Buffer
	if err := s.Write(&b, Options{Format: FormatTable}); err != nil || !s.Saturated || s.Total.Failed != math.MaxInt64 || !strings.Contains(b.String(), " 100.0 ") {
		t.Errorf("got %+v, saturated %v, error %v:\n%s", s.Total, s.Saturated, err, b.String())
	}
}

func TestTLSSummaryGolden(t *testing.T) {
	odd := tlsReports()
	odd[0].TLS.Policies[0].FailureDetails[0].ResultType = "=cmd|' /C calc'!A0 \x1b[31m\u202e"
	odd[0].TLS.Begin = odd[0].TLS.Begin.AddDate(9000, 0, 0)
	tests := []struct {
		name string
		o    SummaryOptions
		in   []*storage.Report
	}{
		{"summary-tls-target", SummaryOptions{By: ByTarget}, tlsReports()},
		{"summary-tls-result-odd", SummaryOptions{By: ByResultType, Top: 3}, odd},
		{"summary-tls-nothing", SummaryOptions{By: ByPolicyType}, nil},
	}
	for _, test := range tests {
		for _, format := range []Format{FormatTable, FormatCSV, FormatJSON} {
			t.Run(fmt.Sprintf("%s.%s", test.name, format), func(t *testing.T) {
				var b bytes.Buffer
				if err := summedTLS(t, test.o, test.in...).Write(&b, Options{Format: format}); err != nil {
					t.Fatal(err)
				}
				checkHarmless(t, b.String(), FormatCSV)
				switch format {
				case FormatCSV:
					readCSV(t, b.String())
				case FormatJSON:
					if !json.Valid(b.Bytes()) {
						t.Error("not JSON")
					}
				}
				golden(t, test.name+"."+string(format), b.String())
			})
		}
	}
}

func TestTLSSummaryErrors(t *testing.T) {
	for _, by := range []By{BySource, "colour"} {
		if _, err := SummarizeTLS(SummaryOptions{By: by}, sequence()); !errors.Is(err, ErrBy) {
			t.Errorf("%s: got %v, want %v", by, err, ErrBy)
		}
	}
	if _, err := SummarizeTLS(SummaryOptions{By: ByDay}, sequence(sampleAggregate())); !errors.Is(err, ErrKind) {
		t.Errorf("got %v, want %v", err, ErrKind)
	}
	s := summedTLS(t, SummaryOptions{By: ByDay}, sampleTLS())
	if err := s.Write(&bytes.Buffer{}, Options{Format: FormatNDJSON}); !errors.Is(err, ErrFormat) {
		t.Errorf("got %v, want %v", err, ErrFormat)
	}
	if err := s.Write(&full{}, Options{Format: FormatTable}); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

func TestTLSSummaryHostileNames(t *testing.T) {
	for _, h := range hostile {
		for _, by := range []By{ByTarget, ByPolicyType, ByResultType, ByOrg} {
			t.Run(h.name+"/"+string(by), func(t *testing.T) {
				r := sampleTLS()
				r.TLS.OrgName = h.text
				r.TLS.Policies = []reports.TLSPolicy{{PolicyType: h.text, PolicyDomain: h.text, FailureDetails: []reports.TLSFailure{{ResultType: h.text}}}}
				s := summedTLS(t, SummaryOptions{By: by}, r)
				for _, format := range []Format{FormatTable, FormatCSV, FormatJSON} {
					var b bytes.Buffer
					if err := s.Write(&b, Options{Format: format}); err != nil {
						t.Fatal(err)
					}
					checkHarmless(t, b.String(), FormatCSV)
					if format == FormatCSV && formula(readCSV(t, b.String())[1][1]) {
						t.Errorf("it would run as a formula: %s", b.String())
					}
				}
			})
		}
	}
}

package export

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rivo/uniseg"

	"reportmx/reports"
	"reportmx/storage"
)

// summaryReports are four reports: two organizations, two targets, two days,
// and one report each that is a conflict and implausible.
func summaryReports() []*storage.Report {
	one := sampleAggregate() // 42 pass by DKIM, 3 fail
	two := sampleAggregate()
	two.Seq, two.Aggregate.OrgName = 18, " MAILBOX example, inc."
	two.Aggregate.Begin = utc(2026, 11, 20, 1)
	two.Aggregate.PolicyPublished.Domain = "Example.ORG."
	two.Message.Sender.Result = "none"
	two.Aggregate.Records[0].PolicyEvaluated = reports.PolicyEvaluated{Disposition: "reject", DKIM: "fail", SPF: "pass"}
	two.Aggregate.Records[1].PolicyEvaluated = reports.PolicyEvaluated{Disposition: "reject", DKIM: "fail", SPF: "fail"}
	three := sampleAggregate()
	three.Seq, three.Aggregate.OrgName = 19, "Other Post"
	three.Aggregate.Begin = utc(2026, 11, 20, 23)
	three.Aggregate.Records = []reports.Record{
		{SourceIP: netip.MustParseAddr("198.51.100.7"), Count: 1000, PolicyEvaluated: reports.PolicyEvaluated{Disposition: "quarantine"}},
		{SourceIP: netip.MustParseAddr("198.51.100.7"), Count: 1, PolicyEvaluated: reports.PolicyEvaluated{Disposition: "odd"}},
	}
	conflict, implausible := sampleAggregate(), sampleAggregate()
	conflict.Seq, conflict.Conflict = 20, true
	implausible.Seq, implausible.Implausible = 21, true
	implausible.Aggregate.Records[0].Count = -5
	return []*storage.Report{one, two, three, conflict, implausible}
}

func summed(t testing.TB, o SummaryOptions, list ...*storage.Report) *Summary {
	t.Helper()
	s, err := Summarize(o, digests(list...))
	if err != nil {
		t.Fatalf("Summarize: %v", err)
	}
	return s
}

func TestSummaryGroups(t *testing.T) {
	type line struct {
		Key                       string
		Reports, Messages, Passed int64
	}
	tests := []struct {
		name string
		o    SummaryOptions
		want []line
	}{
		{"target", SummaryOptions{By: ByTarget}, []line{{"example.com", 2, 1046, 42}, {"example.org", 1, 45, 42}}},
		{"source", SummaryOptions{By: BySource}, []line{{"198.51.100.7", 3, 1085, 84}, {"2001:db8::9", 2, 6, 0}}},
		{"org", SummaryOptions{By: ByOrg}, []line{{"Other Post", 1, 1001, 0}, {"Mailbox Example, Inc.", 2, 90, 84}}},
		{"day", SummaryOptions{By: ByDay}, []line{{"2026-11-19", 1, 45, 42}, {"2026-11-20", 2, 1046, 42}}},
		{"all", SummaryOptions{By: ByDay, All: true}, []line{{"2026-11-19", 3, 93, 84}, {"2026-11-20", 2, 1046, 42}}},
		{"top", SummaryOptions{By: ByOrg, Top: 1}, []line{{"Other Post", 1, 1001, 0}, {"(rest of 1)", 2, 90, 84}}},
		{"top of days", SummaryOptions{By: ByDay, Top: 1}, []line{{"2026-11-20", 2, 1046, 42}, {"(rest of 1)", 1, 45, 42}}},
		{"top larger", SummaryOptions{By: ByDay, Top: 2}, []line{{"2026-11-19", 1, 45, 42}, {"2026-11-20", 2, 1046, 42}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			groups, rest := summed(t, test.o, summaryReports()...).Groups()
			var got []line
			for _, g := range groups {
				got = append(got, line{g.Key, g.Reports, g.Messages, g.DMARCPass})
			}
			if rest.Groups > 0 {
				got = append(got, line{fmt.Sprintf("(rest of %d)", rest.Groups), rest.Reports, rest.Messages, rest.DMARCPass})
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSummaryTotals(t *testing.T) {
	s := summed(t, SummaryOptions{By: ByTarget}, summaryReports()...)
	want := Totals{
		Reports: 3, Messages: 1091, DMARCPass: 84, DMARCFail: 1007, DKIMPass: 42, SPFPass: 42,
		None: 3, Pass: 42, Quarantine: 1000, Reject: 45, Other: 1, Authenticated: 1046,
		FirstBegin: utc(2026, 11, 19, 0), LastBegin: utc(2026, 11, 20, 23),
	}
	if diff := cmp.Diff(want, s.Total); diff != "" {
		t.Errorf("total (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Totals{Reports: 2, Messages: 48}, s.LeftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
}

// TestSummaryParts: a report in parts counts as one, in every grouping.
func TestSummaryParts(t *testing.T) {
	long := sampleAggregate()
	for len(long.Aggregate.Records) < 50 {
		long.Aggregate.Records = append(long.Aggregate.Records, sampleRecords()...)
	}
	for _, by := range []By{ByTarget, BySource, ByOrg, ByDay} {
		o := SummaryOptions{By: by}
		want, _ := summed(t, o, long).Groups()
		got, _ := summed(t, o, inParts(long, 7)...).Groups()
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Group{})); diff != "" {
			t.Errorf("by %s (-whole +parts):\n%s", by, diff)
		}
	}
}

func TestSummarySaturates(t *testing.T) {
	r := bare(reports.KindAggregate)
	r.Implausible = true
	r.Aggregate.Records = []reports.Record{{Count: math.MaxInt64}, {Count: 1}, {Count: math.MinInt64}}
	s := summed(t, SummaryOptions{By: ByDay, All: true}, r)
	if !s.Saturated || s.Total.Messages != math.MaxInt64 {
		t.Errorf("got %d messages, saturated %v, want %d, true", s.Total.Messages, s.Saturated, int64(math.MaxInt64))
	}
}

// TestSummaryBounds: what strangers make up does not fill the memory, and is
// still in the sums.
func TestSummaryBounds(t *testing.T) {
	r := bare(reports.KindAggregate)
	r.Aggregate.Records = make([]reports.Record, MaxGroups+5)
	for i := range r.Aggregate.Records {
		var a [16]byte
		binary.BigEndian.PutUint64(a[8:], uint64(i))
		r.Aggregate.Records[i] = reports.Record{SourceIP: netip.AddrFrom16(a), Count: 2}
	}
	s := summed(t, SummaryOptions{By: BySource, Top: MaxGroups - 1}, r)
	groups, rest := s.Groups()
	if len(groups) != MaxGroups-1 || !s.Capped || rest.Groups != 2 || rest.Messages != 12 || s.Total.Messages != 2*(MaxGroups+5) {
		t.Errorf("got %d groups, capped %v, rest %d groups with %d of %d messages", len(groups), s.Capped, rest.Groups, rest.Messages, s.Total.Messages)
	}
	var long []*storage.Report
	for i := range 5 {
		r := sampleAggregate()
		r.Seq, r.Aggregate.OrgName = uint64(i), fmt.Sprint(i, strings.Repeat("x", MaxKeyBytes/8))
		long = append(long, r)
	}
	s = summed(t, SummaryOptions{By: ByOrg}, long...)
	if groups, rest := s.Groups(); len(groups) != 3 || rest.Reports != 2 || !s.Capped {
		t.Errorf("got %d groups and %d reports in the rest, want 3 and 2", len(groups), rest.Reports)
	}
}

func TestSummaryGolden(t *testing.T) {
	odd := summaryReports()
	odd[1].Aggregate.OrgName = "=cmd|' /C calc'!A0 \x1b[31m\u202e"
	odd[2].Aggregate.OrgName = ""
	tests := []struct {
		name string
		o    SummaryOptions
		in   []*storage.Report
	}{
		{"summary-target", SummaryOptions{By: ByTarget}, summaryReports()},
		{"summary-org-odd", SummaryOptions{By: ByOrg, Top: 2}, odd},
		{"summary-nothing", SummaryOptions{By: ByDay}, nil},
	}
	for _, test := range tests {
		for _, format := range []Format{FormatTable, FormatCSV, FormatJSON} {
			t.Run(fmt.Sprintf("%s.%s", test.name, format), func(t *testing.T) {
				var b bytes.Buffer
				if err := summed(t, test.o, test.in...).Write(&b, Options{Format: format}); err != nil {
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

func TestSummaryErrors(t *testing.T) {
	if _, err := NewSummary(SummaryOptions{By: "colour"}); !errors.Is(err, ErrBy) {
		t.Errorf("got %v, want %v", err, ErrBy)
	}
	if _, err := Summarize(SummaryOptions{By: "colour"}, digests()); !errors.Is(err, ErrBy) {
		t.Errorf("got %v, want %v", err, ErrBy)
	}
	cut := inParts(sampleAggregate(), 1)[:1]
	if _, err := Summarize(SummaryOptions{By: ByDay}, digests(cut...)); !errors.Is(err, ErrParts) {
		t.Errorf("got %v, want %v", err, ErrParts)
	}
	s := summed(t, SummaryOptions{By: ByDay}, sampleAggregate())
	if err := s.Write(&bytes.Buffer{}, Options{Format: FormatNDJSON}); !errors.Is(err, ErrFormat) {
		t.Errorf("got %v, want %v", err, ErrFormat)
	}
	if err := s.Write(&full{}, Options{Format: FormatTable}); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

func TestTableWidth(t *testing.T) {
	tests := []struct{ name, key, want string }{
		{"short", "mailbox.example", "mailbox.example"},
		{"unknown", "", "(unknown)"},
		{"long", strings.Repeat("x", 60), strings.Repeat("x", maxKeyWidth) + "…"},
		{"wide", strings.Repeat("東", 60), strings.Repeat("東", maxKeyWidth/2) + "…"},
		{"marks", "e" + strings.Repeat("\u0301", 500), "e" + strings.Repeat("\u0301", 2*maxKeyWidth-1) + "…"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := shortened(test.key); got != test.want {
				t.Errorf("shortened = %q, want %q", got, test.want)
			}
		})
	}
}

// TestColumns holds the short way of columns to uniseg.
func TestColumns(t *testing.T) {
	for c := range rune(0x180) {
		for _, s := range []string{string(c), "a" + string(c), string(c) + "b~ ", string(c) + string(c)} {
			if got, want := columns(s), uniseg.StringWidth(s); got != want {
				t.Errorf("columns(%q) = %d, want %d", s, got, want)
			}
		}
	}
}

func TestPercent(t *testing.T) {
	tests := []struct {
		part, whole int64
		want        string
	}{{0, 0, "-"}, {0, 1, "0.0"}, {1, 3, "33.3"}, {9999, 10000, "99.9"}, {7, 7, "100.0"}}
	for _, test := range tests {
		if got := percent(test.part, test.whole); got != test.want {
			t.Errorf("percent(%d, %d) = %s, want %s", test.part, test.whole, got, test.want)
		}
	}
}

func TestSummaryHostileNames(t *testing.T) {
	for _, h := range hostile {
		for _, by := range []By{ByTarget, ByOrg} {
			t.Run(h.name+"/"+string(by), func(t *testing.T) {
				r := sampleAggregate()
				r.Aggregate.OrgName, r.Aggregate.PolicyPublished.Domain = h.text, h.text
				s := summed(t, SummaryOptions{By: by}, r)
				out := map[Format]string{}
				for _, format := range []Format{FormatTable, FormatCSV, FormatJSON} {
					var b bytes.Buffer
					if err := s.Write(&b, Options{Format: format}); err != nil {
						t.Fatal(err)
					}
					out[format] = b.String()
					checkHarmless(t, b.String(), FormatCSV)
				}
				if lines := strings.Count(out[FormatTable], "\n"); lines != 3 {
					t.Errorf("the table has %d lines, want 3:\n%s", lines, out[FormatTable])
				}
				if key := readCSV(t, out[FormatCSV])[1][1]; formula(key) {
					t.Errorf("%q would run as a formula", key)
				}
				var got struct{ Groups []struct{ Key string } }
				if err := json.Unmarshal([]byte(out[FormatJSON]), &got); err != nil {
					t.Fatal(err)
				}
				groups, _ := s.Groups()
				if want := string([]rune(groups[0].Key)); len(got.Groups) != 1 || got.Groups[0].Key != want {
					t.Errorf("got %q, want the key %q", got.Groups, want)
				}
			})
		}
	}
}

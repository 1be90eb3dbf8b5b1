package export

import (
	"cmp"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reportmx/reports"
	"reportmx/storage"
)

// digests gives the digests of reports, as a store does: one that is used again.
func digests(list ...*storage.Report) iter.Seq2[*storage.Digest, error] {
	return func(yield func(*storage.Digest, error) bool) {
		var d storage.Digest
		for _, r := range list {
			rows := d.Rows[:0]
			d = *storage.DigestOf(r)
			d.Rows = append(rows, d.Rows...)
			if !yield(&d, nil) {
				return
			}
		}
	}
}

// scanned sums up whole reports, in the plainest way that there is.
func scanned(o SummaryOptions, list []*storage.Report) (groups map[string]*Group, total, leftOut Totals) {
	groups = map[string]*Group{}
	counted := map[string]bool{}
	count := func(key string, r *storage.Report, rec *reports.Record, more []*Totals) {
		if groups[key] == nil {
			groups[key] = &Group{Key: key}
		}
		g := groups[key]
		if once := fmt.Sprint(r.Seq, key); !counted[once] {
			counted[once] = true
			g.Reports++
		}
		for _, t := range append(more, &g.Totals) {
			t.widen(r.Aggregate.Begin, r.Aggregate.Begin)
			if rec != nil {
				scannedRecord(t, r, rec)
			}
		}
	}
	for _, r := range list {
		if !o.All && (r.Conflict || r.Implausible) {
			leftOut.Reports++
			for i := range r.Aggregate.Records {
				leftOut.Messages += max(0, r.Aggregate.Records[i].Count)
			}
			continue
		}
		total.Reports++
		total.widen(r.Aggregate.Begin, r.Aggregate.Begin)
		if o.By != BySource {
			count(scannedKey(o.By, r, nil), r, nil, nil)
		}
		for i := range r.Aggregate.Records {
			rec := &r.Aggregate.Records[i]
			count(scannedKey(o.By, r, rec), r, rec, []*Totals{&total})
		}
	}
	return groups, total, leftOut
}

func scannedKey(by By, r *storage.Report, rec *reports.Record) string {
	switch a := r.Aggregate; by {
	case ByTarget:
		return reports.NormalDomain(a.PolicyPublished.Domain)
	case ByOrg:
		return strings.ToLower(strings.TrimSpace(a.OrgName))
	case ByDay:
		if a.Begin.IsZero() {
			return ""
		}
		return a.Begin.UTC().Format(time.DateOnly)
	}
	if !rec.SourceIP.IsValid() {
		return ""
	}
	return rec.SourceIP.String()
}

func scannedRecord(t *Totals, r *storage.Report, rec *reports.Record) {
	n, e := max(0, rec.Count), rec.PolicyEvaluated
	t.Messages += n
	for _, sum := range []struct {
		to  *int64
		yes bool
	}{
		{&t.DMARCPass, rec.DMARCPass()}, {&t.DMARCFail, !rec.DMARCPass()},
		{&t.DKIMPass, e.DKIM == "pass"}, {&t.SPFPass, e.SPF == "pass"},
		{&t.None, e.Disposition == "none"}, {&t.Pass, e.Disposition == "pass"},
		{&t.Quarantine, e.Disposition == "quarantine"}, {&t.Reject, e.Disposition == "reject"},
		{&t.Other, !slices.Contains([]string{"none", "pass", "quarantine", "reject"}, e.Disposition)},
		{&t.Authenticated, r.Message.Sender.Result == "pass"},
	} {
		if sum.yes {
			*sum.to += n
		}
	}
}

// TestSummaryEqualsScan: a summary says what a plain sum over whole reports says, in
// whatever parts they come.
func TestSummaryEqualsScan(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 4))
	for range 20 {
		var whole, parts []*storage.Report
		for seq := range 60 {
			r := randomReport(random, uint64(seq+1))
			whole = append(whole, r)
			parts = append(parts, inParts(r, 1+random.IntN(10))...)
		}
		for _, by := range []By{ByTarget, BySource, ByOrg, ByDay} {
			for _, all := range []bool{false, true} {
				o := SummaryOptions{By: by, All: all}
				compareWithScan(t, o, summed(t, o, parts...), whole)
			}
		}
	}
}

func compareWithScan(t *testing.T, o SummaryOptions, s *Summary, whole []*storage.Report) {
	t.Helper()
	groups, total, leftOut := scanned(o, whole)
	var want []*Group
	for _, g := range groups {
		want = append(want, g)
	}
	got, _ := s.Groups()
	for _, g := range got {
		if o.By == ByOrg { // the spelling is that of the first
			g.Key = strings.ToLower(g.Key)
		}
	}
	byKey := func(a, b *Group) int { return cmp.Compare(a.Key, b.Key) }
	slices.SortFunc(got, byKey)
	slices.SortFunc(want, byKey)
	if d := gocmp.Diff(want, got, cmpopts.IgnoreUnexported(Group{})); d != "" {
		t.Errorf("%+v: groups (-scan +summary):\n%s", o, d)
	}
	if d := gocmp.Diff([]Totals{total, leftOut}, []Totals{s.Total, s.LeftOut}); d != "" {
		t.Errorf("%+v: total and left out (-scan +summary):\n%s", o, d)
	}
}

// TestSortGroups holds the order of groups to what it is said to be, among keys that
// begin alike.
func TestSortGroups(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var list []*Group
		for range random.IntN(40) {
			key := make([]byte, random.IntN(20))
			for i := range key {
				key[i] = "\x00\x01a\xff"[random.IntN(4)/(1+random.IntN(4))]
			}
			list = append(list, &Group{Key: string(key), Totals: Totals{Messages: random.Int64N(3)}})
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, func(a, b *Group) int {
			return cmp.Or(cmp.Compare(b.Messages, a.Messages), strings.Compare(a.Key, b.Key))
		})
		sortGroups(list)
		for i, g := range list {
			if g.Messages != want[i].Messages || g.Key != want[i].Key {
				t.Fatalf("group %d is %q with %d, want %q with %d", i, g.Key, g.Messages, want[i].Key, want[i].Messages)
			}
		}
	}
}

func randomReport(random *rand.Rand, seq uint64) *storage.Report {
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	r := sampleAggregate()
	r.Seq = seq
	r.Conflict, r.Implausible = random.IntN(8) == 0, random.IntN(8) == 0
	r.Message.Sender.Result = pick("pass", "fail", "none", "")
	a := r.Aggregate
	a.OrgName = pick("Mailbox Example", " mailbox EXAMPLE ", "Other", "")
	a.Begin = time.Unix(int64(random.IntN(10*24*3600))-2*24*3600, 0).UTC()
	if random.IntN(10) == 0 {
		a.Begin = time.Time{}
	}
	a.PolicyPublished.Domain = pick("example.com", "Example.COM.", "mail.example.com", "b\u00fccher.example", "")
	a.Records = nil
	for range random.IntN(25) {
		rec := reports.Record{Count: random.Int64N(1000) - 5}
		if ip := pick("", "192.0.2.1", "192.0.2.2", "::ffff:192.0.2.1", "2001:db8::1", "fe80::1%eth0", "fe80::1"); ip != "" {
			rec.SourceIP = netip.MustParseAddr(ip)
		}
		rec.PolicyEvaluated = reports.PolicyEvaluated{
			Disposition: pick("none", "pass", "quarantine", "reject", "", "odd"),
			DKIM:        pick("pass", "fail", ""), SPF: pick("pass", "fail", "PASS"),
		}
		a.Records = append(a.Records, rec)
	}
	return r
}

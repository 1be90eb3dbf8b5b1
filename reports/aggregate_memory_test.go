package reports

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestReportsAreKeptApart: a report stays as it was read while the reader that
// read it reads others, an unreadable one among them, and shares no list with
// another record.
func TestReportsAreKeptApart(t *testing.T) {
	read := func(doc []byte) *Aggregate {
		t.Helper()
		a, _, err := readAggregate(bytes.NewReader(doc), newBudget(Limits{}))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first, other := generatedReport(50), bytes.ReplaceAll(generatedReport(80), []byte("example.net"), []byte("example.org"))
	a := read(first)
	for range 3 {
		read(other)
		if _, _, err := readAggregate(bytes.NewReader(other[:len(other)/2]), newBudget(Limits{})); err == nil {
			t.Fatal("half a report was read")
		}
	}
	for i := range a.Records {
		r := &a.Records[i].AuthResults
		r.DKIM = append(r.DKIM, DKIMResult{Domain: "appended.example"})
		r.SPF = append(r.SPF, SPFResult{Domain: "appended.example"})
	}
	for i := range a.Records {
		r := &a.Records[i].AuthResults
		r.DKIM, r.SPF = r.DKIM[:1], r.SPF[:1]
	}
	if diff := cmp.Diff(a, read(first), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("- got, + want:\n%s", diff)
	}
}

// TestAggregateObjects holds that the memory of a report is made for many records
// at once.
func TestAggregateObjects(t *testing.T) {
	const records, bound = 2000, 0.2 // objects a record
	doc := generatedReport(records)
	got := testing.AllocsPerRun(3, func() {
		if _, _, err := readAggregate(bytes.NewReader(doc), newBudget(Limits{})); err != nil {
			t.Error(err)
		}
	}) / records
	if got > bound {
		t.Errorf("objects of a record: got %.2f, want at most %.2f", got, bound)
	}
}

// TestGatheredLists: lists longer than what is gathered come out whole, those of different
// records do not meet, and neither do texts.
func TestGatheredLists(t *testing.T) {
	var m aggregateMemory
	var records []Record
	const lists = 2 * maxGathered
	for n := range lists {
		for i := range n {
			m.record.AuthResults.SPF = append(m.record.AuthResults.SPF, SPFResult{Domain: fmt.Sprintf("%d.%d", n, i)})
			m.record.PolicyEvaluated.Reasons = append(m.record.PolicyEvaluated.Reasons, Reason{Comment: fmt.Sprintf("%d/%d", n, i)})
		}
		if m.gather() {
			records = m.appendTo(records)
		}
	}
	if records = m.appendTo(records); len(records) != lists {
		t.Fatalf("got %d records, want %d", len(records), lists)
	}
	for n, r := range records {
		spf, reasons := r.AuthResults.SPF, r.PolicyEvaluated.Reasons
		if len(spf) != n || cap(spf) != n || len(reasons) != n || cap(reasons) != n || r.AuthResults.DKIM != nil {
			t.Fatalf("record %d: got lists of %d of %d and %d of %d, and %v", n, len(spf), cap(spf), len(reasons), cap(reasons), r.AuthResults.DKIM)
		}
		for i := range n {
			if s, c := fmt.Sprintf("%d.%d", n, i), fmt.Sprintf("%d/%d", n, i); spf[i].Domain != s || reasons[i].Comment != c {
				t.Fatalf("record %d: got %q and %q, want %q and %q", n, spf[i].Domain, reasons[i].Comment, s, c)
			}
		}
	}
	var texts []string
	for n := range 200 {
		texts = append(texts, m.string([]byte(strings.Repeat("x", n*40))))
	}
	for n, text := range texts {
		if text != strings.Repeat("x", n*40) {
			t.Errorf("text %d: got %d bytes", n, len(text))
		}
	}
}

// TestNothingIsKept holds that a reader which waits for another report keeps neither its
// records nor its texts alive.
func TestNothingIsKept(t *testing.T) {
	a := aggregateReaders.New().(*aggregateReader)
	a.begin(bytes.NewReader(generatedReport(maxGathered+5)), newBudget(Limits{}))
	if _, _, err := a.read(); err != nil {
		t.Fatal(err)
	}
	a.forget()
	a.memory.forget()
	m := &a.memory
	for _, r := range m.records[:cap(m.records)] {
		if r.SourceIP.IsValid() || r.Identifiers.HeaderFrom != "" || r.AuthResults.DKIM != nil {
			t.Fatalf("got the record %+v", r)
		}
	}
	kept := append(m.dkim[:cap(m.dkim)], m.record.AuthResults.DKIM[:cap(m.record.AuthResults.DKIM)]...)
	if i := slices.IndexFunc(kept, func(r DKIMResult) bool { return r != DKIMResult{} }); i >= 0 {
		t.Errorf("got the result %+v", kept[i])
	}
	if len(m.texts) > 0 || m.text.Len() > 0 {
		t.Errorf("got %d texts and %d bytes", len(m.texts), m.text.Len())
	}
}

// TestLongReport: records of a report that is read in pieces are all there, in order, and
// counted in what is said of them.
func TestLongReport(t *testing.T) {
	const n = 3*recordsOfPiece + maxGathered/2
	var doc strings.Builder
	doc.WriteString(hostileHead)
	for i := range n {
		fmt.Fprintf(&doc, "<record><row><count>%d</count></row></record>", i)
	}
	a, _, err := readAggregate(strings.NewReader(doc.String()+"</feedback>"), newBudget(Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Records) != n || cap(a.Records) != n {
		t.Fatalf("got %d records in room for %d, want %d", len(a.Records), cap(a.Records), n)
	}
	for i, r := range a.Records {
		if r.Count != int64(i) {
			t.Fatalf("record %d: got count %d", i, r.Count)
		}
	}
	_, _, err = readAggregate(strings.NewReader(doc.String()+"<record><row>"), newBudget(Limits{}))
	if want := fmt.Sprintf("record %d:", n+1); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("cut short: got %v, want it to name %q", err, want)
	}
}

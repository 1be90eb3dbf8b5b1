package reports

import (
	"bytes"
	"fmt"
	"net/netip"
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

// TestCutLongLists: lists longer than a piece come out whole, and lists in one
// piece do not meet.
func TestCutLongLists(t *testing.T) {
	var m aggregateMemory
	var kept [][]SPFResult
	for n := range 2 * maxListPiece {
		list := make([]SPFResult, n)
		for i := range list {
			list[i].Domain = fmt.Sprintf("%d.%d", n, i)
		}
		kept = append(kept, cut(&m.spf, list))
	}
	for n, list := range kept {
		if len(list) != n || cap(list) != n {
			t.Fatalf("list %d: got the length %d and the capacity %d", n, len(list), cap(list))
		}
		for i := range list {
			if want := fmt.Sprintf("%d.%d", n, i); list[i].Domain != want {
				t.Fatalf("list %d: got %q, want %q", n, list[i].Domain, want)
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

package reports

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// addDocuments adds the documents of the golden folders as seeds.
func addDocuments(f *testing.F, kinds ...string) {
	f.Helper()
	for _, kind := range kinds {
		files, err := filepath.Glob(filepath.Join("testdata", kind, "*", "*!*"))
		if err != nil {
			f.Fatal(err)
		}
		inputs, err := filepath.Glob(filepath.Join("testdata", kind, "*", "input.*"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range append(files, inputs...) {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
}

// fuzzLimits are small, so that the fuzzer meets them.
var fuzzLimits = Limits{Unpacked: 1 << 20, Records: 100}

// checkBounds holds what each result must hold, however hostile the input was.
func checkBounds(t *testing.T, warned []Warning) {
	t.Helper()
	if len(warned) > maxWarnings+1 {
		t.Errorf("warnings: got %d, want at most %d", len(warned), maxWarnings+1)
	}
	for _, w := range warned {
		if w.Code == "" || len(w.Text) > maxWarningText+len("…") {
			t.Errorf("warning: got %+v, want a code and a short text", w)
		}
	}
}

// aggregateResult is all that reading a document gives.
type aggregateResult struct {
	Report *Aggregate
	Warned []Warning
	Error  string
}

// readSlowly reads a document whose bytes come one by one, so that no tag or text
// stands whole in the window and all go the long way.
func readSlowly(doc []byte) aggregateResult {
	a := aggregateReaders.Get().(*aggregateReader)
	a.begin(bytes.NewReader(doc), newBudget(fuzzLimits))
	defer a.release()
	a.scan.r = iotest.OneByteReader(a.scan.r)
	return newAggregateResult(a.read())
}

func newAggregateResult(a *Aggregate, warned []Warning, err error) aggregateResult {
	r := aggregateResult{Report: a, Warned: warned}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

func FuzzAggregate(f *testing.F) {
	addDocuments(f, "aggregate")
	f.Fuzz(func(t *testing.T, doc []byte) {
		a, warned, err := readAggregate(bytes.NewReader(doc), newBudget(fuzzLimits))
		if diff := cmp.Diff(newAggregateResult(a, warned, err), readSlowly(doc), cmp.Comparer(equalAddr)); diff != "" {
			t.Errorf("the short way and the long way differ (- short, + long):\n%s", diff)
		}
		checkBounds(t, warned)
		if err != nil {
			if a != nil || err.Error() == "" {
				t.Errorf("got a report beside the error %v", err)
			}
			return
		}
		if a.PolicyPublished.Domain == "" || a.Begin.IsZero() || a.End.IsZero() {
			t.Errorf("got a report without a domain or a period: %+v", a)
		}
		if len(a.Records) > fuzzLimits.Records {
			t.Errorf("records: got %d, want at most %d", len(a.Records), fuzzLimits.Records)
		}
		checkJSON(t, a)
	})
}

func equalAddr(a, b netip.Addr) bool { return a == b }

func FuzzTLS(f *testing.F) {
	addDocuments(f, "tls")
	f.Fuzz(func(t *testing.T, doc []byte) {
		r, warned, err := readTLS(bytes.NewReader(doc), newBudget(fuzzLimits))
		checkBounds(t, warned)
		if err != nil {
			if r != nil || err.Error() == "" {
				t.Errorf("got a report beside the error %v", err)
			}
			return
		}
		if len(r.Policies) == 0 || r.Begin.IsZero() || r.End.IsZero() {
			t.Errorf("got a report without a policy or a period: %+v", r)
		}
		checkJSON(t, r)
	})
}

// checkJSON holds that a report can be written, and that nothing in it changes
// on the way: no invalid UTF-8, no time that RFC 3339 cannot spell.
func checkJSON[T any](t *testing.T, report *T) {
	t.Helper()
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	var back T
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatalf("unmarshal: %v", err)
	}
	again, err := json.Marshal(&back)
	if err != nil || !bytes.Equal(again, text) {
		t.Errorf("through JSON: got %s, want %s (%v)", again, text, err)
	}
}

func FuzzUnpack(f *testing.F) {
	addDocuments(f, "unpack", "aggregate", "tls")
	f.Fuzz(func(t *testing.T, data []byte) {
		var found Found
		b := newBudget(fuzzLimits)
		readBlob(bytes.NewReader(data), "1", "mail.example!example.com!1!2.xml", b, &found)
		if b.unpacked < 0 || b.opened < 0 || b.records < 0 {
			t.Errorf("budget: got %+v, want nothing below zero", b)
		}
		for _, r := range found.Reports {
			if r.Begin().Location() != time.UTC {
				t.Errorf("begin: got %v, want UTC", r.Begin())
			}
			checkBounds(t, r.Warnings)
		}
		for _, u := range found.Unreadable {
			if u.Code == "" || u.Reason == "" {
				t.Errorf("unreadable: got %+v, want a code and a reason", u)
			}
		}
	})
}

package export

import (
	"encoding/csv"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// unix is the time of seconds since the epoch.
func unix(seconds int64) time.Time { return time.Unix(seconds, 0) }

func seed(f *testing.F) {
	for _, h := range hostile {
		f.Add(h.text)
	}
}

// FuzzPrintable holds Printable to strconv, which spells the same, in quotes.
func FuzzPrintable(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, s string) {
		quoted := strconv.QuoteToGraphic(s)
		want := strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
		if got := Printable(s); got != want {
			t.Errorf("Printable(%q) = %s, want %s", s, got, want)
		}
	})
}

// FuzzJSONString: encoding/json reads back what was written, as it would read
// what it had written itself.
func FuzzJSONString(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, s string) {
		out := appendJSONString(nil, s)
		var got string
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q becomes %s: %v", s, out, err)
		}
		if want := string([]rune(s)); got != want {
			t.Errorf("%q comes back as %q, want %q", s, got, want)
		}
		checkHarmless(t, string(out), FormatJSON)
	})
}

// FuzzCSV: encoding/csv reads back the cells, none of them a formula.
func FuzzCSV(f *testing.F) {
	for _, h := range hostile {
		f.Add(h.text, h.text)
	}
	f.Add("a;=1", ";;")
	f.Add(`x;"=1+1;y`, `"=1+1`)
	f.Add(`x; "" "=1`, `x;"";"@`)
	f.Fuzz(func(t *testing.T, one, two string) {
		var r row
		r.number("0", -7)
		r.text("1", one)
		r.texts("2", []string{one, two})
		r.text("3", two)
		r.b = append(r.b, "\r\n"...)
		checkHarmless(t, string(r.b), FormatCSV)
		rows := readCSV(t, string(r.b))
		if len(rows) != 1 || len(rows[0]) != 4 || rows[0][0] != "-7" {
			t.Fatalf("got %q, want one row of 4 cells, the first -7", rows)
		}
		pieces := strings.Split(rows[0][2], ";")
		if len(pieces) != 2 {
			t.Fatalf("list of 2 comes back as %q", pieces)
		}
		for _, cell := range []string{rows[0][1], pieces[0], pieces[1], rows[0][3]} {
			if formula(cell) {
				t.Errorf("%q would run as a formula", cell)
			}
		}
		checkSplit(t, strings.TrimSuffix(string(r.b), "\r\n"))
		spelt := strings.NewReplacer(`\\`, `\\`, `\x3b`, ";").Replace(rows[0][1])
		if want := Printable(one); spelt != want && spelt != "'"+want {
			t.Errorf("%q comes back as %q", one, spelt)
		}
	})
}

// checkSplit: where ";" separates, no cell but the first, a number, is a formula,
// whether quotes are kept, taken off or understood.
func checkSplit(t *testing.T, line string) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(line))
	r.Comma, r.LazyQuotes = ';', true
	cells, err := r.Read()
	if err != nil {
		t.Fatalf("split at semicolons: %v\n%q", err, line)
	}
	for _, cell := range append(cells[1:], strings.Split(line, ";")[1:]...) {
		if formula(strings.TrimLeft(cell, blanks+`"`)) {
			t.Errorf("split at semicolons, %q would run as a formula", cell)
		}
	}
}

// FuzzWrite puts a text and numbers everywhere and lets the standard library
// read every format.
func FuzzWrite(f *testing.F) {
	for _, h := range hostile {
		f.Add(h.text, int64(1), int64(0))
	}
	f.Add("", int64(-1), int64(1<<60))
	f.Fuzz(func(t *testing.T, s string, n, seconds int64) {
		for _, kind := range []reports.Kind{reports.KindAggregate, reports.KindFailure, reports.KindTLS} {
			in := poisoned(kind, s)
			in.Message.ReceivedAt = unix(seconds)
			if kind == reports.KindAggregate {
				in.Aggregate.Begin, in.Aggregate.Records[0].Count = unix(-seconds), n
			}
			list := []*storage.Report{in, in}
			readCSV(t, written(t, kind, Options{Format: FormatCSV}, list...))
			readCSV(t, written(t, kind, Options{Format: FormatCSV, RawCells: true}, list...))
			readCSV(t, written(t, kind, Options{Format: FormatParsedmarcCSV}, list...))
			for _, format := range []Format{FormatJSON, FormatParsedmarcJSON} {
				if out := written(t, kind, Options{Format: format}, list...); !json.Valid([]byte(out)) {
					t.Errorf("not JSON: %q", out)
				}
			}
			for _, format := range []Format{FormatNDJSON, FormatNDJSONFlat} {
				for line := range strings.Lines(written(t, kind, Options{Format: format}, list...)) {
					if !json.Valid([]byte(line)) {
						t.Errorf("not JSON: %q", line)
					}
				}
			}
		}
	})
}

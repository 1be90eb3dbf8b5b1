package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reportmx/reports"
	"reportmx/storage"
)

var update = flag.Bool("update", false, "rewrite the golden files and the samples in docs/exports.md")

// allFormats are our own formats; everyFormat has those of parsedmarc, too.
var (
	allFormats  = []Format{FormatCSV, FormatJSON, FormatNDJSON, FormatNDJSONFlat}
	everyFormat = append(allFormats, FormatParsedmarcCSV, FormatParsedmarcJSON)
)

func TestGolden(t *testing.T) {
	tests := []struct {
		name string
		kind reports.Kind
		in   []*storage.Report
	}{
		{"aggregate", reports.KindAggregate, []*storage.Report{sampleAggregate(), bare(reports.KindAggregate)}},
		{"failure", reports.KindFailure, []*storage.Report{sampleFailure(), bare(reports.KindFailure)}},
		{"tls", reports.KindTLS, []*storage.Report{sampleTLS(), bare(reports.KindTLS)}},
		{"nothing", reports.KindAggregate, nil},
		{"nothing-failure", reports.KindFailure, nil},
		{"nothing-tls", reports.KindTLS, nil},
	}
	for _, test := range tests {
		for _, format := range allFormats {
			name := test.name + "." + strings.Replace(string(format), "ndjson-flat", "flat.ndjson", 1)
			t.Run(name, func(t *testing.T) {
				golden(t, name, written(t, test.kind, Options{Format: format}, test.in...))
			})
		}
	}
}

// golden compares got with testdata/name, or rewrites that.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// TestAggregateJSON holds the hand-written JSON to encoding/json: same members,
// same order, same values.
func TestAggregateJSON(t *testing.T) {
	far := bare(reports.KindAggregate)
	far.Aggregate.Begin = time.Unix(1<<50, 0)
	far.Aggregate.Records[0].SourceIP = netip.MustParseAddr("fe80::1").WithZone("eth0,\"\n;=1")
	for _, in := range []*storage.Report{sampleAggregate(), bare(reports.KindAggregate), far} {
		var rival bytes.Buffer
		enc := json.NewEncoder(&rival)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(mirrorAggregate(in)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rival.String(), written(t, in.Kind, Options{Format: FormatNDJSON}, in)); diff != "" {
			t.Errorf("report %d (-encoding/json +ours):\n%s", in.Seq, diff)
		}
	}
}

func TestPartsMakeOneReport(t *testing.T) {
	long := sampleAggregate()
	for len(long.Aggregate.Records) < 2500 { // far more than fits the buffer
		long.Aggregate.Records = append(long.Aggregate.Records, sampleRecords()...)
	}
	for _, format := range everyFormat {
		t.Run(string(format), func(t *testing.T) {
			whole := written(t, long.Kind, Options{Format: format}, sampleAggregate(), long, sampleAggregate())
			parts := append([]*storage.Report{sampleAggregate()}, inParts(long, storage.ChunkRecords)...)
			parts = append(parts, sampleAggregate())
			if len(parts) != 5 {
				t.Fatalf("got %d parts, want 5", len(parts))
			}
			if got := written(t, long.Kind, Options{Format: format}, parts...); got != whole {
				t.Errorf("got %d bytes from parts, want the %d of the whole report", len(got), len(whole))
			}
			var b bytes.Buffer
			if n, err := Write(&b, long.Kind, Options{Format: format}, sequence(parts...)); n != 3 || err != nil {
				t.Errorf("Write = %d, %v, want 3 reports", n, err)
			}
		})
	}
}

func TestWriteErrors(t *testing.T) {
	broken := errors.New("disk is on fire")
	noLast := sampleAggregate()
	noLast.Last = false
	second := sampleAggregate()
	second.Chunk = 1
	stranger := sampleAggregate()
	stranger.Seq, stranger.Chunk = 99, 1
	hollow := &storage.Report{Last: true, Report: reports.Report{Kind: reports.KindAggregate}}
	tests := []struct {
		name   string
		kind   reports.Kind
		format Format
		seq    iter.Seq2[*storage.Report, error]
		want   error
	}{
		{"format", reports.KindAggregate, "xml", sequence(), ErrFormat},
		{"table", reports.KindAggregate, FormatTable, sequence(), ErrFormat},
		{"kind", "abuse", FormatCSV, sequence(), ErrKind},
		{"report of another kind", reports.KindTLS, FormatCSV, sequence(sampleAggregate()), ErrKind},
		{"report without contents", reports.KindAggregate, FormatCSV, sequence(hollow), ErrKind},
		{"last part missing", reports.KindAggregate, FormatJSON, sequence(noLast), ErrParts},
		{"first part missing", reports.KindAggregate, FormatJSON, sequence(second), ErrParts},
		{"next report too early", reports.KindAggregate, FormatJSON, sequence(noLast, sampleAggregate()), ErrParts},
		{"part of another report", reports.KindAggregate, FormatJSON, sequence(noLast, stranger), ErrParts},
		{"source breaks", reports.KindAggregate, FormatJSON, func(yield func(*storage.Report, error) bool) { yield(nil, broken) }, broken},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			n, err := Write(&b, test.kind, Options{Format: test.format}, test.seq)
			if n != 0 || !errors.Is(err, test.want) {
				t.Errorf("Write = %d, %v, want 0, %v", n, err, test.want)
			}
			if test.format == FormatJSON && json.Valid(b.Bytes()) {
				t.Errorf("a broken export is valid JSON: %q", b.String())
			}
		})
	}
}

// full is a writer that takes some bytes and then no more.
type full struct{ left int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriterFails(t *testing.T) {
	asked := 0
	endless := func(yield func(*storage.Report, error) bool) {
		for yield(sampleAggregate(), nil) {
			asked++
		}
	}
	for _, format := range everyFormat {
		if _, err := Write(&full{left: 100_000}, reports.KindAggregate, Options{Format: format}, endless); !errors.Is(err, errFull) {
			t.Errorf("%s: got error %v, want %v", format, err, errFull)
		}
		if _, err := Write(&full{}, reports.KindAggregate, Options{Format: format}, sequence(sampleAggregate())); !errors.Is(err, errFull) {
			t.Errorf("%s: got error %v at the end, want %v", format, err, errFull)
		}
	}
	if asked > 4*1000 {
		t.Errorf("%d more reports were read after the writer had failed", asked)
	}
}

// TestTLSSums: adding up any column of a TLS export counts nothing twice.
func TestTLSSums(t *testing.T) {
	rows := readCSV(t, written(t, reports.KindTLS, Options{Format: FormatCSV}, sampleTLS()))
	got := map[string][]string{}
	for _, row := range rows[1:] {
		for i, name := range rows[0] {
			switch name {
			case "row", "policy_domain", "successful", "failed", "failed_session_count":
				got[name] = append(got[name], row[i])
			}
		}
	}
	want := map[string][]string{
		"row":                  {"policy", "failure", "failure", "policy"},
		"policy_domain":        {"example.com", "example.com", "example.com", "sub.example.com"},
		"successful":           {"5326", "", "", ""},
		"failed":               {"303", "", "", ""},
		"failed_session_count": {"", "100", "", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

// TestNoSamples: what strangers wrote to each other is in no ordinary export.
func TestNoSamples(t *testing.T) {
	for _, format := range everyFormat {
		if out := written(t, reports.KindFailure, Options{Format: format}, sampleFailure()); strings.Contains(out, "never exported") {
			t.Errorf("%s has the body of a sample:\n%s", format, out)
		}
	}
}

// TestConstantMemory: a hundred times as many reports need no more memory.
func TestConstantMemory(t *testing.T) {
	for _, format := range everyFormat {
		allocs := func(n int) float64 {
			list := make([]*storage.Report, n)
			for i := range list {
				list[i] = sampleAggregate()
			}
			return testing.AllocsPerRun(1, func() {
				if _, err := Write(io.Discard, reports.KindAggregate, Options{Format: format}, sequence(list...)); err != nil {
					t.Fatal(err)
				}
			})
		}
		// One small allocation a report is allowed: pct as a wider number.
		if few, many := allocs(10), allocs(1000); many > few+1000 {
			t.Errorf("%s: %v allocations for 1,000 reports, %v for 10", format, many, few)
		}
	}
}

func readCSV(t testing.TB, s string) [][]string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(s))
	rows, err := r.ReadAll() // checks that all rows have the same number of cells
	if err != nil {
		t.Fatalf("encoding/csv cannot read this: %v\n%q", err, s)
	}
	return rows
}

// sizes counts the bytes of each write.
type sizes []int

func (s *sizes) Write(p []byte) (int, error) {
	*s = append(*s, len(p))
	return len(p), nil
}

// TestPieces: what is written goes out in whole pieces, and is what the same reports
// are when each is written alone.
func TestPieces(t *testing.T) {
	var list []*storage.Report
	for i := range 300 {
		r := sampleAggregate()
		r.Aggregate.ReportID = strings.Repeat("x", i)
		r.Aggregate.Records = r.Aggregate.Records[:i%3]
		list = append(list, r)
	}
	for _, format := range allFormats {
		var got bytes.Buffer
		var pieces sizes
		if _, err := Write(io.MultiWriter(&got, &pieces), reports.KindAggregate, Options{Format: format}, sequence(list...)); err != nil {
			t.Fatal(err)
		}
		for _, n := range pieces[:len(pieces)-1] {
			if n%flushAt != 0 {
				t.Errorf("%s: a write of %d bytes", format, n)
			}
		}
		before, between, after := "", "", ""
		switch format {
		case FormatCSV:
			before = written(t, reports.KindAggregate, Options{Format: format})
		case FormatJSON:
			before, between, after = "[\n", ",\n", "\n]\n"
		}
		var want []string
		for _, r := range list {
			one := written(t, reports.KindAggregate, Options{Format: format}, r)
			want = append(want, strings.TrimSuffix(strings.TrimPrefix(one, before), after))
		}
		if want := before + strings.Join(want, between) + after; got.String() != want || len(pieces) < 5 {
			t.Errorf("%s: %d bytes in %d pieces differ from the %d of single reports", format, got.Len(), len(pieces), len(want))
		}
	}
}

// Package export turns reports into bytes: CSV, JSON, NDJSON, and summaries.
//
// It knows no engine: [Write] takes a sequence of [storage.Report], in parts as
// a store reads them, and an [io.Writer]. Memory is constant: one part at a
// time, and a buffer. docs/exports.md describes every format for those who read
// them; a test holds it to this code.
//
// What stands in a report was written by strangers. In no format does a control
// character, a bidirectional override or an invisible character come out as it
// is, so that any output may be shown on a terminal ([Printable]); and in CSV a
// text that a spreadsheet would run as a formula is made plain text, unless
// [Options].RawCells says otherwise.
//
// Deliberately the defaults that RFC 9990 and RFC 7489 give to absent elements
// are not filled in: an export shows what the report said. Only the formats of
// parsedmarc fill them in, as parsedmarc does.
package export

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"reportmx/reports"
	"reportmx/storage"
)

// What callers decide on.
var (
	// ErrFormat: the format is none of the known ones, or not one for this use.
	ErrFormat = errors.New("unknown format")
	// ErrKind: a report is not of the kind that was asked for.
	ErrKind = errors.New("report of another kind")
	// ErrParts: a part of a report is missing or stands out of order.
	ErrParts = errors.New("report with a missing part")
)

// Format is a way to write reports or a summary.
type Format string

// The formats of [Write]; a summary knows CSV, JSON and Table.
const (
	FormatCSV        Format = "csv"         // RFC 4180; aggregate: one row a record
	FormatJSON       Format = "json"        // one array (RFC 8259)
	FormatNDJSON     Format = "ndjson"      // one report a line
	FormatNDJSONFlat Format = "ndjson-flat" // one record a line, the columns of CSV
	FormatTable      Format = "table"       // for people; summaries only

	FormatParsedmarcCSV  Format = "parsedmarc-csv"  // the files of parsedmarc
	FormatParsedmarcJSON Format = "parsedmarc-json" // as one array
)

// SchemaVersion is the number in "schema" of each JSON object. Fields are added
// under the same number; it rises when one is renamed or changes its meaning.
const SchemaVersion = 1

// Options says how to write reports. Format must be given.
type Options struct {
	Format Format
	// RawCells leaves cells of CSV that begin like a formula as they are. Only
	// for programs that read CSV: a spreadsheet may run what a stranger wrote.
	RawCells bool
	// Enricher fills the source_… columns of the formats of parsedmarc; nil
	// leaves them empty. In our own formats of aggregate and failure reports it
	// adds these columns behind all others, in JSON the object "source".
	Enricher Enricher
}

// flushAt is how many bytes are written at a time: large enough that the writer's
// system calls do not show, small against a part of a report, and whole pages of a
// file and whole buffers of io.Copy, behind which an export may go on.
const flushAt = 64 << 10

// encoder writes the parts of reports in one format. Part is called in order,
// with all parts of a report one after the other.
type encoder interface {
	begin(out *output)
	part(out *output, r *storage.Report)
	end(out *output)
}

// Write writes the reports of seq, all of the given kind, and returns how many
// it wrote. It stops at the first error, of seq or of w; what it wrote until
// then is no whole document, and a JSON array is left open so that nobody takes
// it for one. ErrKind and ErrParts tell of a sequence that is not in order.
func Write(w io.Writer, kind reports.Kind, o Options, seq iter.Seq2[*storage.Report, error]) (count int64, err error) {
	enc, err := newEncoder(kind, o)
	if err != nil {
		return 0, err
	}
	out := &output{w: w, buf: make([]byte, 0, flushAt+flushAt/4)}
	enc.begin(out)
	var parts order
	for r, err := range seq {
		if err != nil {
			return count, fmt.Errorf("read reports: %w", err)
		}
		if err := parts.next(kind, r); err != nil {
			return count, err
		}
		if marked(r) && o.Format.unmarked() {
			continue
		}
		enc.part(out, r)
		if out.err != nil {
			return count, out.err
		}
		if r.Last {
			count++
		}
	}
	if err := parts.done(); err != nil {
		return count, err
	}
	enc.end(out)
	out.flush()
	return count, out.err
}

func newEncoder(kind reports.Kind, o Options) (encoder, error) {
	switch kind {
	case reports.KindAggregate, reports.KindFailure, reports.KindTLS:
	default:
		return nil, fmt.Errorf("%w: %q", ErrKind, string(kind))
	}
	switch o.Format {
	case FormatCSV:
		return &rowEncoder{kind: kind, row: row{style: styleCSV, raw: o.RawCells}, enricher: o.Enricher}, nil
	case FormatNDJSONFlat:
		return &rowEncoder{kind: kind, row: row{style: styleJSON}, enricher: o.Enricher}, nil
	case FormatJSON:
		return &jsonEncoder{first: "\n", between: ",\n", opening: "[", closing: "\n]\n", enricher: o.Enricher}, nil
	case FormatNDJSON:
		return &jsonEncoder{between: "\n", closing: "\n", enricher: o.Enricher}, nil
	case FormatParsedmarcCSV:
		return &parsedmarcCSV{kind: kind, row: row{raw: o.RawCells}, enricher: o.Enricher}, nil
	case FormatParsedmarcJSON:
		return &parsedmarcJSON{json: indentedJSON{bare: true}, enricher: o.Enricher}, nil
	}
	return nil, fmt.Errorf("%w for reports: %q", ErrFormat, string(o.Format))
}

// output gathers bytes and remembers the first error of its writer.
type output struct {
	w   io.Writer
	buf []byte
	err error
}

// spill writes what has gathered of b in pieces of flushAt, and returns the rest.
func (o *output) spill(b []byte) []byte {
	if len(b) >= flushAt {
		whole := len(b) - len(b)%flushAt
		o.write(b[:whole])
		b = b[:copy(b, b[whole:])]
	}
	o.buf = b
	return b
}

func (o *output) flush() {
	o.write(o.buf)
	o.buf = o.buf[:0]
}

func (o *output) write(b []byte) {
	if o.err == nil && len(b) > 0 {
		if _, err := o.w.Write(b); err != nil {
			o.err = fmt.Errorf("write reports: %w", err)
		}
	}
}

// order watches that parts come as storage promises them.
type order struct {
	open bool // the last part was not the last of its report
	seq  uint64
	part int
}

func (o *order) next(kind reports.Kind, r *storage.Report) error {
	if r.Kind != kind || !filled(&r.Report) {
		return fmt.Errorf("%w: report %d is %q, not %q", ErrKind, r.Seq, string(r.Kind), string(kind))
	}
	return o.follow(r.Seq, r.Chunk, r.Last)
}

// follow takes the next part of the report of that number.
func (o *order) follow(seq uint64, part int, last bool) error {
	want := 0
	if o.open {
		want = o.part + 1
	}
	if part != want || o.open && seq != o.seq {
		return fmt.Errorf("%w: part %d of report %d where part %d was due", ErrParts, part, seq, want)
	}
	o.open, o.seq, o.part = !last, seq, part
	return nil
}

func (o *order) done() error {
	if o.open {
		return fmt.Errorf("%w: report %d ends at part %d", ErrParts, o.seq, o.part)
	}
	return nil
}

// filled tells whether the report holds what its kind promises.
func filled(r *reports.Report) bool {
	switch r.Kind {
	case reports.KindAggregate:
		return r.Aggregate != nil
	case reports.KindFailure:
		return r.Failure != nil
	default:
		return r.TLS != nil
	}
}

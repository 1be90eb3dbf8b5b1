package reports

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/emersion/go-message/textproto"
)

// The bounds of one header block. Postfix and go-message stand at 100 KiB and
// 1 MiB; long chains of ARC and Received fields need some 50 KiB.
const (
	maxHeaderBytes  = 256 << 10
	maxHeaderFields = 1000
)

var (
	errHeaderBytes  = fmt.Errorf("header block exceeds the bound of %d bytes", maxHeaderBytes)
	errHeaderFields = fmt.Errorf("header block exceeds the bound of %d fields", maxHeaderFields)
)

// header is one header block as far as it could be read.
type header struct {
	textproto.Header
	recovered bool // lines were passed over, or the blank line at its end is missing
}

// readHeader reads the header block at the start of raw and returns what stands
// behind its blank line. It recovers where go-message gives up: lines that are
// no field (mbox "From " lines, lines without a colon, 8-bit field names) are
// passed over; CRLF, LF, CR and CR CR LF end a line; without a blank line the
// body begins behind the last field. Past a bound it returns the fields before
// it, and an error that names it.
func readHeader(raw []byte) (h header, body []byte, err error) {
	p := headerParsers.Get().(*headerParser)
	defer headerParsers.Put(p)
	s := headerScan{rest: raw, clean: p.clean[:0], whole: true}
	err = s.run()
	p.clean = s.clean
	h = header{recovered: s.recovered}
	if len(s.clean) == 0 {
		return h, s.body, err
	}
	p.bytes.Reset(s.clean)
	p.lines.Reset(&p.bytes)
	parsed, perr := textproto.ReadHeader(p.lines)
	if perr != nil && err == nil {
		err = fmt.Errorf("read header: %w", perr)
	}
	h.Header = parsed
	return h, s.body, err
}

// headerParser is what reading a header block needs beside its result, of which
// it keeps nothing.
type headerParser struct {
	clean  []byte
	values []valueSpan
	bytes  bytes.Reader
	lines  *bufio.Reader
}

var headerParsers = sync.Pool{New: func() any { return &headerParser{lines: bufio.NewReader(nil)} }}

var errHeaderEnd = errors.New("end of header")

// headerScan goes through a header block line by line. It copies all well-formed fields
// to clean as they stand, or of the entityFields only the values, unfolded.
type headerScan struct {
	rest      []byte
	whole     bool // copy all fields
	clean     []byte
	values    []valueSpan // of entityFields, in clean
	body      []byte
	stray     []byte // from the first line that is no field and has no field behind it yet
	read      int    // bytes of the block so far
	fields    int
	received  int  // Received fields, unless whole fields are copied
	inField   bool // a continuation line belongs to a field that was kept
	recovered bool
	err       error
}

// run goes to the end of the block. Its error names a bound that was passed.
func (s *headerScan) run() error {
	for s.next() {
	}
	if errors.Is(s.err, errHeaderEnd) {
		return nil
	}
	return s.err
}

// next takes one line; it returns false at the end of the block.
func (s *headerScan) next() bool {
	if len(s.rest) == 0 {
		s.end(s.stray)
		return false
	}
	line, rest := cutLine(s.rest)
	if len(line) == 0 {
		s.end(rest)
		return false
	}
	if s.read += len(s.rest) - len(rest); s.read > maxHeaderBytes {
		s.err = errHeaderBytes
		return false
	}
	if line[0] == ' ' || line[0] == '\t' {
		if s.inField {
			s.goOn(line)
		}
	} else if !s.begin(line) {
		return false
	}
	s.rest = rest
	return true
}

// begin takes a line that continues no field. It returns false at the end of the block.
func (s *headerScan) begin(line []byte) bool {
	name := fieldName(line)
	switch {
	case len(name) > 0:
		if s.fields++; s.fields > maxHeaderFields {
			s.err = errHeaderFields
			return false
		}
		s.stray = nil
		s.keep(name, line)
	case beginsBody(line):
		s.recovered = true
		s.end(s.rest)
		return false
	default:
		s.inField, s.recovered = false, true
		if s.stray == nil {
			s.stray = s.rest
		}
	}
	return true
}

func (s *headerScan) end(body []byte) {
	s.body, s.err = body, errHeaderEnd
}

// keep copies what is asked for of the field that begins with line.
func (s *headerScan) keep(name, line []byte) {
	s.inField = true
	if s.whole {
		s.clean = append(append(s.clean, line...), '\r', '\n')
		return
	}
	if len(name) == len(fieldReceived) && strings.EqualFold(string(name), fieldReceived) {
		s.received++
	}
	wanted := entityField(name)
	if s.inField = wanted != ""; !s.inField {
		return
	}
	_, value, _ := bytes.Cut(line, []byte{':'})
	start := len(s.clean)
	s.clean = append(s.clean, bytes.Trim(value, " \t")...)
	s.values = append(s.values, valueSpan{wanted, start, len(s.clean)})
}

// goOn copies a continuation line. Where only values are copied, blanks around the line
// end become one space, as go-message does it.
func (s *headerScan) goOn(line []byte) {
	if s.whole {
		s.clean = append(append(s.clean, line...), '\r', '\n')
		return
	}
	if line = bytes.Trim(line, " \t"); len(line) == 0 {
		return
	}
	last := &s.values[len(s.values)-1]
	if last.end > last.start {
		s.clean = append(s.clean, ' ')
	}
	s.clean = append(s.clean, line...)
	last.end = len(s.clean)
}

// fieldName returns the name of the field that a line begins, or nil where go-message reads
// none: a name of printable ASCII, perhaps blanks, a colon (RFC 5322 §3.6.8, §4.5).
func fieldName(line []byte) []byte {
	end := bytes.IndexByte(line, ':')
	for end > 0 && (line[end-1] == ' ' || line[end-1] == '\t') {
		end--
	}
	if end <= 0 {
		return nil
	}
	for _, c := range line[:end] {
		if c <= ' ' || c > '~' {
			return nil
		}
	}
	return line[:end]
}

// isField tells whether a line begins a field.
func isField(line []byte) bool { return fieldName(line) != nil }

// beginsBody tells whether a line that is no field is certainly the first of a
// body whose blank line is missing: a boundary, a document or an archive.
func beginsBody(line []byte) bool {
	return bytes.HasPrefix(line, []byte("--")) || looksLikeDocument(line)
}

// cutLine cuts b behind its first line end: CRLF, LF, CR, or several CR and LF.
func cutLine(b []byte) (line, rest []byte) {
	end := lineLength(b[:min(len(b), maxHeaderBytes+1)])
	if end < 0 {
		return b, nil
	}
	next := end
	for next < len(b) && b[next] == '\r' {
		next++
	}
	if next < len(b) && b[next] == '\n' {
		return b[:end], b[next+1:]
	}
	return b[:end], b[end+1:]
}

// lineLength returns where the first CR or LF stands in b, or -1. It looks for both in
// steps: a search for the one must not run far past the other.
func lineLength(b []byte) int {
	const step = 128
	for from := 0; from < len(b); from += step {
		piece := b[from:min(from+step, len(b))]
		lf := bytes.IndexByte(piece, '\n')
		if lf >= 0 {
			piece = piece[:lf]
		}
		if cr := bytes.IndexByte(piece, '\r'); cr >= 0 {
			return from + cr
		}
		if lf >= 0 {
			return from + lf
		}
	}
	return -1
}

// trimBlankLines cuts the blank lines at the start of b.
func trimBlankLines(b []byte) []byte {
	return bytes.TrimLeft(b, "\r\n")
}

// trimEnvelopeLine cuts the blank lines before a message, and the "From " line
// that a mailbox file has there (RFC 4155 appendix A).
func trimEnvelopeLine(b []byte) []byte {
	b = trimBlankLines(b)
	if bytes.HasPrefix(b, []byte("From ")) || bytes.HasPrefix(b, []byte(">From ")) {
		if line, rest := cutLine(b); !isField(line) {
			return rest
		}
	}
	return b
}

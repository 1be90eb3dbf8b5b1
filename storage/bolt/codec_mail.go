package bolt

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// A mail with a report is mostly base64 of an archive, which compressing only turns
// into the archive again, at length. So the base64 is decoded, and only the rest is
// compressed. The body of such a value:
//
//	encoding of the text (1) ‖ runs ‖ per run: text before it, bytes decoded,
//	characters of a line, marks ‖ length of the packed text ‖ packed text ‖ data
//
// with varints for numbers. A run is base64 in lines of one length, of which the last
// may be shorter; the line end after that belongs to the text.
const (
	runCRLF = 1 << iota // its lines end with CRLF, not with LF
	runText             // what it decodes to compresses, and stands in the text
)

// run is one stretch of base64.
type run struct {
	before  int // bytes of the message before it, since the last run
	decoded int
	line    int // characters of a line, but for the last one
	marks   byte
}

// smallestRun is how many characters of base64 are worth decoding, in bytes.
const smallestRun = 128

// strict decodes only what encoding gives again: bits that are left over are zero.
var strict = base64.StdEncoding.Strict()

// mailParts is a message taken apart.
type mailParts struct {
	runs     []run
	encoding byte   // of the text, when it is read
	text     []byte // what is compressed
	data     []byte // what is not
}

// newRaw makes the value of a message: its SHA-256, then the message.
func (c *codec) newRaw(raw []byte) (*value, error) {
	if len(raw) > maxValue {
		return nil, fmt.Errorf("encode message: it has %d bytes, the bound is %d", len(raw), maxValue)
	}
	p := newPacker()
	defer p.release()
	m := &p.mail
	m.split(raw)
	packed, encoding := c.squeeze(p, m.text)
	sum := sha256.Sum256(raw)
	const numbers = 4 * binary.MaxVarintLen32
	b := make([]byte, headerBytes, headerBytes+len(sum)+numbers*(1+len(m.runs))+len(packed)+len(m.data))
	b[0], b[1] = valueVersion, encoding
	b = append(b, sum[:]...)
	if len(m.runs) > 0 {
		b[1] = encodingMail
		b = append(b, encoding)
		b = m.appendRuns(b)
		b = binary.AppendUvarint(b, uint64(len(packed)))
	}
	b = append(append(b, packed...), m.data...)
	return &value{b: b, body: crcOf(b[headerBytes:])}, nil
}

// message gives the message of such a value.
func (c *codec) message(v stored) ([]byte, error) {
	_, encoding, body, err := v.unseal(0)
	if err != nil {
		return nil, err
	}
	if len(body) < sha256.Size {
		return nil, v.damaged("it has only %d bytes", len(body))
	}
	raw, err := c.unpack(encoding, body[sha256.Size:])
	if err != nil {
		return nil, v.damaged("%v", err)
	}
	if sha256.Sum256(raw) != [sha256.Size]byte(body) {
		return nil, v.damaged("its SHA-256 does not fit")
	}
	return raw, nil
}

func (m *mailParts) appendRuns(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(m.runs)))
	for _, r := range m.runs {
		for _, n := range [...]int{r.before, r.decoded, r.line, int(r.marks)} {
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	return b
}

// split takes a message apart.
func (m *mailParts) split(raw []byte) {
	m.runs, m.text, m.data = m.runs[:0], m.text[:0], m.data[:0]
	from := 0 // what comes from here on is text, as far as is known
	for at := 0; at < len(raw); {
		start := len(m.data)
		r, end := m.decode(raw[at:])
		if end < smallestRun {
			m.data = m.data[:start]
			at += max(end, lineBytes(raw[at:]))
			continue
		}
		m.text = append(m.text, raw[from:at]...)
		r.before, r.decoded = at-from, len(m.data)-start
		if !packedAlready(m.data[start:]) {
			r.marks |= runText
			m.text = append(m.text, m.data[start:]...)
			m.data = m.data[:start]
		}
		m.runs = append(m.runs, r)
		at += end
		from = at
	}
	m.text = append(m.text, raw[from:]...)
}

// lineBytes is the length of the first line with its end.
func lineBytes(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// decode decodes the run with which b begins to the end of data, and tells where it
// ends, 0 when there is none.
func (m *mailParts) decode(b []byte) (r run, end int) {
	for at := 0; at < len(b); {
		line := b[at : at+lineBytes(b[at:])]
		text := bytes.TrimSuffix(line, []byte("\n"))
		var marks byte
		if t := bytes.TrimSuffix(text, []byte("\r")); len(t) < len(text) && len(text) < len(line) {
			text, marks = t, runCRLF
		}
		if at == 0 {
			r.line = len(text)
		}
		if len(text) > r.line || !m.decodeLine(text) {
			return r, end
		}
		end = at + len(text)
		if last := len(text) < r.line || text[len(text)-1] == '=' || len(text) == len(line); last {
			return r, end
		}
		if at == 0 {
			r.marks = marks
		}
		if marks != r.marks {
			return r, end
		}
		at += len(line)
	}
	return r, end
}

// decodeLine adds what a line decodes to, if encoding that gives the line again: it does
// unless bits are left over, which strict refuses, or the line holds a CR, which the
// decoder passes over.
func (m *mailParts) decodeLine(line []byte) bool {
	if len(line) == 0 || len(line)%4 != 0 {
		return false
	}
	start := len(m.data)
	data, err := strict.AppendDecode(m.data, line)
	if err != nil || base64.StdEncoding.EncodedLen(len(data)-start) != len(line) {
		return false
	}
	m.data = data
	return true
}

// packedAlready tells whether data is an archive: gzip or zip.
func packedAlready(data []byte) bool {
	return bytes.HasPrefix(data, []byte{0x1f, 0x8b}) || bytes.HasPrefix(data, []byte("PK"))
}

// joinMail puts a message together again.
func (c *codec) joinMail(body []byte) ([]byte, error) {
	m, err := parseMail(body)
	if err != nil {
		return nil, err
	}
	if m.encoding == encodingMail {
		return nil, errMailForm
	}
	if m.text, err = c.unpack(m.encoding, m.text); err != nil {
		return nil, err
	}
	return m.join()
}

func parseMail(body []byte) (*mailParts, error) {
	whole := len(body) > 0
	number := func() int {
		n, size := binary.Uvarint(body)
		if size <= 0 || n > maxValue {
			whole = false
			return 0
		}
		body = body[size:]
		return int(n)
	}
	if !whole {
		return nil, errMailForm
	}
	m := &mailParts{encoding: body[0]}
	body = body[1:]
	for n := number(); n > 0 && whole; n-- {
		m.runs = append(m.runs, run{before: number(), decoded: number(), line: number(), marks: byte(number())})
	}
	text := number()
	if !whole || text > len(body) {
		return nil, errMailForm
	}
	m.text, m.data = body[:text], body[text:]
	return m, nil
}

// join gives the message of the parts.
func (m *mailParts) join() ([]byte, error) {
	size, err := m.size()
	if err != nil {
		return nil, err
	}
	text, data := m.text, m.data
	raw := make([]byte, 0, size)
	for i := range m.runs {
		r := &m.runs[i]
		raw, text = append(raw, text[:r.before]...), text[r.before:]
		from := r.source(&text, &data)
		raw = r.appendLines(raw, (*from)[:r.decoded])
		*from = (*from)[r.decoded:]
	}
	return append(raw, text...), nil
}

// size gives how many bytes the message has, if its parts fit together.
func (m *mailParts) size() (n int, err error) {
	text, data := m.text, m.data
	for i := range m.runs {
		r := &m.runs[i]
		if r.line == 0 || r.line%4 != 0 || r.before > len(text) {
			return 0, errMailForm
		}
		text = text[r.before:]
		from := r.source(&text, &data)
		if r.decoded == 0 || r.decoded > len(*from) {
			return 0, errMailForm
		}
		*from = (*from)[r.decoded:]
		n += r.before + base64.StdEncoding.EncodedLen(r.decoded) + (r.decoded-1)/r.octets()*len(r.lineEnd())
	}
	if len(data) > 0 {
		return 0, errMailForm
	}
	return n + len(text), nil
}

// source is where the bytes of a run stand.
func (r *run) source(text, data *[]byte) *[]byte {
	if r.marks&runText != 0 {
		return text
	}
	return data
}

// octets is how many bytes a whole line encodes.
func (r *run) octets() int { return r.line / 4 * 3 }

func (r *run) lineEnd() string {
	if r.marks&runCRLF != 0 {
		return "\r\n"
	}
	return "\n"
}

func (r *run) appendLines(b, data []byte) []byte {
	for len(data) > r.octets() {
		b = append(base64.StdEncoding.AppendEncode(b, data[:r.octets()]), r.lineEnd()...)
		data = data[r.octets():]
	}
	return base64.StdEncoding.AppendEncode(b, data)
}

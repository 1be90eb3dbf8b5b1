package reports

import (
	"bytes"
	"io"
	"strings"
)

// newTransferReader decodes the body of a part (RFC 2045 §6) as it is read. An
// unknown encoding is taken as none.
func newTransferReader(body []byte, encoding string) io.Reader {
	switch encoding {
	case "base64":
		return newBase64Reader(body)
	case "quoted-printable":
		return &quotedReader{rest: body}
	}
	return bytes.NewReader(body)
}

// transferEncoding tells how a body really is encoded. Labels lie both ways:
// base64 without a label, and documents or fields under a label of base64.
func transferEncoding(label string, body []byte) (encoding string, lied bool) {
	label = strings.ToLower(strings.Trim(stripComments(label), " \t;\"'"))
	if label == "base64" {
		start := bytes.TrimLeft(body, " \t\r\n")
		if line, _ := cutLine(start); looksLikeDocument(start) || isField(line) {
			return "", true
		}
		return label, false
	}
	if isHiddenBase64(body) {
		return "base64", true
	}
	return label, false
}

// looksLikeDocument tells whether bytes begin like gzip, zip, XML or JSON.
func looksLikeDocument(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	return beginsArchive(b) || bytes.HasPrefix(b, []byte("<")) || bytes.HasPrefix(b, []byte("{"))
}

// beginsArchive tells whether bytes begin like gzip or zip.
func beginsArchive(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\x1f\x8b")) || bytes.HasPrefix(b, []byte("PK\x03\x04"))
}

// hiddenSample is how much of a body has to be base64 to be taken for it. Words
// of prose do not fill that much without a blank or a full stop.
const hiddenSample = 4096

// isHiddenBase64 tells whether a body without a label of base64 is base64 of a
// document all the same.
func isHiddenBase64(body []byte) bool {
	sample := bytes.TrimLeft(body, " \t\r\n")
	sample = sample[:min(len(sample), hiddenSample)]
	if len(sample) < 16 {
		return false
	}
	for _, c := range sample {
		if base64Value[c] == notBase64 && c != '=' && c != '\r' && c != '\n' && c != ' ' {
			return false
		}
	}
	var start [8]byte
	n, _ := io.ReadFull(newBase64Reader(sample), start[:])
	return looksLikeDocument(start[:n])
}

const notBase64 = 0xff

// base64Value gives the six bits of each character of the base64 alphabet.
var base64Value = func() (table [256]byte) {
	for i := range table {
		table[i] = notBase64
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		table[c] = byte(i)
	}
	return table
}()

// base64Reader decodes base64 (RFC 2045 §6.8): characters outside of the
// alphabet are passed over, and padding may be missing. Padding ends the data
// unless another whole line of base64 follows, as encoders write that pad each
// line; so the footer of a mailing list is not taken for data.
type base64Reader struct {
	rest    []byte
	urls    bool // "-" and "_" stand for "+" and "/"
	bits    uint32
	n       int // characters in bits
	pending []byte
	small   [3]byte
}

// newBase64Reader takes "-" and "_" for the last two characters of the alphabet
// where the body has none of the usual two (RFC 4648 §5; Google has sent such).
func newBase64Reader(body []byte) *base64Reader {
	return &base64Reader{
		rest: body,
		urls: !bytes.ContainsAny(body, "+/") && bytes.ContainsAny(body, "-_"),
	}
}

// Read decodes whole groups of three bytes; what a smaller p has no room for waits.
func (r *base64Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(p) < len(r.small) && len(r.pending) == 0 {
		n, err := r.Read(r.small[:])
		if err != nil {
			return 0, err
		}
		r.pending = r.small[:n]
	}
	if len(r.pending) > 0 {
		n := copy(p, r.pending)
		r.pending = r.pending[n:]
		return n, nil
	}
	written := 0
	for len(p)-written >= 3 && (len(r.rest) > 0 || r.n > 0) {
		if r.n == 0 {
			n, taken := decodeGroups(p[written:], r.rest)
			written, r.rest = written+n, r.rest[taken:]
		}
		if len(p)-written >= 3 {
			written += r.step(p[written:])
		}
	}
	if written == 0 {
		return 0, io.EOF
	}
	return written, nil
}

// decodeGroups decodes groups of four characters as long as all four are of the
// alphabet. Nearly all of a body is decoded here.
func decodeGroups(p, body []byte) (written, taken int) {
	for len(p)-written >= 3 && len(body)-taken >= 4 {
		group := body[taken : taken+4 : taken+4]
		a, b := base64Value[group[0]], base64Value[group[1]]
		c, d := base64Value[group[2]], base64Value[group[3]]
		if a|b|c|d > 63 {
			break
		}
		out := p[written : written+3 : written+3]
		out[0], out[1], out[2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
		written, taken = written+3, taken+4
	}
	return written, taken
}

// step takes one character, or gives out what is left of the last group.
func (r *base64Reader) step(p []byte) int {
	if len(r.rest) == 0 {
		return r.flush(p)
	}
	c := r.rest[0]
	r.rest = r.rest[1:]
	value := base64Value[c]
	switch {
	case c == '=':
		r.afterPadding()
		return r.flush(p)
	case r.urls && c == '-':
		value = 62
	case r.urls && c == '_':
		value = 63
	case value == notBase64:
		return 0
	}
	r.bits = r.bits<<6 | uint32(value)
	if r.n++; r.n < 4 {
		return 0
	}
	p[0], p[1], p[2] = byte(r.bits>>16), byte(r.bits>>8), byte(r.bits)
	r.bits, r.n = 0, 0
	return 3
}

// flush gives out the bytes of a group that is not full.
func (r *base64Reader) flush(p []byte) int {
	n := r.n
	bits := r.bits
	r.bits, r.n = 0, 0
	switch n {
	case 2:
		p[0] = byte(bits >> 4)
		return 1
	case 3:
		p[0], p[1] = byte(bits>>10), byte(bits>>2)
		return 2
	}
	return 0
}

// afterPadding drops what follows padding unless it is one more line of base64.
func (r *base64Reader) afterPadding() {
	r.rest = bytes.TrimLeft(r.rest, "= \t\r\n")
	n := 0
	for n < len(r.rest) && base64Value[r.rest[n]] != notBase64 {
		n++
	}
	behind := bytes.TrimLeft(r.rest[n:], "=")
	if n < 2 || len(behind) > 0 && behind[0] != '\r' && behind[0] != '\n' {
		r.rest = nil
	}
}

// quotedReader decodes quoted-printable (RFC 2045 §6.7); a "=" that begins
// neither a code nor a soft line break stays as it is.
type quotedReader struct {
	rest []byte
}

// Read never gives more bytes than it takes from the body.
func (r *quotedReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	written := 0
	for written < len(p) && len(r.rest) > 0 {
		plain := bytes.IndexByte(r.rest[:min(len(r.rest), len(p)-written)], '=')
		if plain < 0 {
			plain = min(len(r.rest), len(p)-written)
		}
		if plain > 0 {
			written += copy(p[written:], r.rest[:plain])
			r.rest = r.rest[plain:]
			continue
		}
		c, taken, ok := quotedCode(r.rest)
		r.rest = r.rest[taken:]
		if ok {
			p[written] = c
			written++
		}
	}
	if written == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return written, nil
}

// maxSoftBreak is how far behind a "=" the line may end, blanks between; without
// a bound a body of "=" and blanks would be read again and again.
const maxSoftBreak = 80

// quotedCode reads the code at the start of b, which is a "=": how many bytes it
// takes, and the byte that it stands for unless it is a soft line break.
func quotedCode(b []byte) (c byte, taken int, ok bool) {
	if len(b) >= 3 && isHex(b[1]) && isHex(b[2]) {
		return hexValue(b[1])<<4 | hexValue(b[2]), 3, true
	}
	end := 1
	for end < len(b) && end < maxSoftBreak && (b[end] == ' ' || b[end] == '\t') {
		end++
	}
	if end == len(b) {
		return 0, end, false
	}
	if b[end] == '\r' || b[end] == '\n' {
		_, rest := cutLine(b[end:min(len(b), end+maxSoftBreak)])
		return 0, min(len(b), end+maxSoftBreak) - len(rest), false
	}
	return '=', 1, true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexValue(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// unquote decodes quoted-printable as a whole.
func unquote(b []byte) []byte {
	out, err := io.ReadAll(&quotedReader{rest: b})
	if err != nil {
		return nil // a quotedReader has no other error than io.EOF
	}
	return out
}

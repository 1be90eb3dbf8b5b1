package mailauth

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"strings"
)

// canon is one of the two ways to spell a message before it is hashed (RFC 6376 §3.4).
type canon int

const (
	canonSimple canon = iota
	canonRelaxed
)

// canons reads c=, for header and body; what is not said is simple (RFC 6376 §3.5).
func canons(c string) (header, body canon, known bool) {
	h, b, both := strings.Cut(noSpace(c), "/")
	if h == "" {
		h = "simple"
	}
	if !both {
		b = "simple"
	}
	header, known = canonNames[h]
	body, bodyKnown := canonNames[b]
	return header, body, known && bodyKnown
}

var canonNames = map[string]canon{"simple": canonSimple, "relaxed": canonRelaxed}

// bodyHashes are the hashes of one body, each computed when it is first asked for:
// however many signatures a message has, its body is hashed twice at most.
type bodyHashes struct {
	body   []byte
	done   [2]bool
	sums   [2][sha256.Size]byte
	hashed int // octets, over both
}

// tooMuch tells whether one more hash would be over MaxHashed. The first never is.
func (b *bodyHashes) tooMuch(c canon) bool {
	return !b.done[c] && b.hashed > 0 && b.hashed+len(b.body) > MaxHashed
}

func (b *bodyHashes) sum(c canon) []byte {
	if !b.done[c] {
		hashBody(b.body, c).Sum(b.sums[c][:0])
		b.done[c] = true
		b.hashed += len(b.body)
	}
	return b.sums[c][:]
}

// hashBody hashes a body as c spells it. What comes out of a piece is at most twice as
// long as the piece.
func hashBody(body []byte, c canon) hash.Hash {
	h := sha256.New()
	body, after := trimBody(body, c)
	var out [8 << 10]byte
	var s speller
	for len(body) > 0 {
		piece := body[:min(len(body), len(out)/2)]
		if c == canonRelaxed {
			h.Write(out[:s.relaxed(out[:], piece)])
		} else {
			h.Write(out[:s.simple(out[:], piece)])
		}
		body = body[len(piece):]
	}
	h.Write(after)
	return h
}

var crlf = []byte("\r\n")

// trimBody takes away what is left out at the end of a body, and gives the line end
// that is hashed in its place (RFC 6376 §3.4.3, §3.4.4). A bare LF is a line end: it was
// one when the message was signed.
func trimBody(body []byte, c canon) (rest, after []byte) {
	if c == canonRelaxed {
		body = bytes.TrimRight(body, " \t\r\n")
		if len(body) == 0 {
			return nil, nil
		}
		return body, crlf
	}
	for bytes.HasSuffix(body, crlf[1:]) {
		body = bytes.TrimSuffix(body[:len(body)-1], crlf[:1])
	}
	return body, crlf
}

// speller spells a body in pieces.
type speller struct {
	space bool // white space that is not yet written
	last  byte
}

// simple only mends bare LF. It gives the octets written.
func (s *speller) simple(out, piece []byte) int {
	n, last := 0, s.last
	for _, c := range piece {
		if c == '\n' && last != '\r' {
			out[n] = '\r'
			n++
		}
		out[n] = c
		n++
		last = c
	}
	s.last = last
	return n
}

// relaxed also makes one space of each run of white space and leaves out that at the
// end of lines. A CR that ends no line counts as a line's end for the white space
// before it, and is kept.
func (s *speller) relaxed(out, piece []byte) int {
	n, last, space := 0, s.last, s.space
	for _, c := range piece {
		switch {
		case !blank[c]:
			if space {
				out[n] = ' '
				n++
				space = false
			}
			out[n] = c
			n++
		case c == ' ' || c == '\t':
			space = true
		default:
			if c == '\n' && last != '\r' {
				out[n] = '\r'
				n++
			}
			out[n] = c
			n++
			space = false
		}
		last = c
	}
	s.last, s.space = last, space
	return n
}

// blank are the octets that are not always kept.
var blank = [256]bool{' ': true, '\t': true, '\r': true, '\n': true}

// appendField appends a header field as it is hashed, with its line end (RFC 6376
// §3.4.1, §3.4.2). raw ends with a line end.
func appendField(b, raw []byte, c canon) []byte {
	if c == canonSimple {
		return appendLines(b, raw)
	}
	name, value, _ := bytes.Cut(raw, []byte(":"))
	b = append(b, bytes.ToLower(bytes.TrimSpace(name))...)
	b = append(b, ':')
	first := true
	for len(value) > 0 {
		end := 0
		for end < len(value) && !blank[value[end]] {
			end++
		}
		if end > 0 {
			if !first {
				b = append(b, ' ')
			}
			b, first = append(b, value[:end]...), false
		}
		value = value[min(end+1, len(value)):]
	}
	return append(b, "\r\n"...)
}

// appendLines appends text with CR LF for each line end.
func appendLines(b, text []byte) []byte {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, crlf[1:])
		b = append(append(b, bytes.TrimSuffix(line, crlf[:1])...), "\r\n"...)
		text = rest
	}
	return b
}

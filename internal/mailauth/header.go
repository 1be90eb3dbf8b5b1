package mailauth

import (
	"bytes"
	"fmt"
)

// letter is a message cut into its parts, which are slices of it.
type letter struct {
	fields []field
	body   []byte
	hashes *bodyHashes
}

// field is one header field. It is small: each mail has dozens.
type field struct {
	raw   []byte // all of it, with the final line end
	colon int32  // octets before the first colon; all of raw without one
	lines int32
}

// name is what stands before the colon without surrounding space, so that "From :"
// counts as From: looser readers than ours would show it as one.
func (f *field) name() []byte { return bytes.TrimSpace(f.raw[:f.colon]) }

// value is what stands behind the colon, still folded.
func (f *field) value() []byte { return f.raw[min(int(f.colon)+1, len(f.raw)):] }

// split cuts a message at the first empty line (RFC 5322 §2.1). A line ends with LF,
// one CR before it does not count.
func split(message []byte) (letter, error) {
	l := letter{fields: make([]field, 0, 32)}
	rest, start := message, 0
	for len(rest) > 0 {
		line, next, _ := bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			l.body = next
			break
		}
		end := len(message) - len(next)
		if end > MaxHeader {
			return letter{}, fmt.Errorf("header of more than %d octets", MaxHeader)
		}
		if !folded(line) || len(l.fields) == 0 {
			start = len(message) - len(rest)
			l.fields = append(l.fields, field{})
		}
		if len(l.fields) > MaxFields {
			return letter{}, fmt.Errorf("more than %d header fields", MaxFields)
		}
		last := &l.fields[len(l.fields)-1]
		last.raw = message[start:end]
		last.lines++
		rest = next
	}
	for i := range l.fields {
		l.fields[i].cut()
	}
	l.hashes = &bodyHashes{body: l.body}
	return l, nil
}

func folded(line []byte) bool {
	return line[0] == ' ' || line[0] == '\t'
}

func (f *field) cut() {
	colon := bytes.IndexByte(f.raw, ':')
	if colon < 0 {
		colon = len(f.raw)
	}
	f.colon = int32(colon) // a header is at most MaxHeader long
}

func (f *field) is(name string) bool {
	return bytes.EqualFold(f.name(), []byte(name))
}

// tooLong tells why a field is not worked on, nil if it is.
func (f *field) tooLong() error {
	switch {
	case len(f.raw) > maxFieldSize:
		return fmt.Errorf("field %.20q of more than %d octets", f.name(), maxFieldSize)
	case f.lines > maxFieldLines:
		return fmt.Errorf("field %.20q of more than %d lines", f.name(), maxFieldLines)
	}
	return nil
}

package reports

import "bytes"

// Nearly all of a report is tags without attributes, in lower case, and short texts
// without references. What follows reads those where they stand whole in the
// window, and leaves everything else, every error too, to next: it takes nothing
// unless it is sure. FuzzAggregate holds both ways to the same result.

// plainKind tells what plainTag has found.
type plainKind int

const (
	plainNothing plainKind = iota
	plainStart             // "<header_from>"
	plainEmpty             // "<header_from/>"
	plainEnd               // "</header_from>"
)

// plainTag takes the tag that comes next, behind blanks, if it is the end tag of open,
// or a start tag with neither prefix nor attributes, which it returns with its name.
func (s *xmlScanner) plainTag(open []byte) (kind plainKind, tag, name []byte) {
	w := s.buf[s.pos:s.end]
	start := 0
	for start < len(w) && plainBytes[w[start]]&plainBlank != 0 {
		start++
	}
	w = w[start:]
	if isEndTag(w, open) {
		s.pos += start + len("</>") + len(open)
		return plainEnd, nil, nil
	}
	if len(w) == 0 || w[0] != '<' || s.markup <= 0 {
		return plainNothing, nil, nil
	}
	end := 1
	for end < len(w) && plainBytes[w[end]]&plainName != 0 {
		end++
	}
	kind, length := plainStart, end+1
	if end < len(w) && w[end] == '/' {
		kind, length = plainEmpty, end+2
	}
	if end == 1 || length > len(w) || w[length-1] != '>' {
		return plainNothing, nil, nil
	}
	s.markup--
	s.pos += start + length
	return kind, w[:length], w[1:end]
}

// plainText takes a text and the end tag of name, which must follow it, and returns
// the text without surrounding blanks.
func (s *xmlScanner) plainText(name []byte) (text []byte, ok bool) {
	w := s.buf[s.pos:s.end]
	length := 0
	for length < len(w) && plainBytes[w[length]]&plainOther != 0 {
		length++
	}
	if !isEndTag(w[length:], name) {
		return nil, false
	}
	s.pos += length + len("</>") + len(name)
	return bytes.TrimSpace(w[:length]), true
}

// isEndTag tells whether w begins with the end tag of name, without blanks in it.
func isEndTag(w, name []byte) bool {
	n := len(name)
	return len(w) >= n+3 && w[0] == '<' && w[1] == '/' && w[n+2] == '>' && string(w[2:n+2]) == string(name)
}

// What plainBytes tells of a byte.
const (
	plainOther = 1 << iota // stands for itself in a text
	plainName              // is in the names of the schema
	plainBlank
)

// plainBytes tells of each byte where it is nothing special in XML. Bytes beyond ASCII
// are special everywhere.
var plainBytes = func() (table [256]byte) {
	for c := byte(' '); c <= '~'; c++ {
		table[c] = plainOther
	}
	for c := byte('a'); c <= 'z'; c++ {
		table[c] |= plainName
	}
	table['_'] |= plainName
	table[' '] |= plainBlank
	table['\n'], table['\t'], table['\r'] = plainOther|plainBlank, plainOther|plainBlank, plainBlank
	table['<'], table['&'] = 0, 0
	return table
}()

package reports

import "bytes"

// Nearly all of a report is tags without attributes, in lower case, and short texts
// without references. What follows reads those where they stand whole in the
// window, and leaves everything else, every error too, to next: it takes nothing
// unless it is sure. FuzzAggregate holds both ways to the same result.

// plainTag returns the start tag that comes next, behind blanks, if it has neither
// prefix nor attributes: "<header_from>". Else it takes nothing and returns nil.
func (s *xmlScanner) plainTag() []byte {
	w := s.buf[s.pos:s.end]
	start := blanks(w)
	if start == len(w) || w[start] != '<' {
		return nil
	}
	end := start + 1
	for end < len(w) && plainBytes[w[end]] == plainName {
		end++
	}
	if end == start+1 || end == len(w) || w[end] != '>' || s.markup <= 0 {
		return nil
	}
	s.markup--
	s.pos += end + 1
	return w[start : end+1]
}

// plainEnd takes the end tag of name, with the blanks before it, if it comes next.
func (s *xmlScanner) plainEnd(name []byte) bool {
	w := s.buf[s.pos:s.end]
	start := blanks(w)
	if !isEndTag(w[start:], name) {
		return false
	}
	s.pos += start + len("</>") + len(name)
	return true
}

// plainText takes a text and the end tag of name, which must follow it, and returns
// the text without surrounding blanks.
func (s *xmlScanner) plainText(name []byte) (text []byte, ok bool) {
	w := s.buf[s.pos:s.end]
	length := 0
	for length < len(w) && plainBytes[w[length]] != 0 {
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

func blanks(w []byte) int {
	for i, c := range w {
		if !blank(c) {
			return i
		}
	}
	return len(w)
}

// plainBytes sorts bytes into those of the schema's names, those of other plain text,
// and 0 for what is special in XML or beyond ASCII.
var plainBytes = func() (table [256]byte) {
	for c := byte(' '); c <= '~'; c++ {
		table[c] = plainOther
	}
	for c := byte('a'); c <= 'z'; c++ {
		table[c] = plainName
	}
	table['\n'], table['\t'], table['_'] = plainOther, plainOther, plainName
	table['<'], table['&'] = 0, 0
	return table
}()

const (
	plainOther = 1
	plainName  = 2
)

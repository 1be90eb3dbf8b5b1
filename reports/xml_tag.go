package reports

import (
	"bytes"
)

// startTag reads a start tag or an empty-element tag. What begins like one and is
// none is given out as a stray "<", and the text goes on behind it.
func (s *xmlScanner) startTag() (xmlToken, error) {
	n, err := s.tagLength()
	if err == errTagStray {
		raw := s.take(1)
		return xmlToken{kind: xmlStray, raw: raw, text: raw}, nil
	}
	if err != nil {
		return xmlToken{}, cutShort(err)
	}
	raw := s.take(n)
	token := xmlToken{kind: xmlStart, raw: raw}
	inner := raw[1 : n-1]
	end := nameLength(inner)
	if inner[len(inner)-1] == '/' {
		token.empty = true
		inner = inner[:len(inner)-1]
	}
	token.name = inner[:end]
	s.attributes = s.attributes[:0]
	if end < len(inner) {
		err = s.readAttributes(inner[end:])
		s.markup -= len(s.attributes)
	}
	return token, err
}

// tagLength returns the length of the tag that the window starts with, from "<"
// to ">", or errTagStray when it is no well-formed tag.
//
//	<name   a = "…"   b='…'  />
func (s *xmlScanner) tagLength() (int, error) {
	i, err := s.passName(1)
	if err != nil {
		return 0, err
	}
	for {
		if i, err = s.passBlanks(i); err != nil {
			return 0, err
		}
		c, err := s.at(i)
		if err != nil {
			return 0, err
		}
		switch {
		case c == '>':
			return i + 1, nil
		case c == '/':
			if c, err = s.at(i + 1); err != nil {
				return 0, err
			}
			if c != '>' {
				return 0, errTagStray
			}
			return i + 2, nil
		}
		if i, err = s.passAttribute(i); err != nil {
			return 0, err
		}
	}
}

// passName returns the offset behind the name at offset i.
func (s *xmlScanner) passName(i int) (int, error) {
	start := i
	for {
		i += nameLength(s.buf[min(s.pos+i, s.end):s.end])
		if s.pos+i < s.end {
			break
		}
		if _, err := s.at(i); err != nil {
			return 0, err
		}
	}
	if i == start || !nameStart(s.buf[s.pos+start]) {
		return 0, errTagStray
	}
	return i, nil
}

func (s *xmlScanner) passBlanks(i int) (int, error) {
	for {
		c, err := s.at(i)
		if err != nil {
			return 0, err
		}
		if !blank(c) {
			return i, nil
		}
		i++
	}
}

// passAttribute returns the offset behind the attribute at offset i.
func (s *xmlScanner) passAttribute(i int) (int, error) {
	i, err := s.passName(i)
	if err != nil {
		return 0, err
	}
	if i, err = s.passBlanks(i); err != nil {
		return 0, err
	}
	if s.buf[s.pos+i] != '=' {
		return 0, errTagStray
	}
	if i, err = s.passBlanks(i + 1); err != nil {
		return 0, err
	}
	quote := s.buf[s.pos+i]
	if quote != '"' && quote != '\'' {
		return 0, errTagStray
	}
	i, err = s.findByte(i+1, quote)
	return i + 1, err
}

// readAttributes takes apart what tagLength has found well-formed.
func (s *xmlScanner) readAttributes(inner []byte) error {
	for {
		equals := bytes.IndexByte(inner, '=')
		if equals < 0 {
			return nil
		}
		if len(s.attributes) == maxAttributes {
			return exceeds("the number of attributes of an XML element", maxAttributes, "attributes")
		}
		name := bytes.TrimSpace(inner[:equals])
		inner = bytes.TrimLeft(inner[equals+1:], " \t\r\n")
		length := bytes.IndexByte(inner[1:], inner[0])
		s.attributes = append(s.attributes, xmlAttribute{name, inner[1 : 1+length]})
		inner = inner[length+2:]
	}
}

func (s *xmlScanner) endTag() (xmlToken, error) {
	n, err := s.findByte(2, '>')
	if err != nil {
		return xmlToken{}, cutShort(err)
	}
	raw := s.take(n + 1)
	name := raw[2:n]
	end := nameLength(name)
	if end == 0 || len(bytes.TrimLeft(name[end:], " \t\r\n")) > 0 {
		return xmlToken{}, errMarkup
	}
	return xmlToken{kind: xmlEnd, raw: raw, name: name[:end]}, nil
}

// nameLength returns the length of the name that text starts with.
func nameLength(text []byte) int {
	for i, c := range text {
		if !nameByte(c) {
			return i
		}
	}
	return len(text)
}

func blank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// nameStart and nameByte tell what a name may hold. All bytes beyond ASCII pass:
// such a name is none of the schema's anyway.
func nameStart(c byte) bool {
	return nameByte(c) && c != '-' && c != '.' && (c < '0' || c > '9')
}

func nameByte(c byte) bool { return nameBytes[c] }

// nameBytes is nameByte as a table.
var nameBytes = func() (table [256]bool) {
	for c := range 256 {
		table[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '_' || c == ':' || c == '-' || c == '.' || c >= 0x80
	}
	return table
}()

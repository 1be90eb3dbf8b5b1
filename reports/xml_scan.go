package reports

import (
	"bytes"
	"errors"
	"io"
)

// xmlKind tells the tokens of an XML document apart.
type xmlKind int

const (
	xmlStart xmlKind = iota // a start tag, or an empty-element tag
	xmlEnd
	xmlText  // text with its references, as it stands
	xmlCData // text without references
	xmlStray // a "<" that begins no markup
)

// xmlToken is one token. Its slices are valid until the next one is read.
type xmlToken struct {
	kind  xmlKind
	raw   []byte // the whole token as it stands
	name  []byte // of a tag, with its prefix
	text  []byte
	empty bool // an empty-element tag: no end tag follows
}

type xmlAttribute struct{ name, value []byte }

var (
	errDoctype  = errors.New("a DOCTYPE with an internal subset is not read")
	errMarkup   = errors.New("malformed markup")
	errTagStray = errors.New("not a tag")
	errCutShort = errors.New("the document is cut short")
)

// xmlScanner cuts UTF-8 bytes into tokens. It keeps one window of maxToken bytes
// and nothing else, so that no input makes it grow: what does not fit into the
// window is an error. Comments, processing instructions and a DOCTYPE without
// internal subset are passed over. It does not know about nesting.
//
//	buf:  … read … | pos → window → end | free
type xmlScanner struct {
	r        io.Reader
	buf      []byte
	pos, end int
	consumed int64 // bytes before buf[0]
	failed   error // from r, given out once the window is used up
	markup   int   // start tags, comments and the like that may yet come

	doctype        bool // a DOCTYPE was passed over
	oddDeclaration bool // an XML declaration without the "?" at its end was

	attributes []xmlAttribute // of the last start tag
}

// newXMLScanner makes a scanner with a window. Most reports are a tenth as long, so it
// is worth being used again.
func newXMLScanner() *xmlScanner {
	return &xmlScanner{buf: make([]byte, maxToken), attributes: make([]xmlAttribute, 0, maxAttributes)}
}

// begin begins a document, and forgets the last one.
func (s *xmlScanner) begin(r io.Reader, markup int) {
	*s = xmlScanner{r: r, buf: s.buf, markup: markup, attributes: s.attributes[:0]}
}

// offset is the position in the document, in bytes of its UTF-8 form.
func (s *xmlScanner) offset() int64 { return s.consumed + int64(s.pos) }

// more reads further bytes into the window. It returns io.EOF at the end.
func (s *xmlScanner) more() error {
	if s.failed != nil {
		return s.failed
	}
	if s.end == len(s.buf) {
		if s.pos == 0 {
			return exceeds("an XML token", maxToken, "bytes")
		}
		copy(s.buf, s.buf[s.pos:s.end])
		s.consumed += int64(s.pos)
		s.end -= s.pos
		s.pos = 0
	}
	for range 100 { // as many empty reads as bufio.Reader allows
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.failed = err
		}
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// findByte returns where c stands in the window, from the offset from on.
func (s *xmlScanner) findByte(from int, c byte) (int, error) {
	for {
		if i := bytes.IndexByte(s.buf[s.pos+from:s.end], c); i >= 0 {
			return from + i, nil
		}
		from = s.end - s.pos
		if err := s.more(); err != nil {
			return 0, err
		}
	}
}

// find is as findByte, for where delim begins.
func (s *xmlScanner) find(from int, delim string) (int, error) {
	for {
		if i := bytes.Index(s.buf[s.pos+from:s.end], []byte(delim)); i >= 0 {
			return from + i, nil
		}
		from = max(from, s.end-s.pos-len(delim)+1)
		if err := s.more(); err != nil {
			return 0, err
		}
	}
}

// at returns the byte at offset i of the window.
func (s *xmlScanner) at(i int) (byte, error) {
	if s.pos+i < s.end {
		return s.buf[s.pos+i], nil
	}
	return s.readTo(i)
}

// readTo is at for a byte that is not in the window yet.
func (s *xmlScanner) readTo(i int) (byte, error) {
	for s.pos+i >= s.end {
		if err := s.more(); err != nil {
			return 0, err
		}
	}
	return s.buf[s.pos+i], nil
}

// starts tells whether the window starts with prefix.
func (s *xmlScanner) starts(prefix string) bool {
	if window := s.buf[s.pos:s.end]; len(window) >= len(prefix) {
		return string(window[:len(prefix)]) == prefix
	}
	for i := range len(prefix) {
		if c, err := s.at(i); err != nil || c != prefix[i] {
			return false
		}
	}
	return true
}

func (s *xmlScanner) take(n int) []byte {
	taken := s.buf[s.pos : s.pos+n]
	s.pos += n
	return taken
}

// next returns the next token; io.EOF at the end of the document.
func (s *xmlScanner) next() (xmlToken, error) {
	for {
		c, err := s.at(0)
		if err != nil {
			return xmlToken{}, err
		}
		if c != '<' {
			return s.text()
		}
		if c, err = s.at(1); err != nil {
			return xmlToken{}, cutShort(err)
		}
		if c == '/' {
			return s.endTag()
		}
		if s.markup--; s.markup < 0 {
			return xmlToken{}, exceeds("the number of XML tags in one message", maxMarkup, "tags")
		}
		switch c {
		case '?':
			err = s.instruction()
		case '!':
			if s.starts("<![CDATA[") {
				return s.cdata()
			}
			err = s.declaration()
		default:
			return s.startTag()
		}
		if err != nil {
			return xmlToken{}, cutShort(err)
		}
	}
}

// cutShort turns the end of the input, inside of a document, into an error.
func cutShort(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errCutShort
	}
	return err
}

func (s *xmlScanner) text() (xmlToken, error) {
	n, err := s.findByte(0, '<')
	if err == io.EOF {
		n, err = s.end-s.pos, nil
	}
	if err != nil {
		return xmlToken{}, err
	}
	raw := s.take(n)
	return xmlToken{kind: xmlText, raw: raw, text: raw}, nil
}

func (s *xmlScanner) cdata() (xmlToken, error) {
	const open, closing = "<![CDATA[", "]]>"
	n, err := s.find(len(open), closing)
	if err != nil {
		return xmlToken{}, cutShort(err)
	}
	raw := s.take(n + len(closing))
	return xmlToken{kind: xmlCData, raw: raw, text: raw[len(open):n]}, nil
}

// pass passes over what stands between open and closing.
func (s *xmlScanner) pass(open, closing string) error {
	n, err := s.find(len(open), closing)
	if err != nil {
		return err
	}
	s.take(n + len(closing))
	return nil
}

// instruction passes over a processing instruction or the XML declaration. Some
// write the declaration without the "?" at its end.
func (s *xmlScanner) instruction() error {
	err := s.pass("<?", "?>")
	if err == nil || !s.starts("<?xml") {
		return err
	}
	n := bytes.IndexByte(s.buf[s.pos:s.end], '>')
	if n < 0 {
		return err
	}
	s.take(n + 1)
	s.oddDeclaration = true
	return nil
}

// declaration passes over a comment or a DOCTYPE. An internal subset could
// declare entities that grow without end, so it is refused.
func (s *xmlScanner) declaration() error {
	if s.starts("<!--") {
		return s.pass("<!--", "-->")
	}
	if !s.starts("<!DOCTYPE") && !s.starts("<!doctype") {
		return errMarkup
	}
	n, err := s.findByte(0, '>')
	if err != nil {
		return err
	}
	if bytes.IndexByte(s.buf[s.pos:s.pos+n], '[') >= 0 {
		return errDoctype
	}
	s.take(n + 1)
	s.doctype = true
	return nil
}

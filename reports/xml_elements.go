package reports

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The namespaces of aggregate reports (RFC 7489 appendix C, RFC 9990 appendix A).
const (
	namespaceRFC7489 = "http://dmarc.org/dmarc-xml/0.1"
	namespaceRFC9990 = "urn:ietf:params:xml:ns:dmarc-2.0"
)

var errNesting = errors.New("an end tag without its start tag")

// xmlElements walks an aggregate report element by element. It holds the nesting
// to the rules of XML, and it tells the elements of the report from foreign ones.
//
// A reader calls child in a loop; whatever it does with the child (child again,
// text, raw, skip) must use it up to its end tag. The first error ends all loops
// and stays in err.
//
//	for x.child() {
//		switch x.name {
//		case "row": …
//		default: x.skip()
//		}
//	}
type xmlElements struct {
	scan  *xmlScanner
	warn  *warnings
	where func() string // names the place for warnings
	err   error

	name      string // local name of the last child; "" when it is foreign, unknownName when the schema lacks it
	local     string // local name of the last child in any namespace; "" when the schema lacks it
	strange   []byte // the name that the schema lacks
	namespace string // of the last child
	root      string // namespace of the root element
	closed    bool   // the last child was an empty-element tag

	open     []byte // names of the open elements, one behind the other
	lengths  []int  // their lengths
	bindings []xmlBinding

	startTag []byte // of the last child, until the next token is read
	buffer   []byte // for text
	kept     int    // bytes of raw elements kept so far
}

// unknownName stands for all names that the schema lacks, so that none of them needs
// memory of its own.
const unknownName = "?"

// xmlBinding is one xmlns attribute and the depth of the element that has it.
type xmlBinding struct {
	prefix, namespace string
	depth             int
}

// forget leaves nothing of the document but empty buffers for the next one.
func (x *xmlElements) forget() {
	clear(x.bindings[:cap(x.bindings)])
	*x = xmlElements{
		scan:     x.scan,
		where:    x.where,
		open:     x.open[:0],
		strange:  x.strange[:0],
		lengths:  x.lengths[:0],
		bindings: x.bindings[:0],
		buffer:   x.buffer[:0],
	}
}

// findRoot goes to the start tag of the feedback element. What stands before it
// or around it is passed over with a warning: one reporting organization wraps
// its reports into an xs:schema that it never closes.
func (x *xmlElements) findRoot() {
	before := ""
	for x.err == nil {
		token, err := x.scan.next()
		if err != nil {
			x.fail(cutShort(err))
			return
		}
		if token.kind == xmlStart {
			x.push(&token)
			if x.local == "feedback" {
				break
			}
		}
		if before == "" {
			before = excerpt(string(token.raw))
		}
		x.closeWrapper(&token)
	}
	if x.err != nil {
		return
	}
	x.enterRoot()
	if before != "" {
		x.warn.add(WarnBeforeRoot, "feedback", before)
	}
	if x.scan.oddDeclaration {
		x.warn.add(WarnMarkup, "XML declaration", "")
	}
	if x.scan.doctype {
		x.warn.add(WarnDoctype, "feedback", "")
	}
}

// closeWrapper closes an element before the root, if the token does. Nothing is
// held to the rules there.
func (x *xmlElements) closeWrapper(token *xmlToken) {
	if x.finished() || token.kind != xmlEnd || len(x.lengths) == 0 {
		return
	}
	if bytes.Equal(token.name, x.innermost()) {
		x.drop()
	}
}

// enterRoot forgets the elements around the root, which need no end tags. The
// namespaces that they and the root declare hold to the end.
func (x *xmlElements) enterRoot() {
	x.root, x.name = x.namespace, x.local
	name := x.startName()
	x.open = append(x.open[:0], name...)
	x.lengths = append(x.lengths[:0], len(name))
	for i := range x.bindings {
		x.bindings[i].depth = 0
	}
}

// startName is the name, with its prefix, of the last start tag.
func (x *xmlElements) startName() []byte {
	return x.startTag[1 : 1+nameLength(x.startTag[1:])]
}

// fail keeps the first error and says where it was met.
func (x *xmlElements) fail(err error) {
	if x.err == nil {
		x.err = fmt.Errorf("byte %d: %w", x.scan.offset(), err)
	}
}

// note adds a warning about the last child.
func (x *xmlElements) note(code string, text []byte) {
	if x.warn.full() {
		x.warn.more++
		return
	}
	x.warn.add(code, x.where(), string(text))
}

// child goes to the next child of the open element. At the end tag of the open
// element, and after an error, it returns false.
func (x *xmlElements) child() bool {
	if x.finished() {
		return false
	}
	for x.err == nil {
		switch kind, tag, name := x.scan.plainTag(x.innermost()); kind {
		case plainEnd:
			x.drop()
			return false
		case plainStart, plainEmpty:
			x.pushPlain(kind, tag, name)
			return x.err == nil
		}
		token, err := x.scan.next()
		switch {
		case err != nil:
			x.fail(cutShort(err))
		case token.kind == xmlStart:
			x.push(&token)
			return x.err == nil
		case token.kind == xmlEnd:
			x.pop(token.name)
			return false
		case token.kind == xmlStray:
			x.fail(errMarkup)
		case len(bytes.TrimSpace(token.text)) > 0:
			x.note(WarnStrayText, token.text)
		}
	}
	return false
}

// finished closes the last child if it was an empty-element tag.
func (x *xmlElements) finished() bool {
	if !x.closed {
		return x.err != nil
	}
	x.closed = false
	x.drop()
	return true
}

// push opens an element.
func (x *xmlElements) push(token *xmlToken) {
	if !x.nest(token.name, token.raw) {
		return
	}
	x.closed = token.empty
	x.bind()
	prefix, local, found := bytes.Cut(token.name, []byte(":"))
	if !found {
		prefix, local = nil, token.name
	}
	x.enter(prefix, local)
}

// pushPlain opens an element whose tag plainTag has found.
func (x *xmlElements) pushPlain(kind plainKind, tag, name []byte) {
	if x.nest(name, tag) {
		x.closed = kind == plainEmpty
		x.enter(nil, name)
	}
}

// nest notes one more open element, unless that is one too many.
func (x *xmlElements) nest(name, tag []byte) bool {
	if len(x.lengths) == maxXMLDepth {
		x.fail(exceeds("the nesting of XML elements", maxXMLDepth, "levels"))
		return false
	}
	x.open = append(x.open, name...)
	x.lengths = append(x.lengths, len(name))
	x.startTag = tag
	return true
}

// enter tells what the element is that was just opened.
func (x *xmlElements) enter(prefix, local []byte) {
	x.namespace = x.lookUp(prefix)
	x.local = schemaName(local)
	known := x.local
	if known == "" && len(local) > 0 {
		x.strange = append(x.strange[:0], local...)
		known = unknownName
	}
	x.name = ""
	if x.ours() {
		x.name = known
	}
}

// localName is the local name of the last child.
func (x *xmlElements) localName() string {
	if x.local == "" {
		return string(x.strange)
	}
	return x.local
}

// bind notes the xmlns attributes of the element that was just opened.
func (x *xmlElements) bind() {
	for _, a := range x.scan.attributes {
		prefix, found := bytes.CutPrefix(a.name, []byte("xmlns"))
		if !found || len(prefix) > 0 && prefix[0] != ':' {
			continue
		}
		if len(x.bindings) == maxNamespaces {
			x.fail(exceeds("the number of XML namespaces", maxNamespaces, "declarations"))
			return
		}
		x.bindings = append(x.bindings, xmlBinding{
			prefix:    strings.TrimPrefix(string(prefix), ":"),
			namespace: strings.ToValidUTF8(strings.TrimSpace(string(a.value)), "\uFFFD"),
			depth:     len(x.lengths),
		})
	}
}

// lookUp returns the namespace of a prefix; a prefix that is not declared stands
// for itself.
func (x *xmlElements) lookUp(prefix []byte) string {
	for i := len(x.bindings) - 1; i >= 0; i-- {
		if x.bindings[i].prefix == string(prefix) {
			return x.bindings[i].namespace
		}
	}
	if len(prefix) == 0 {
		return ""
	}
	return strings.ToValidUTF8(string(prefix), "\uFFFD")
}

// ours tells whether the last child belongs to the report. What is in another
// namespace is an extension, even where it is called like one of our elements.
func (x *xmlElements) ours() bool {
	switch x.namespace {
	case "", namespaceRFC7489, namespaceRFC9990, x.root:
		return true
	}
	return false
}

// pop closes the open element at its end tag.
func (x *xmlElements) pop(name []byte) {
	open := x.innermost()
	if !bytes.Equal(open, name) {
		x.fail(fmt.Errorf("%w: </%s> in <%s>", errNesting, excerpt(string(name)), excerpt(string(open))))
		return
	}
	x.drop()
}

// innermost is the name of the open element.
func (x *xmlElements) innermost() []byte {
	return x.open[len(x.open)-x.lengths[len(x.lengths)-1]:]
}

func (x *xmlElements) drop() {
	depth := len(x.lengths)
	for n := len(x.bindings); n > 0 && x.bindings[n-1].depth == depth; n-- {
		x.bindings = x.bindings[:n-1]
	}
	x.open = x.open[:len(x.open)-x.lengths[depth-1]]
	x.lengths = x.lengths[:depth-1]
}

// text reads the last child to its end and returns its text without surrounding
// blanks, valid until the next call. Elements inside are passed over.
func (x *xmlElements) text() []byte {
	x.buffer = x.buffer[:0]
	if x.finished() {
		return nil
	}
	if text, ok := x.scan.plainText(x.innermost()); ok {
		x.drop()
		return text
	}
	odd := false
	for x.err == nil {
		token, err := x.scan.next()
		switch {
		case err != nil:
			x.fail(cutShort(err))
		case token.kind == xmlEnd:
			x.pop(token.name)
			return x.checkText(odd)
		case token.kind == xmlStart:
			x.push(&token)
			x.note(WarnUnknown, token.name)
			x.skip()
		default:
			odd = x.addText(&token) || odd
		}
	}
	return nil
}

// addText appends the text of a token to the buffer, and tells whether it holds
// a raw "<" or "&".
func (x *xmlElements) addText(token *xmlToken) (odd bool) {
	var err error
	odd = token.kind == xmlStray
	if token.kind == xmlText {
		x.buffer, odd, err = appendText(x.buffer, token.text)
	} else {
		x.buffer, err = appendPlain(x.buffer, token.text)
	}
	if err == nil && len(x.buffer) > maxToken {
		err = exceeds("the text of an XML element", maxToken, "bytes")
	}
	if err != nil {
		x.fail(err)
	}
	return odd
}

// checkText returns the text in the buffer as valid UTF-8.
func (x *xmlElements) checkText(odd bool) []byte {
	if odd {
		x.note(WarnMarkup, x.buffer)
	}
	if !utf8.Valid(x.buffer) {
		x.buffer = bytes.ToValidUTF8(x.buffer, []byte("\uFFFD"))
		x.note(WarnInvalidUTF8, x.buffer)
	}
	return bytes.TrimSpace(x.buffer)
}

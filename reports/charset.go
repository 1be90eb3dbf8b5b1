package reports

import (
	"bufio"
	"bytes"
	"io"
	"regexp"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// declaredCharset matches the encoding in an XML declaration, in either kind of
// quotes and with anything before the declaration.
var declaredCharset = regexp.MustCompile(`<\?xml\s[^>]*?\bencoding\s*=\s*["']\s*([A-Za-z0-9._:-]+)\s*["']`)

// maxDeclaration is how far into a document its XML declaration is looked for.
const maxDeclaration = 1024

// newTextReader returns a reader of the UTF-8 form of a document, without a byte
// order mark. The bytes decide before the declaration does: a byte order mark or
// the zeros of UTF-16 count, then the encoding that the XML declaration names,
// then UTF-8. What it had to overrule is a warning. Bytes that are not valid in a
// document of UTF-8 pass unchanged.
func newTextReader(r *bufio.Reader, w *warnings) io.Reader {
	head, _ := r.Peek(maxDeclaration) // an error comes back when the document is read
	if bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")) {
		warnDeclared(head, "utf-8", w)
		_, _ = r.Discard(3)
		return r
	}
	if utf16 := utf16Of(head); utf16 != nil {
		return transform.NewReader(r, utf16.NewDecoder())
	}
	label := declared(head)
	if label == "" {
		return r
	}
	charset, name := lookUpCharset(label)
	switch {
	case charset == nil:
		w.add(WarnCharset, "encoding", label)
		return r
	case name == "utf-8":
		return r
	case name == "utf-16be" || name == "utf-16le": // the bytes have no zeros
		w.add(WarnCharset, "encoding", label)
		return r
	}
	return transform.NewReader(r, charset.NewDecoder())
}

func declared(head []byte) string {
	match := declaredCharset.FindSubmatch(head[:min(len(head), maxDeclaration)])
	if match == nil {
		return ""
	}
	return string(match[1])
}

// lookUpCharset returns a charset and its one name, or nil when it is unknown.
func lookUpCharset(label string) (encoding.Encoding, string) {
	charset, err := htmlindex.Get(label)
	if err != nil {
		return nil, ""
	}
	name, err := htmlindex.Name(charset)
	if err != nil || name == "replacement" {
		return nil, ""
	}
	return charset, name
}

// warnDeclared warns when the declaration names another charset than the bytes
// show.
func warnDeclared(head []byte, name string, w *warnings) {
	label := declared(head)
	if label == "" {
		return
	}
	if _, given := lookUpCharset(label); given != name {
		w.add(WarnCharset, "encoding", label)
	}
}

// utf16Of tells UTF-16 by its byte order mark, or by the zero beside the first
// character of a document, which is "<", "{" or a blank. It returns nil for
// anything else.
func utf16Of(head []byte) encoding.Encoding {
	if len(head) < 2 {
		return nil
	}
	switch {
	case head[0] == 0xFE && head[1] == 0xFF || head[0] == 0 && documentStart(head[1]):
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case head[0] == 0xFF && head[1] == 0xFE || head[1] == 0 && documentStart(head[0]):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	}
	return nil
}

func documentStart(c byte) bool { return c == '<' || c == '{' || blank(c) }

package reports

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

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
	given := declared(head)
	if len(given) == 0 || strings.EqualFold(string(given), "utf-8") {
		return r
	}
	label := string(given)
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

// declared returns the encoding in an XML declaration, in either kind of quotes and with
// anything before the declaration, or nothing.
func declared(head []byte) []byte {
	rest := head[:min(len(head), maxDeclaration)]
	for {
		_, behind, found := bytes.Cut(rest, []byte("<?xml"))
		if !found {
			return nil
		}
		rest = behind
		inside, _, _ := bytes.Cut(behind, []byte(">"))
		if len(inside) == 0 || !declarationBlank(inside[0]) {
			continue
		}
		if label := declaredEncoding(inside); len(label) > 0 {
			return label
		}
	}
}

// declaredEncoding returns what stands in quotes behind "encoding =", or nothing.
func declaredEncoding(text []byte) []byte {
	const name = "encoding"
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(name))
		if i < 0 {
			return nil
		}
		before := from + i - 1
		from += i + len(name)
		if before >= 0 && (letterOrDigit(text[before]) || text[before] == '_') {
			continue
		}
		value, equals := bytes.CutPrefix(trimDeclared(text[from:]), []byte("="))
		value = trimDeclared(value)
		if !equals || len(value) == 0 || value[0] != '"' && value[0] != '\'' {
			continue
		}
		value = trimDeclared(value[1:])
		length := 0
		for length < len(value) && (letterOrDigit(value[length]) || strings.IndexByte("._:-", value[length]) >= 0) {
			length++
		}
		behind := trimDeclared(value[length:])
		if length > 0 && len(behind) > 0 && (behind[0] == '"' || behind[0] == '\'') {
			return value[:length]
		}
	}
}

func trimDeclared(text []byte) []byte {
	for len(text) > 0 && declarationBlank(text[0]) {
		text = text[1:]
	}
	return text
}

func declarationBlank(c byte) bool { return blank(c) || c == '\f' }

func letterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
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
	label := string(declared(head))
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

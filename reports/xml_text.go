package reports

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
)

var errControl = errors.New("a control character that XML does not allow")

// appendText appends the text of a token to dst, with its references resolved and
// its line ends made "\n" (XML 1.0 §2.11). A reference that XML does not know, or
// a bare "&", stays as it stands; odd tells so.
func appendText(dst, text []byte) (all []byte, odd bool, err error) {
	for {
		amp := bytes.IndexByte(text, '&')
		if amp < 0 {
			dst, err = appendPlain(dst, text)
			return dst, odd, err
		}
		if dst, err = appendPlain(dst, text[:amp]); err != nil {
			return dst, odd, err
		}
		text = text[amp:]
		r, length, err := reference(text)
		if err != nil {
			return dst, odd, err
		}
		if length == 0 {
			odd = true
			dst, text = append(dst, '&'), text[1:]
			continue
		}
		dst, text = utf8.AppendRune(dst, r), text[length:]
	}
}

// appendPlain appends text without references.
func appendPlain(dst, text []byte) ([]byte, error) {
	for i, c := range text {
		if c >= ' ' || c == '\n' || c == '\t' {
			dst = append(dst, c)
			continue
		}
		if c != '\r' {
			return dst, errControl
		}
		if i+1 == len(text) || text[i+1] != '\n' {
			dst = append(dst, '\n')
		}
	}
	return dst, nil
}

// maxReference is the longest reference that is resolved: "&#x0010ffff;".
const maxReference = 12

// reference resolves the reference that text starts with. A length of 0 says
// that there is none.
func reference(text []byte) (r rune, length int, err error) {
	semicolon := bytes.IndexByte(text[:min(len(text), maxReference)], ';')
	if semicolon < 0 {
		return 0, 0, nil
	}
	length = semicolon + 1
	switch name := string(text[1:semicolon]); name {
	case "lt":
		return '<', length, nil
	case "gt":
		return '>', length, nil
	case "amp":
		return '&', length, nil
	case "quot":
		return '"', length, nil
	case "apos":
		return '\'', length, nil
	default:
		return numericReference(name, length)
	}
}

func numericReference(name string, length int) (rune, int, error) {
	if len(name) < 2 || name[0] != '#' {
		return 0, 0, nil
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		return 0, 0, nil
	}
	r := rune(n)
	switch {
	case n >= 0xD800 && n <= 0xDFFF: // half of a character beyond 16 bits, of which some programs make two references
		r = utf8.RuneError
	case n > utf8.MaxRune || r == 0xFFFE || r == 0xFFFF:
		return 0, 0, errControl
	}
	if r < ' ' && r != '\n' && r != '\t' && r != '\r' {
		return 0, 0, errControl
	}
	return r, length, nil
}

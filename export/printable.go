package export

import (
	"strconv"
	"unicode/utf8"
)

// Printable spells s so that it is safe on a terminal and on one line: control
// characters, bidirectional overrides, zero-width and other invisible characters,
// and bytes that are not UTF-8 become escapes as in a Go string ("\x1b", "\u202e",
// "\n"), and a backslash is doubled, so that the text can be had back. It is
// strconv.QuoteToGraphic without the quotes.
func Printable(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '\\' {
			return string(appendPrintable(make([]byte, 0, len(s)+16), s))
		}
	}
	return s
}

func appendPrintable(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		switch {
		case r == utf8.RuneError && size == 1:
			b = appendHexByte(b, s[i])
		case r == '\\':
			b = append(b, `\\`...)
		case strconv.IsGraphic(r):
			b = append(b, s[i:i+size]...)
		default:
			b = appendEscape(b, r)
		}
		i += size
	}
	return b
}

func appendEscape(b []byte, r rune) []byte {
	const letters = "abtnvfr" // of the control characters 7 to 13
	switch {
	case r >= '\a' && r <= '\r':
		return append(b, '\\', letters[r-'\a'])
	case r < ' ' || r == 0x7f:
		return appendHexByte(b, byte(r))
	case r > 0xffff:
		b = append(b, `\U`...)
		return appendHex(b, uint32(r), 8)
	}
	b = append(b, `\u`...)
	return appendHex(b, uint32(r), 4)
}

func appendHexByte(b []byte, c byte) []byte {
	b = append(b, `\x`...)
	return appendHex(b, uint32(c), 2)
}

func appendHex(b []byte, n uint32, digits int) []byte {
	const hex = "0123456789abcdef"
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, hex[n>>shift&15])
	}
	return b
}

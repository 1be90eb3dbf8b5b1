package export

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// appendJSONString appends s quoted (RFC 8259 §7). What is not UTF-8 becomes
// U+FFFD; what is not graphic becomes \uXXXX, so that no control, bidirectional
// or invisible character is in the output, and no U+2028 or U+2029 either.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	plain := 0
	for plain < len(s) && jsonPlain[s[plain]] {
		plain++
	}
	b = append(b, s[:plain]...)
	if plain < len(s) {
		b = appendJSONEscaped(b, s[plain:])
	}
	return append(b, '"')
}

// jsonPlain are the bytes that stand in a JSON string as they are.
var jsonPlain = func() (table [256]bool) {
	for c := ' '; c <= '~'; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

func appendJSONEscaped(b []byte, s string) []byte {
	start := 0 // of what can be copied as it is
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if !jsonPlain[c] {
				b = append(b, s[start:i]...)
				b = appendJSONByte(b, c)
				start = i + 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if (r == utf8.RuneError && size == 1) || !strconv.IsGraphic(r) {
			b = append(b, s[start:i]...)
			b = appendJSONRune(b, r)
			start = i + size
		}
		i += size
	}
	return append(b, s[start:]...)
}

func appendJSONByte(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	b = append(b, `\u`...)
	return appendHex(b, uint32(c), 4)
}

func appendJSONRune(b []byte, r rune) []byte {
	if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
		b = append(b, `\u`...)
		b = appendHex(b, uint32(hi), 4)
		r = lo
	}
	b = append(b, `\u`...)
	return appendHex(b, uint32(r), 4)
}

package reports

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// maxWords is the most encoded words that one field may have. A subject of
// 10,000 characters needs fewer; more is only work.
const maxWords = 100

// decodeWords decodes the encoded words of a field (RFC 2047 §2). It is more
// lenient than the RFC: words may stand in quoted strings and next to other
// text, a character may be split between two words, padding may be missing.
// What cannot be decoded stays as it is; so does a field with too many words.
func decodeWords(value string) string {
	if n := strings.Count(value, "=?"); n == 0 || n > maxWords {
		return validText(value)
	}
	var out strings.Builder
	for value != "" {
		start := strings.Index(value, "=?")
		if start < 0 {
			break
		}
		text, rest, ok := decodeRun(value[start:])
		if !ok {
			out.WriteString(value[:start+2])
			value = value[start+2:]
			continue
		}
		out.WriteString(value[:start])
		out.WriteString(text)
		value = rest
	}
	out.WriteString(value)
	return validText(out.String())
}

// decodeRun decodes the encoded word at the start of s and those of the same
// charset that follow with only blanks between: as one, for a character may be
// split between them.
func decodeRun(s string) (text, rest string, ok bool) {
	charset, data, rest, ok := cutWord(s)
	if !ok {
		return "", "", false
	}
	for {
		following := strings.TrimLeft(rest, " \t\r\n")
		next, more, after, found := cutWord(following)
		if !found {
			break
		}
		if !strings.EqualFold(next, charset) {
			text, err := toUTF8(data, charset)
			return text, following, err == nil
		}
		data, rest = append(data, more...), after
	}
	text, err := toUTF8(data, charset)
	return text, rest, err == nil
}

// cutWord cuts the encoded word =?charset?encoding?text?= from the start of s.
func cutWord(s string) (charset string, data []byte, rest string, ok bool) {
	if !strings.HasPrefix(s, "=?") {
		return "", nil, "", false
	}
	parts := strings.SplitN(s[2:], "?", 4)
	if len(parts) != 4 || !strings.HasPrefix(parts[3], "=") {
		return "", nil, "", false
	}
	charset, _, _ = strings.Cut(parts[0], "*") // RFC 2231 §5: a language may follow
	switch strings.ToUpper(parts[1]) {
	case "B":
		unpadded := strings.TrimRight(strings.TrimSpace(parts[2]), "=")
		decoded, err := base64.RawStdEncoding.DecodeString(unpadded)
		if err != nil {
			return "", nil, "", false
		}
		data = decoded
	case "Q":
		data = unquote([]byte(strings.ReplaceAll(parts[2], "_", " ")))
	default:
		return "", nil, "", false
	}
	return charset, data, parts[3][1:], true
}

// toUTF8 decodes text of a charset that the sender named.
func toUTF8(data []byte, charset string) (string, error) {
	charset = strings.TrimSpace(charset)
	if strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii") || charset == "" {
		if utf8.Valid(data) {
			return string(data), nil
		}
		return strings.ToValidUTF8(string(data), "\uFFFD"), nil
	}
	encoding, err := htmlindex.Get(charset)
	if err != nil {
		return "", err
	}
	decoded, err := encoding.NewDecoder().Bytes(data)
	return string(decoded), err
}

package reports

import (
	"net/url"
	"path"
	"strconv"
	"strings"
)

// The bounds of a Content-Type or Content-Disposition field. Real ones have two
// or three parameters and names of up to 150 characters.
const (
	maxParams        = 64
	maxContinuations = 20  // RFC 2231 §3 sets none
	maxFileName      = 255 // bytes, decoded; a longer name is no name
)

// mediaType is a Content-Type or Content-Disposition field, taken apart.
type mediaType struct {
	value    string // lower case, "" when there is none
	params   []param
	extended bool // one of params is
}

// param is a parameter of a mediaType. Its name is in lower case, as it came: "name*0*" too.
type param struct{ name, value string }

// lookUp returns the parameter of just that name.
func (m *mediaType) lookUp(name string) (value string, ok bool) {
	for i := range m.params {
		if m.params[i].name == name {
			return m.params[i].value, true
		}
	}
	return "", false
}

// parseMediaType takes a field apart where mime.ParseMediaType gives up: stray
// semicolons, unquoted values with "!" or blanks, quotes that are never closed,
// comments, parameters without a value, repeated ones (the first wins).
func parseMediaType(field string) mediaType {
	if field == "" {
		return mediaType{}
	}
	value, rest := cutParam(field)
	value = strings.ToLower(strings.TrimSpace(stripComments(value)))
	if i := strings.IndexAny(value, " \t,"); i >= 0 {
		value = value[:i]
	}
	m := mediaType{value: value}
	for range maxParams {
		if rest == "" {
			break
		}
		var written string
		written, rest = cutParam(rest)
		name, text, found := strings.Cut(written, "=")
		name = strings.ToLower(strings.TrimSpace(stripComments(name)))
		if !found || name == "" {
			continue
		}
		if _, known := m.lookUp(name); !known {
			m.params = append(m.params, param{name, unquoteParam(text)})
			m.extended = m.extended || strings.Contains(name, "*")
		}
	}
	return m
}

// cutParam cuts s at its first semicolon outside of quotes.
func cutParam(s string) (param, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// unquoteParam returns the value of a parameter without quotes, or without the
// comment that may follow a bare one.
func unquoteParam(text string) string {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, `"`) {
		return strings.TrimSpace(stripComments(text))
	}
	if end := strings.IndexAny(text[1:], `"\`); end >= 0 && text[1+end] == '"' {
		return text[1 : 1+end]
	}
	var out strings.Builder
	for i := 1; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// param returns a parameter, decoded: plain with encoded words, extended
// (name*=charset'language'text), or continued (name*0, name*1*, …) as RFC 2231
// §3 and §4 have it.
func (m *mediaType) param(name string) string {
	if m.extended {
		if text, ok := m.lookUp(name + "*"); ok {
			return decodeExtended(text)
		}
		_, plain := m.lookUp(name + "*0")
		_, encoded := m.lookUp(name + "*0*")
		if plain || encoded {
			return m.continued(name)
		}
	}
	text, _ := m.lookUp(name)
	return decodeWords(text)
}

func (m *mediaType) continued(name string) string {
	charset := ""
	var text strings.Builder
	for i := range maxContinuations {
		section := name + "*" + strconv.Itoa(i)
		if plain, ok := m.lookUp(section); ok {
			text.WriteString(plain)
			continue
		}
		extended, ok := m.lookUp(section + "*")
		if !ok {
			break
		}
		if i == 0 {
			charset, extended = cutCharset(extended)
		}
		text.WriteString(percentDecode(extended))
	}
	if charset == "" {
		return decodeWords(text.String())
	}
	return fromCharset(text.String(), charset)
}

func decodeExtended(text string) string {
	charset, encoded := cutCharset(text)
	return fromCharset(percentDecode(encoded), charset)
}

// cutCharset cuts charset'language' from the start of an extended value.
func cutCharset(text string) (charset, encoded string) {
	parts := strings.SplitN(text, "'", 3)
	if len(parts) != 3 {
		return "", text
	}
	return parts[0], parts[2]
}

func percentDecode(text string) string {
	if decoded, err := url.PathUnescape(text); err == nil {
		return decoded
	}
	return text
}

func fromCharset(text, charset string) string {
	decoded, err := toUTF8([]byte(text), charset)
	if err != nil {
		return validText(text)
	}
	return decoded
}

// fileName returns the name that the sender gave to a part, without folders and
// the blanks that folding leaves, or "". For people and for recognising names
// as in RFC 9990 §3.5.2 only, never for a path.
func fileName(disposition, contentType *mediaType) string {
	name := disposition.param("filename")
	if name == "" {
		name = contentType.param("name")
	}
	if len(name) > maxFileName {
		return ""
	}
	name = withoutBlanks(name)
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == "/" {
		return ""
	}
	return name
}

// stripComments returns s without its comments, nested ones too (RFC 5322
// §3.2.2), each replaced by a blank. Quoted strings stay as they are.
func stripComments(s string) string {
	if !strings.Contains(s, "(") {
		return strings.TrimSpace(s)
	}
	var out strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			if depth == 0 {
				out.WriteString(s[i : i+2])
			}
			i++
			continue
		case c == '"' && depth == 0:
			quoted = !quoted
		case c == '(' && !quoted:
			depth++
		case c == ')' && !quoted && depth > 0:
			if depth--; depth == 0 {
				out.WriteByte(' ')
			}
			continue
		}
		if depth == 0 {
			out.WriteByte(c)
		}
	}
	return strings.TrimSpace(out.String())
}

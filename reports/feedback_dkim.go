package reports

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// canonicalized decodes a DKIM-Canonicalized field, which is base64 (RFC 6591
// §3.2). Some reporters send it as plain text: that is kept, with a warning.
func (p *feedbackFields) canonicalized(value string) string {
	if value == "" {
		return ""
	}
	if text, ok := decodeFolded(value); ok {
		return text
	}
	p.report.warn(WarnBase64, p.written, value)
	return value
}

// shortestFold is the shortest piece, the last one apart, that folded base64 is
// taken to have. The words of plain text are shorter.
const shortestFold = 20

// decodeFolded decodes base64 that was folded at blanks. It refuses what decodes
// to no text, for that is more likely text which was never encoded.
func decodeFolded(value string) (text string, ok bool) {
	pieces := strings.Fields(value)
	for _, piece := range pieces[:max(len(pieces)-1, 0)] {
		if len(piece) < shortestFold {
			return "", false
		}
	}
	encoded := strings.TrimRight(strings.Join(pieces, ""), "=")
	data, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil || !utf8.Valid(data) {
		return "", false
	}
	return string(data), true
}

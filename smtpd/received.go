package smtpd

import (
	"net/netip"
	"strings"
	"time"
	"unicode"
)

// Received gives the trace line of the message (RFC 5321 §4.4), folded, with
// CRLF at its end. hostname is ours, id the message's, at the time of receipt. The
// recipient is named only when there is one, so that no list leaks (RFC 5321
// §7.2). What a stranger wrote appears only as far as it is harmless in a header.
func (e *Envelope) Received(hostname, id string, at time.Time) string {
	b := make([]byte, 0, 512)
	b = append(appendTraceName(append(b, "Received: from "...), e.Helo), " ("...)
	b = append(appendLiteral(b, e.ClientIP), ")\r\n\tby "...)
	b = append(appendTraceName(b, hostname), " (reportmx) with "...)
	b = append(append(b, e.protocol()...), " id "...)
	b = appendTraceName(b, id)
	if e.TLS != "" {
		b = append(append(append(b, "\r\n\t("...), e.TLS...), ')')
	}
	if len(e.RcptTo) == 1 && harmless(e.RcptTo[0]) {
		b = append(append(append(b, "\r\n\tfor <"...), e.RcptTo[0]...), '>')
	}
	b = at.AppendFormat(append(b, ";\r\n\t"...), time.RFC1123Z)
	return string(append(b, "\r\n"...))
}

// protocol is the word after "with": RFC 3848, RFC 6531 §4.3.
func (e *Envelope) protocol() string {
	name := "SMTP"
	switch {
	case e.UTF8:
		name = "UTF8SMTP"
	case e.Extended || e.TLS != "":
		name = "ESMTP"
	}
	if e.TLS != "" {
		name += "S"
	}
	return name
}

func appendLiteral(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(b, "unknown"...)
	}
	if a.Is4() {
		return append(a.AppendTo(append(b, '[')), ']')
	}
	return append(a.WithZone("").AppendTo(append(b, "[IPv6:"...)), ']')
}

// appendTraceName keeps the characters of a domain or an address literal and replaces
// the others, so that a name cannot end a line, open a comment or forge a clause.
func appendTraceName(b []byte, s string) []byte {
	if s == "" {
		return append(b, "unknown"...)
	}
	for _, r := range shorten(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9',
			r == '.', r == '-', r == '_', r == ':', r == '[', r == ']':
			b = append(b, byte(r))
		default:
			b = append(b, '?')
		}
	}
	return b
}

// harmless tells whether an address can stand between angle brackets as it is.
func harmless(address string) bool {
	return address != "" && (plain(address) || !strings.ContainsFunc(address, func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`<>()\";`, r)
	}))
}

// plain tells whether an address is made of the characters that nearly all are.
func plain(address string) bool {
	for i := range len(address) {
		c := address[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '@' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// shorten bounds a stranger's text for a log line or a header; the mark at the
// end says that there was more.
func shorten(s string) string {
	const most = 255
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-3], "") + "..."
}

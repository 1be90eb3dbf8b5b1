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
	var b strings.Builder
	b.WriteString("Received: from " + traceName(e.Helo) + " (" + literal(e.ClientIP) + ")\r\n")
	b.WriteString("\tby " + traceName(hostname) + " (reportmx) with " + e.protocol() + " id " + traceName(id))
	if e.TLS != "" {
		b.WriteString("\r\n\t(" + e.TLS + ")")
	}
	if len(e.RcptTo) == 1 && harmless(e.RcptTo[0]) {
		b.WriteString("\r\n\tfor <" + e.RcptTo[0] + ">")
	}
	b.WriteString(";\r\n\t" + at.Format(time.RFC1123Z) + "\r\n")
	return b.String()
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

func literal(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "unknown"
	case a.Is4():
		return "[" + a.String() + "]"
	}
	return "[IPv6:" + a.WithZone("").String() + "]"
}

// traceName keeps the characters of a domain or an address literal and replaces
// the others, so that a name cannot end a line, open a comment or forge a clause.
func traceName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(".-_:[]", r):
			return r
		}
		return '?'
	}, shorten(s))
	if s == "" {
		return "unknown"
	}
	return s
}

// harmless tells whether an address can stand between angle brackets as it is.
func harmless(address string) bool {
	return address != "" && !strings.ContainsFunc(address, func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`<>()\";`, r)
	})
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

package reports

import (
	"iter"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// maxAddresses is the most addresses that are read of one kind of field.
const maxAddresses = 100

// newMessageHeader reads the fields of a mail that the readers of reports need.
func newMessageHeader(h *entityHeader) MessageHeader {
	m := MessageHeader{
		From:               addressesOf(h.Values(fieldFrom)),
		To:                 addressesOf(h.Values(fieldTo)),
		Subject:            decodeWords(h.Get(fieldSubject)),
		MessageID:          h.Get(fieldMessageID),
		TLSReportDomain:    NormalDomain(h.Get(fieldTLSReportDomain)),
		TLSReportSubmitter: NormalDomain(h.Get(fieldTLSReportSubmitter)),
		Received:           h.received,
	}
	m.Date, _ = parseDate(h.Get(fieldDate))
	for _, address := range m.From {
		domain := NormalDomain(domainOf(address))
		if domain != "" && !slices.Contains(m.AuthorDomains, domain) {
			m.AuthorDomains = append(m.AuthorDomains, domain)
		}
	}
	return m
}

// addressesOf returns the bare addresses of fields such as From (RFC 5322 §3.4),
// however badly written: names, comments, groups and source routes are left out.
func addressesOf(fields []string) []string {
	var addresses []string
	for _, field := range fields {
		for mailbox := range mailboxes(stripComments(field)) {
			if len(addresses) == maxAddresses {
				return addresses
			}
			if address := bareAddress(mailbox); address != "" {
				addresses = append(addresses, address)
			}
		}
	}
	return addresses
}

// mailboxes cuts a list at its commas and semicolons, outside of quotes and angle
// brackets.
func mailboxes(list string) iter.Seq[string] {
	return func(yield func(string) bool) {
		quoted, angled, start := false, false, 0
		for i := 0; i < len(list); i++ {
			switch c := list[i]; {
			case c == '\\' && quoted:
				i++
			case c == '"':
				quoted = !quoted
			case c == '<' && !quoted:
				angled = true
			case c == '>' && !quoted:
				angled = false
			case (c == ',' || c == ';') && !quoted && !angled:
				if !yield(list[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(list[start:])
	}
}

// bareAddress returns the address of a mailbox, or "".
func bareAddress(mailbox string) string {
	if i := strings.LastIndexByte(mailbox, '<'); i >= 0 {
		return trimPath(mailbox[i:])
	}
	if i := strings.LastIndexByte(mailbox, ':'); i >= 0 { // the name of a group
		mailbox = mailbox[i+1:]
	}
	for word := range strings.FieldsSeq(mailbox) {
		if strings.Contains(word, "@") {
			return word
		}
	}
	return ""
}

// trimPath returns a reverse-path or forward-path (RFC 5321 §4.1.2) without its
// angle brackets and source route.
func trimPath(p string) string {
	p = strings.TrimSpace(p)
	if strings.HasPrefix(p, "<") {
		p = strings.TrimPrefix(p, "<")
		p, _, _ = strings.Cut(p, ">")
	}
	if strings.HasPrefix(p, "@") {
		if _, address, found := strings.Cut(p, ":"); found {
			p = address
		}
	}
	return strings.TrimSpace(p)
}

// domainOf returns what stands behind the last "@", or "".
func domainOf(address string) string {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return ""
	}
	return strings.Trim(address[i+1:], " \t<>.")
}

// The layouts that nearly every mail uses. They are tried first: time.Parse copies
// the text into an error for each layout that does not fit, and mail.ParseDate
// tries up to 48.
const (
	usualDate = "2 Jan 2006 15:04:05 -0700"
	usualDay  = "Mon, "
)

// oddDates are the layouts that reporters use instead of RFC 5322 §3.3.
var oddDates = []string{
	time.RFC3339Nano,
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05",
	"Mon, Jan 2 2006 15:04:05 -0700",
	time.ANSIC,
}

// maxDate is the longest date worth parsing; real ones have up to 60 bytes.
const maxDate = 200

// parseDate reads a date (RFC 5322 §3.3, §4.3), or one of the layouts seen
// instead of it. A zone that has no meaning there counts as UTC.
func parseDate(text string) (t time.Time, ok bool) {
	if len(text) > maxDate {
		return time.Time{}, false
	}
	text = numericZone(singleSpaced(stripComments(text)))
	usual := usualDate
	if strings.Contains(text, ",") {
		usual = usualDay + usualDate
	}
	if t, ok := parseTime(usual, text); ok {
		return t, true
	}
	if t, err := mail.ParseDate(text); err == nil {
		t = t.UTC()
		return t, t.Year() >= 0 && t.Year() <= 9999
	}
	for _, layout := range oddDates {
		if t, ok := parseTime(layout, text); ok {
			return t, true
		}
	}
	return time.Time{}, false
}

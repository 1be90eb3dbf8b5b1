package mailauth

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"reportmx/internal/dmarcdns"
)

// Why a message has no Author Domain.
var (
	errNoFrom      = errors.New("no From field")
	errManyFrom    = errors.New("more than one From field")
	errManyDomains = errors.New("several domains in From")
	errFrom        = errors.New("no address can be read from From")
)

// fromVerdict is what becomes of a message without an Author Domain. Two From
// fields, or two domains, show one author to DKIM and another to a reader: that is
// a failure (RFC 7489 §6.6.1). Without any readable author there is nothing that
// SPF or DKIM could be aligned with, so nothing is evaluated.
func fromVerdict(err error) Verdict {
	if errors.Is(err, errManyFrom) || errors.Is(err, errManyDomains) {
		return Fail
	}
	return None
}

// authorDomain reads the domain of the author from the one From field, as A-label
// in lower case. Several authors of one domain are one author.
func authorDomain(fields []field) (string, error) {
	var from *field
	for i := range fields {
		if !fields[i].is("From") {
			continue
		}
		if from != nil {
			return "", errManyFrom
		}
		from = &fields[i]
	}
	if from == nil {
		return "", errNoFrom
	}
	if err := from.tooLong(); err != nil {
		return "", fmt.Errorf("%w: %w", errFrom, err)
	}
	author := ""
	for _, addr := range addresses(from.value()) {
		domain, ok := domainOf(addr)
		switch {
		case !ok:
			return "", errFrom // an author that cannot be told may be anybody
		case author != "" && domain != author:
			return "", errManyDomains
		}
		author = domain
	}
	if author == "" {
		return "", errFrom
	}
	return author, nil
}

// domainOf is what stands behind the last @ of an address.
func domainOf(addr string) (string, bool) {
	at := strings.LastIndexByte(addr, '@')
	if at < 0 {
		return "", false
	}
	return normal(addr[at+1:])
}

// normal spells a mail domain the one way in which domains are compared here:
// A-labels, lower case, no final dot. False for what is none, like "[192.0.2.1]".
func normal(domain string) (string, bool) {
	name, err := dmarcdns.Name(domain)
	if err != nil {
		return "", false
	}
	for i := range len(name) {
		c := name[i]
		if c != '.' && c != '-' && c != '_' && !('a' <= c && c <= 'z') && !('0' <= c && c <= '9') {
			return "", false
		}
	}
	return strings.TrimSuffix(name, "."), true
}

// mailboxes reads an address list octet by octet (RFC 5322 §3.4): what strangers
// write there, 8 bit names and commas in bare names included, must not hide the
// address behind it. Encoded words need no decoding, they hold no address
// (RFC 2047 §5).
type mailboxes struct {
	list    []string
	bare    []byte // outside of angle brackets since the last comma
	angle   []byte // inside of them
	inAngle bool
	hadOne  bool // this mailbox had angle brackets
}

// addresses returns the addresses of a From field. A mailbox in angle brackets
// counts with what is in them, another with its whole text if that holds an @.
// Quoted strings and comments are left out; where one of them, or an angle
// bracket, has no end, there is no telling and the list is empty.
func addresses(value []byte) []string {
	var m mailboxes
	for i := 0; i < len(value); {
		n := 1
		switch c := value[i]; c {
		case '"':
			n = quoted(value[i:])
		case '(':
			n = comment(value[i:])
		case '\\':
			n = 2
		default:
			m.add(c)
		}
		if n == 0 {
			return nil
		}
		i += n
	}
	if m.inAngle {
		return nil
	}
	m.end()
	return m.list
}

func (m *mailboxes) add(c byte) {
	switch {
	case m.inAngle && c == '>':
		m.list = append(m.list, string(m.angle))
		m.inAngle, m.hadOne, m.angle = false, true, m.angle[:0]
	case c == '\r' || c == '\n' || c == 0:
	case m.inAngle:
		m.angle = append(m.angle, c)
	case c == '<':
		m.inAngle = true
	case c == ',' || c == ';':
		m.end()
	case c == ':':
		m.bare = m.bare[:0] // what was the name of a group
	default:
		m.bare = append(m.bare, c)
	}
}

// end takes a mailbox without angle brackets.
func (m *mailboxes) end() {
	if !m.hadOne && bytes.IndexByte(m.bare, '@') >= 0 {
		m.list = append(m.list, string(m.bare))
	}
	m.bare, m.hadOne = m.bare[:0], false
}

// quoted is the length of the quoted string that s begins with, 0 if it has no end.
func quoted(s []byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// comment is the length of the comment that s begins with, 0 if it has no end.
func comment(s []byte) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

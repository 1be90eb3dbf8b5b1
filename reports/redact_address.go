package reports

import "strings"

// atSigns are the ways in which an "@" is written in texts, URIs, quoted-printable
// and HTML.
var atSigns = []string{"@", "%40", "=40", "&#64;", "&#x40;", "&#X40;"}

// bareTrim is what may stand around an address.
const bareTrim = " \t\r\n<>\""

// mailbox redacts what is an address, or a local part alone.
func (d redactor) mailbox(value string) string {
	if !isBareMailbox(value) {
		return d.address(value)
	}
	local := value
	if _, behind, found := strings.Cut(value, ";"); found { // "rfc822; jo" (RFC 3464 §2.3.1)
		local = behind
	}
	core := strings.Trim(local, bareTrim)
	return value[:len(value)-len(local)] + strings.Replace(local, core, d.token(strings.ToLower(core)), 1)
}

// isBareMailbox tells whether a value is the name of a mailbox without a domain.
func isBareMailbox(value string) bool {
	if _, local, found := strings.Cut(value, ";"); found {
		value = local
	}
	core := strings.Trim(value, bareTrim)
	return core != "" && !strings.ContainsAny(core, "@%& \t\r\n;:,")
}

// text redacts the addresses in running text; address those in a field, where blanks
// may stand around the "@" (RFC 5322 §4.4).
func (d redactor) text(s string) string { return d.replace(s, "") }

func (d redactor) address(s string) string { return d.replace(s, " \t\r\n") }

// replace redacts s. blanks are what may stand on both sides of an "@".
func (d redactor) replace(s, blanks string) string {
	var out strings.Builder
	done := 0 // what is before is written
	for i := nextSign(s, 0); i < len(s); i = nextSign(s, i) {
		sign := atSignAt(s, i)
		end := -1
		if sign != "" {
			end = domainEnd(s, i+len(sign), sign, blanks)
		}
		if end < 0 {
			i++
			continue
		}
		last := i
		for end < len(s) && s[end] == '@' { // "a@b@c": the last one parts it
			next := domainEnd(s, end+1, "@", blanks)
			if next < 0 {
				break
			}
			last, end = end, next
		}
		from, to := localPart(s, done, i, blanks)
		if last > i && to > from {
			to = last
		}
		if local := strings.ToLower(unquoted(s[from:to])); local != "" {
			out.WriteString(s[done:from])
			out.WriteString(d.token(local))
			out.WriteString(s[to:end])
			done = end
		}
		i = end
	}
	if done == 0 {
		return s
	}
	out.WriteString(s[done:])
	return out.String()
}

// nextSign is where the next "@" may be, len(s) when there is none.
func nextSign(s string, from int) int {
	if i := strings.IndexAny(s[from:], "@%=&"); i >= 0 {
		return from + i
	}
	return len(s)
}

// atSignAt gives the sign at s[i:], "" without one.
func atSignAt(s string, i int) string {
	switch s[i] {
	case '@', '%', '=', '&':
		for _, sign := range atSigns {
			if strings.HasPrefix(s[i:], sign) {
				return sign
			}
		}
	}
	return ""
}

// domainEnd is the end of the domain that begins at s[at:], -1 without one. Behind
// another sign than "@" it must have a dot.
func domainEnd(s string, at int, sign, blanks string) int {
	start := at
	for start < len(s) && strings.IndexByte(blanks, s[start]) >= 0 {
		start++
	}
	end, dots := start, 0
	for end < len(s) && isDomainByte(s[end]) {
		if s[end] == '.' {
			dots++
		}
		end++
	}
	if end == start && start < len(s) && s[start] == '[' { // an address literal
		return start + 1
	}
	if end == start || s[start] == '.' || sign != "@" && dots == 0 {
		return -1
	}
	return end
}

func isDomainByte(c byte) bool {
	return c == '.' || c == '-' || c == '_' || c >= 0x80 || isAlphanumeric(c)
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// localPart is what stands before the sign at s[at], not before s[floor]: atoms and
// quoted strings (RFC 5322 §3.4.1), without the name of a property or parameter.
func localPart(s string, floor, at int, blanks string) (from, to int) {
	to = at
	for to > floor && strings.IndexByte(blanks, s[to-1]) >= 0 {
		to--
	}
	from = to
	for from > floor {
		if s[from-1] == '"' {
			open := openingQuote(s, floor, from-1)
			if open < 0 {
				break
			}
			from = open
			continue
		}
		if !isAtext(s[from-1]) {
			break
		}
		from--
	}
	return from + parameterName(s[from:to]), to
}

func isAtext(c byte) bool {
	return c >= 0x80 || isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) >= 0
}

// openingQuote finds the quote that opens the quoted string which s[end] closes.
func openingQuote(s string, floor, end int) int {
	for i := end - 1; i >= floor; i-- {
		if s[i] != '"' {
			continue
		}
		backslashes := 0
		for i-backslashes > floor && s[i-backslashes-1] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 {
			return i
		}
	}
	return -1
}

// parameters are the names that stand before an address with a "=" between, as in
// Authentication-Results, Received-SPF and URIs. "=" may stand in a local part, too:
// only what is certainly no part of one is left.
var parameters = map[string]bool{
	"smtp.mailfrom": true, "smtp.mail": true, "smtp.mfrom": true, "smtp.rcptto": true, "smtp.auth": true, "smtp.helo": true,
	"header.from": true, "header.i": true, "header.sender": true, "header.reply-to": true, "header.to": true, "header.mailfrom": true,
	"envelope-from": true, "envelope-to": true, "envelope_from": true, "mailfrom": true, "mail": true, "from": true, "sender": true,
	"identity": true, "i": true, "to": true, "cc": true, "bcc": true, "rcpt": true, "rcptto": true, "recipient": true,
	"email": true, "e": true, "address": true, "addr": true, "user": true, "auth": true,
}

const longestParameter = len("header.reply-to=")

// parameterName is the length of what stands before the local part proper.
func parameterName(s string) int {
	n := 0
	for i := len(s) - 1; i > 0 && n == 0; i-- { // of a URI
		if s[i-1] != '?' && s[i-1] != '&' {
			continue
		}
		name, _, found := strings.Cut(s[i:min(len(s), i+longestParameter)], "=")
		if found && parameters[strings.ToLower(name)] {
			n = i
		}
	}
	for {
		rest := strings.TrimLeft(s[n:], "'`?&/.=")
		trimmed := len(s) - len(rest)
		name, _, found := strings.Cut(rest, "=")
		if !found || !parameters[strings.ToLower(name)] {
			return trimmed
		}
		n = trimmed + len(name) + 1
	}
}

// unquoted is a local part as it is without quoting: "a\ b" and a b are the same.
func unquoted(local string) string {
	if !strings.Contains(local, `"`) {
		return local
	}
	var b strings.Builder
	for i := 0; i < len(local); i++ {
		switch {
		case local[i] == '"':
		case local[i] == '\\' && i+1 < len(local):
			i++
			b.WriteByte(local[i])
		default:
			b.WriteByte(local[i])
		}
	}
	return b.String()
}

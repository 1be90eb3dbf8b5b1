package dmarcdns

import (
	"net/url"
	"regexp"
	"strings"
)

// URI is one address that reports shall go to, from rua or ruf.
type URI struct {
	Raw     string   // as published, without surrounding space
	Local   string   // exactly as published, percent-decoded; "" if broken
	Host    string   // A-labels, lower case, no final dot; "" if broken
	Size    string   // "10m" of an obsolete "!10m" (RFC 7489 §6.2), ignored
	Headers string   // what stood behind "?", ignored
	Broken  FlawCode // why no report can go there; "" if one can
}

// Usable tells whether reports can go there.
func (u URI) Usable() bool { return u.Broken == "" }

// Address is local@host, "" of a broken URI.
func (u URI) Address() string {
	if !u.Usable() {
		return ""
	}
	return u.Local + "@" + u.Host
}

var sizeSuffix = regexp.MustCompile(`(?i)!([0-9]+[kmgt]?)$`)

// ParseURIs reads the value of rua or ruf: URIs between commas (RFC 9989 §4.7).
// Each is judged alone, so a broken one leaves the others in force.
func ParseURIs(value string) []URI {
	var list []URI
	for part := range strings.SplitSeq(value, ",") {
		list = append(list, parseURI(trim(part)))
	}
	return list
}

func parseURI(raw string) URI {
	u := URI{Raw: raw}
	if raw == "" {
		u.Broken = FlawURIEmpty
		return u
	}
	rest := raw
	if m := sizeSuffix.FindStringSubmatch(rest); m != nil {
		u.Size = m[1]
		rest = rest[:len(rest)-len(m[0])]
	}
	scheme, rest, ok := strings.Cut(rest, ":")
	if !ok || !strings.EqualFold(scheme, "mailto") {
		u.Broken = FlawURIScheme
		return u
	}
	rest, u.Headers, _ = strings.Cut(rest, "?")
	decoded, err := url.PathUnescape(rest)
	if err != nil {
		u.Broken = FlawURIEscape
		return u
	}
	// A bare "!" must be escaped in a URI here (RFC 9989 §4.7).
	local, host, ok := cutLast(decoded, "@")
	domain, err := domainName(host)
	if !ok || err != nil || !isLocalPart(local) || strings.Contains(rest, "!") {
		u.Broken = FlawURIAddress
		return u
	}
	u.Local, u.Host = local, domain
	return u
}

// isLocalPart refuses what no mail address has; quoted strings are let through,
// as what is between the quotes is for the destination to judge.
func isLocalPart(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '/' {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f || s[i] == ' ' && s[0] != '"' {
			return false
		}
	}
	return true
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

package reports

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The enumerations of RFC 9990 appendix A and RFC 7489 appendix C, both together.
var (
	policies         = []string{"none", "quarantine", "reject"}
	dispositions     = []string{"none", "pass", "quarantine", "reject"}
	discoveryMethods = []string{"psl", "treewalk"}
	alignments       = []string{"r", "s"}
	yesNo            = []string{"n", "y"}
	passFail         = []string{"pass", "fail"}
	scopes           = []string{"mfrom", "helo"}
	dkimResults      = []string{"pass", "fail", "none", "policy", "neutral", "temperror", "permerror"}
	spfResults       = []string{"pass", "fail", "softfail", "none", "neutral", "policy", "temperror", "permerror"}
	reasonTypes      = []string{"local_policy", "mailing_list", "other", "policy_test_mode", "trusted_forwarder",
		"forwarded", "sampled_out"}
)

// maxShared is the longest text that is looked up among those seen before: a
// domain name or an enumerated word, not prose.
const maxShared = 253

// maxSharedStrings bounds the table of the texts seen before. In a report of a
// large domain nearly all repeat; in a hostile one none does.
const maxSharedStrings = 10_000

// keep returns text as a string; equal short texts share their memory.
func (a *aggregateReader) keep(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	m := &a.memory
	if s, ok := m.texts[string(text)]; ok {
		return s
	}
	a.charge(len(text))
	s := m.string(text)
	if len(s) <= maxShared && len(m.texts) < maxSharedStrings {
		if m.texts == nil {
			m.texts = make(map[string]string)
		}
		m.texts[s] = s
	}
	return s
}

// charge counts what the report takes in memory.
func (a *aggregateReader) charge(bytes int) {
	if err := a.budget.charge(bytes); err != nil {
		a.fail(err)
	}
}

// tried counts a value that had to be tried in several spellings: it costs as much as
// some tags.
func (a *aggregateReader) tried() { a.scan.markup -= 4 }

// first puts text into field unless it has one already.
func (a *aggregateReader) first(field *string, text string) {
	if *field != "" && text != "" && text != *field {
		a.note(WarnRepeated, []byte(text))
		return
	}
	if *field == "" {
		*field = text
	}
}

// textOnce reads an element of free text.
func (a *aggregateReader) textOnce(field *string) {
	a.first(field, a.keep(a.text()))
}

// word reads an element of an enumerated word. The standards write them in lower
// case; unknown words are kept.
func (a *aggregateReader) word(field *string, known []string) {
	text := a.text()
	for _, k := range known { // without an allocation in the common case
		if string(text) == k {
			a.first(field, k)
			return
		}
	}
	if len(text) == 0 {
		return
	}
	a.lower = appendLower(a.lower[:0], text)
	code := WarnUnknownWord
	if slices.ContainsFunc(known, func(k string) bool { return k == string(a.lower) }) {
		code = WarnWordCase
	}
	a.note(code, text)
	a.first(field, a.keep(a.lower))
}

// appendLower appends text in lower case to dst.
func appendLower(dst, text []byte) []byte {
	start := len(dst)
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return append(dst[:start], strings.ToLower(string(text))...)
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// epoch reads a time. Of several, the first that can be read counts.
func (a *aggregateReader) epoch(field *time.Time) {
	text := a.text()
	var t time.Time
	seconds, ok := smallNumber(text)
	if ok = ok && seconds <= maxTime; ok {
		t = time.Unix(seconds, 0).UTC()
	} else {
		var odd bool
		if t, odd, ok = readEpoch(string(text)); odd || !ok {
			a.note(WarnTime, text)
			a.tried()
		}
	}
	if ok && !field.IsZero() {
		a.note(WarnRepeated, text)
		return
	}
	if ok {
		*field = t
	}
}

// number reads the count of messages of a record. One that cannot be read stays 0.
func (a *aggregateReader) number(field *int64) {
	text := a.text()
	n, ok := smallNumber(text)
	if !ok {
		var odd bool
		if n, odd, ok = readNumber(string(text)); odd || !ok {
			a.note(WarnNumber, text)
		}
		a.tried()
	}
	switch {
	case !ok:
	case !a.counted:
		*field, a.counted = n, true
	case *field != n:
		a.note(WarnRepeated, text)
	}
}

// smallNumber reads up to 18 digits without making a string of them.
func smallNumber(text []byte) (int64, bool) {
	if len(text) == 0 || len(text) > 18 {
		return 0, false
	}
	n := int64(0)
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// percent reads the pct of RFC 7489 §6.3.
func (a *aggregateReader) percent(field **int) {
	text := bytes.TrimSuffix(a.text(), []byte("%"))
	if len(text) == 0 {
		return
	}
	n, ok := smallNumber(text)
	odd := false
	if !ok {
		n, odd, ok = readNumber(string(text))
	}
	if odd || !ok || n < 0 || n > 100 {
		a.note(WarnNumber, text)
	}
	if ok && n >= 0 && n <= 100 && *field == nil {
		value := int(n)
		*field = &value
	}
}

// ip reads the address that the messages came from. One that cannot be read stays
// zero, with a warning here, and the row is kept.
func (a *aggregateReader) ip(field *netip.Addr) {
	text := a.text()
	ip, ok := plainIPv4(text)
	if !ok {
		var odd bool
		if ip, odd = readIP(string(text)); odd && len(text) > 0 {
			a.note(WarnIP, text)
		}
		if odd {
			a.tried()
		}
	}
	switch {
	case ip.IsValid() && field.IsValid() && ip != *field:
		a.note(WarnRepeated, text)
	case ip.IsValid():
		*field = ip
	}
}

// plainIPv4 reads four decimal numbers without making a string of them. It knows
// no other spelling.
func plainIPv4(text []byte) (netip.Addr, bool) {
	var octets [4]byte
	for i := range octets {
		digits, rest, dot := bytes.Cut(text, []byte("."))
		n, ok := smallNumber(digits)
		if !ok || n > 255 || len(digits) > 1 && digits[0] == '0' || dot != (i < 3) {
			return netip.Addr{}, false
		}
		octets[i], text = byte(n), rest
	}
	return netip.AddrFrom4(octets), true
}

package dmarcdns

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ErrNotDMARC marks a text record that does not begin with v=DMARC1: it is not
// there for DMARC (RFC 9989 §4.7).
var ErrNotDMARC = errors.New("does not begin with v=DMARC1")

// Policy is what a domain asks for: none, quarantine or reject; "" if it does not say.
type Policy string

// The policies.
const (
	PolicyNone       Policy = "none"
	PolicyQuarantine Policy = "quarantine"
	PolicyReject     Policy = "reject"
)

// Alignment is how close two domains must be: relaxed or strict (RFC 9989 §4.4).
type Alignment string

// The alignments.
const (
	Relaxed Alignment = "r"
	Strict  Alignment = "s"
)

// Tag is one name and value of a record as published, the name in lower case.
type Tag struct {
	Name  string
	Value string
}

// Record is one DMARC policy record, read as RFC 9989 §4.7 has it; tags of RFC 7489
// that have been removed since are kept in Tags and otherwise ignored.
type Record struct {
	Raw  string
	Tags []Tag // in the order of the record, v included; of a repeated tag the first counts

	P, SP, NP   Policy    // "" if absent or not valid
	ADKIM, ASPF Alignment // never ""
	FO          []string  // lower case; "0" if absent
	PSD         string    // "y", "n" or "u"
	Testing     bool      // t=y
	RUA, RUF    []URI     // broken ones included, so that their position counts

	Flaws []Flaw // in the order of the record
}

// ParseRecord reads one text record, its strings joined. It fails only with
// ErrNotDMARC; everything else that is wrong is a Flaw, because receivers go on
// with defaults (RFC 9989 §4.7).
func ParseRecord(txt string) (Record, error) {
	r := Record{Raw: txt, ADKIM: Relaxed, ASPF: Relaxed, FO: []string{"0"}, PSD: "u"}
	parts := strings.Split(txt, ";")
	name, value, _ := strings.Cut(parts[0], "=")
	if !strings.EqualFold(strings.TrimRight(name, " \t"), "v") || trim(value) != "DMARC1" {
		return Record{}, ErrNotDMARC
	}
	for _, part := range parts {
		r.addPart(trim(part))
	}
	r.checkWhole()
	return r, nil
}

// addPart takes what stands between two semicolons.
func (r *Record) addPart(part string) {
	if part == "" {
		return
	}
	name, value, ok := strings.Cut(part, "=")
	name, value = strings.ToLower(trim(name)), trim(value)
	if !ok || name == "" {
		r.flaw(FlawSyntax, "", part)
		return
	}
	if _, seen := r.Tag(name); seen {
		r.flaw(FlawTagRepeated, name, value)
		return
	}
	r.Tags = append(r.Tags, Tag{Name: name, Value: value})
	if joined := tagInside.FindString(value); joined != "" {
		r.flaw(FlawSemicolonMissing, name, trim(joined))
	}
	r.setTag(name, value)
}

// tagInside finds a tag that a missing semicolon made part of the value before it.
var tagInside = regexp.MustCompile(`(?i)[ \t](p|sp|np|rua|ruf|adkim|aspf|fo|psd|t|pct|rf|ri)[ \t]*=`)

func (r *Record) setTag(name, value string) {
	word := strings.ToLower(value)
	switch name {
	case "v":
	case "p":
		r.P = r.policy(name, word)
	case "sp":
		r.SP = r.policy(name, word)
	case "np":
		r.NP = r.policy(name, word)
	case "adkim":
		r.ADKIM = Alignment(r.oneOf(name, word, "r", "s"))
	case "aspf":
		r.ASPF = Alignment(r.oneOf(name, word, "r", "s"))
	case "psd":
		r.PSD = r.oneOf(name, word, "u", "y", "n")
	case "t":
		r.Testing = r.oneOf(name, word, "n", "y") == "y"
	case "fo":
		r.setFailureOptions(word)
	case "rua":
		r.RUA = r.uris(name, value)
	case "ruf":
		r.RUF = r.uris(name, value)
	case "pct", "rf", "ri":
		r.checkRemoved(name, word)
	default:
		r.flaw(FlawTagUnknown, name, value)
	}
}

func (r *Record) policy(name, word string) Policy {
	switch p := Policy(word); p {
	case PolicyNone, PolicyQuarantine, PolicyReject:
		return p
	}
	r.flaw(FlawPolicyInvalid, name, word)
	return ""
}

// oneOf returns word if it is among the valid ones, else the first, the default.
func (r *Record) oneOf(name, word string, valid ...string) string {
	if slices.Contains(valid, word) {
		return word
	}
	r.flaw(FlawValueInvalid, name, word)
	return valid[0]
}

func (r *Record) setFailureOptions(word string) {
	var options []string
	for option := range strings.SplitSeq(word, ":") {
		option = trim(option)
		if !slices.Contains([]string{"0", "1", "d", "s"}, option) {
			r.flaw(FlawValueInvalid, "fo", word)
			return
		}
		options = append(options, option)
	}
	r.FO = options
}

// checkRemoved looks at the tags of RFC 7489 §6.3 that RFC 9989 has removed. One
// that says the default says nothing, so it is no flaw.
func (r *Record) checkRemoved(name, word string) {
	n, err := strconv.ParseUint(word, 10, 32)
	switch {
	case name == "rf" && word == "afrf", name == "ri" && word == "86400", name == "pct" && word == "100":
	case name == "rf" && word != "afrf", err != nil, name == "pct" && n > 100:
		r.flaw(FlawValueInvalid, name, word)
	default:
		r.flaw(FlawTagRemoved, name, word)
	}
}

func (r *Record) uris(name, value string) []URI {
	list := ParseURIs(value)
	for _, u := range list {
		if u.Broken != "" {
			r.flaw(u.Broken, name, u.Raw)
		}
		if u.Size != "" {
			r.flaw(FlawURISize, name, u.Raw)
		}
		if u.Headers != "" {
			r.flaw(FlawURIHeaders, name, u.Raw)
		}
	}
	return list
}

// checkWhole looks at what only the tags together show.
func (r *Record) checkWhole() {
	p, ok := r.Tag("p")
	switch {
	case !ok:
		r.flaw(FlawPolicyMissing, "p", "")
	case r.Tags[1].Name != "p":
		r.flaw(FlawPolicyNotSecond, "p", p)
	}
	_, fo := r.Tag("fo")
	_, ruf := r.Tag("ruf")
	if fo && !ruf {
		r.flaw(FlawFailureOptionsAlone, "fo", strings.Join(r.FO, ":"))
	}
	if slices.Contains(r.FO, "0") && slices.Contains(r.FO, "1") {
		r.flaw(FlawFailureOptionsBoth, "fo", strings.Join(r.FO, ":"))
	}
	if ruf && r.PSD == "y" {
		r.flaw(FlawSuffixWithFailure, "ruf", "")
	}
}

// Tag returns the published value of a tag.
func (r *Record) Tag(name string) (value string, ok bool) {
	for _, t := range r.Tags {
		if t.Name == name {
			return t.Value, true
		}
	}
	return "", false
}

// Applies tells whether receivers use the record at all: one without a valid p, or
// with an sp or np that is not valid, counts as p=none if it has a usable rua
// address, and is no record without one (RFC 9989 §4.10.1).
func (r *Record) Applies() bool {
	return !r.damaged() || slices.ContainsFunc(r.RUA, URI.Usable)
}

// damaged: RFC 9989 §4.7 lets p be absent and so count as none, but RFC 7489 §6.6.3
// readers treat that as they treat an invalid one.
func (r *Record) damaged() bool {
	return r.P == "" || slices.ContainsFunc(r.Flaws, func(f Flaw) bool { return f.Code == FlawPolicyInvalid })
}

// Policies are the policies in force: for the domain itself, for subdomains that
// exist, and for names that do not (RFC 9989 §4.7).
func (r *Record) Policies() (p, sp, np Policy) {
	if r.damaged() {
		return PolicyNone, PolicyNone, PolicyNone
	}
	p, sp, np = r.P, r.SP, r.NP
	if sp == "" {
		sp = p
	}
	if np == "" {
		np = sp
	}
	return p, sp, np
}

// text writes the record anew: its tags in order, one space behind each semicolon.
func (r *Record) text() string {
	var b strings.Builder
	for i, t := range r.Tags {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(t.Name + "=" + t.Value)
	}
	return b.String()
}

func trim(s string) string { return strings.Trim(s, " \t\r\n") }

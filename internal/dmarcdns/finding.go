package dmarcdns

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Severity tells how bad a finding is.
type Severity string

// The severities, worst first.
const (
	Wrong     Severity = "wrong"   // reports are lost
	Uncertain Severity = "unknown" // the DNS did not answer, so there is no telling
	Warning   Severity = "warning" // some organizations send nothing, or something is not as it seems
)

// Finding is one thing to mend, for people and scripts. What a stranger wrote
// stands quoted in it.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	What     string   `json:"what"`              // what is wrong
	Why      string   `json:"why"`               // why it matters
	Publish  string   `json:"publish,omitempty"` // what to publish instead: zone-file lines, or what to do
}

// String is the finding on one line.
func (f Finding) String() string {
	s := string(f.Severity) + ": " + f.What + ": " + f.Why
	if f.Publish != "" {
		s += "; publish: " + strings.ReplaceAll(f.Publish, "\n", " and ")
	}
	return s
}

// flawText says in words what a flaw is. %[1]s is the tag, %[2]s its value in quotes.
type flawText struct {
	severity Severity
	what     string
	why      string
}

var flawTexts = map[FlawCode]flawText{
	FlawPolicyInvalid:       {Wrong, "%[1]s=%[2]s is not a policy: none, quarantine or reject", "receivers take the whole record as p=none, or as absent"},
	FlawPolicyMissing:       {Warning, "the record has no p tag", "RFC 7489 readers require it, RFC 9989 readers take it as p=none"},
	FlawPolicyNotSecond:     {Warning, "p is not the second tag", "RFC 7489 readers expect it right behind v and may find no policy"},
	FlawValueInvalid:        {Warning, "%[1]s=%[2]s is not a valid value", "receivers use the default instead"},
	FlawTagRemoved:          {Warning, "%[1]s=%[2]s: RFC 9989 has removed this tag", "newer receivers ignore it"},
	FlawTagUnknown:          {Warning, "%[1]s is not a DMARC tag", "receivers ignore it; is it misspelt?"},
	FlawTagRepeated:         {Warning, "%[1]s stands twice", "some receivers use the first, others the last"},
	FlawSyntax:              {Warning, "%[2]s is not name=value", "receivers ignore it"},
	FlawSemicolonMissing:    {Wrong, "a semicolon is missing before %[2]s in the value of %[1]s", "receivers read both tags as one value that is not valid"},
	FlawFailureOptionsAlone: {Warning, "fo=%[2]s without ruf", "fo says when failure reports are sent, and there is no address for them"},
	FlawFailureOptionsBoth:  {Warning, "fo=%[2]s has 0 and 1", "they exclude each other, so organizations choose"},
	FlawSuffixWithFailure:   {Warning, "ruf in a record with psd=y", "no failure reports are sent for a public suffix domain"},
	FlawURIEmpty:            {Warning, "%[1]s has a comma with no address behind it", "strict readers may refuse the whole list"},
	FlawURIScheme:           {Wrong, "%[1]s: %[2]s does not begin with \"mailto:\"", "organizations ignore every address that is not a mailto: URI"},
	FlawURIAddress:          {Wrong, "%[1]s: %[2]s holds no mail address behind \"mailto:\"", "no report can be sent there"},
	FlawURIEscape:           {Wrong, "%[1]s: %[2]s has a percent sign without two hexadecimal digits", "the URI cannot be read, so no report is sent there"},
	FlawURISize:             {Warning, "%[1]s: %[2]s ends in a size", "RFC 9989 has made sizes obsolete, and some readers take it for a part of the domain"},
	FlawURIHeaders:          {Warning, "%[1]s: %[2]s has header fields behind the question mark", "organizations drop them, and some refuse the address"},
}

// explain turns the flaws of the record at name into findings.
func explain(rec Record, name, publish string) []Finding {
	var findings []Finding
	joined := map[string]bool{}
	for _, f := range rec.Flaws {
		if f.Code == FlawSemicolonMissing {
			joined[f.Tag] = true
		}
	}
	for _, f := range rec.Flaws {
		if joined[f.Tag] && f.Code != FlawSemicolonMissing {
			continue // what follows from the missing semicolon
		}
		text := flawTexts[f.Code]
		if f.Code == FlawSyntax && strings.Contains(f.Value, "@") {
			text.severity = Wrong
			text.what = "%[2]s stands behind a semicolon"
			text.why = "addresses are separated by commas; behind a semicolon they are ignored"
		}
		if f.Code == FlawTagRemoved && f.Tag == "pct" {
			text.why = "newer receivers ignore it and apply the policy to all mail, older ones to a part of it"
		}
		if f.Code == FlawPolicyMissing && !rec.Applies() {
			text.severity = Wrong
			text.why = "without p and without a usable rua address the record counts as absent, and no reports are sent"
		}
		findings = append(findings, Finding{
			Code:     string(f.Code),
			Severity: text.severity,
			What:     name + ": " + fill(text.what, plain(f.Tag), quote(f.Value)),
			Why:      text.why,
			Publish:  publish,
		})
	}
	return findings
}

// fill is Sprintf for texts that need not use both.
func fill(format, tag, value string) string {
	return strings.NewReplacer("%[1]s", tag, "%[2]s", value).Replace(format)
}

// plain shows a tag's name as it is if it looks like one, else quoted.
func plain(tag string) string {
	if len(tag) > 20 || strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz") != "" {
		return quote(tag)
	}
	return tag
}

const maxQuoted = 120

// quote shows what a stranger wrote without letting it reach the terminal raw. What
// is too long ends at a word, or, in a word that is too long itself, at a character.
func quote(s string) string {
	if len(s) <= maxQuoted {
		return fmt.Sprintf("%q", s)
	}
	cut := s[:maxQuoted]
	if at := strings.LastIndexAny(s[:maxQuoted+1], " \t"); at > maxQuoted/2 {
		cut = s[:at]
	}
	for i := 0; i < utf8.UTFMax-1 && !utf8.RuneStart(s[len(cut)]); i++ {
		cut = cut[:len(cut)-1]
	}
	return fmt.Sprintf("%q…", cut)
}

// said shows what a look-up failed with, on one line.
func said(err error) string { return quote(strings.ReplaceAll(err.Error(), "\n", "; ")) }

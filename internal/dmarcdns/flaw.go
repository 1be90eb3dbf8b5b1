package dmarcdns

// Flaw is one thing in a record that does not say what its author may think.
type Flaw struct {
	Code  FlawCode
	Tag   string // "" if there is no telling
	Value string // the tag's value, the URI, or the piece of the record
}

// FlawCode tells the flaws apart.
type FlawCode string

// The flaws of a policy record.
const (
	FlawPolicyMissing       FlawCode = "p_missing"
	FlawPolicyInvalid       FlawCode = "policy_invalid" // of p, sp or np: damages the record
	FlawPolicyNotSecond     FlawCode = "p_not_second"   // RFC 7489 §6.4 readers stop there
	FlawValueInvalid        FlawCode = "value_invalid"  // the default is used instead
	FlawTagRemoved          FlawCode = "tag_removed"    // of RFC 7489, says something that RFC 9989 readers ignore
	FlawTagUnknown          FlawCode = "tag_unknown"
	FlawTagRepeated         FlawCode = "tag_repeated" // the first counts
	FlawSyntax              FlawCode = "syntax"       // no name=value
	FlawSemicolonMissing    FlawCode = "semicolon_missing"
	FlawFailureOptionsAlone FlawCode = "fo_without_ruf"
	FlawFailureOptionsBoth  FlawCode = "fo_0_and_1"
	FlawSuffixWithFailure   FlawCode = "psd_with_ruf" // psd=y: ruf is ignored

	FlawURIEmpty   FlawCode = "uri_empty"   // nothing between two commas
	FlawURIScheme  FlawCode = "uri_scheme"  // not mailto
	FlawURIAddress FlawCode = "uri_address" // no address that mail can go to
	FlawURIEscape  FlawCode = "uri_escape"  // a percent sign without two hex digits
	FlawURISize    FlawCode = "uri_size"    // harmless: obsolete "!10m"
	FlawURIHeaders FlawCode = "uri_headers" // harmless: "?subject=…" is dropped
)

func (r *Record) flaw(code FlawCode, tag, value string) {
	r.Flaws = append(r.Flaws, Flaw{Code: code, Tag: tag, Value: value})
}

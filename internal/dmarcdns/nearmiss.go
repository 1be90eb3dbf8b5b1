package dmarcdns

import (
	"context"
	"regexp"
	"strings"
)

// nearMiss says why a text that stands where a policy record should is none.
type nearMiss struct {
	code string
	what string
	why  string
}

var misses = []struct {
	pattern *regexp.Regexp
	nearMiss
}{
	{regexp.MustCompile(`(?i)^\s*["\x{201c}\x{201d}\x{2018}\x{2019}]\s*v\s*=\s*dmarc1`),
		nearMiss{"stray_quotes", "the text itself begins with a quotation mark", "receivers look for v=DMARC1 at the very beginning and see no record"}},
	{regexp.MustCompile(`(?i)^\s+v\s*=\s*dmarc1`),
		nearMiss{"leading_space", "the text begins with a space", "receivers look for v=DMARC1 at the very beginning and see no record"}},
	{regexp.MustCompile(`^[vV]\s*=\s*DMARC1[ \t]+[a-zA-Z]+\s*=`),
		nearMiss{"semicolon_missing", "a semicolon is missing behind v=DMARC1", "receivers read another version than DMARC1 and see no record"}},
	{regexp.MustCompile(`^[vV]\s*=\s*DMARC1[^A-Za-z0-9;]`),
		nearMiss{"separator", "behind v=DMARC1 stands something else than a semicolon", "receivers read another version than DMARC1 and see no record"}},
	{regexp.MustCompile(`(?i)^v\s*=\s*dmarc1\s*(;|$)`),
		nearMiss{"version_case", "DMARC1 is not written in capital letters", "the version is case-sensitive, so receivers see no record"}},
	{regexp.MustCompile(`(?i)^v\s*=\s*dmarc`),
		nearMiss{"version", "the version is not DMARC1", "it is the only version, so receivers see no record"}},
	{regexp.MustCompile(`(?i)[;\s]v\s*=\s*dmarc1`),
		nearMiss{"version_not_first", "v=DMARC1 is not the first tag", "receivers look for it at the very beginning and see no record"}},
	{regexp.MustCompile(`(?i)^v\s*=\s*spf1`),
		nearMiss{"spf_in_place", "an SPF record stands where the DMARC record should", "SPF belongs to the domain's own name, and here no receiver looks for it"}},
	{regexp.MustCompile(`(?i)^v\s*=\s*dkim1|^k\s*=\s*(rsa|ed25519)`),
		nearMiss{"dkim_in_place", "a DKIM key stands where the DMARC record should", "a key belongs below _domainkey, and here no receiver looks for it"}},
	{regexp.MustCompile(`(?i)(^|[;\s])(p\s*=\s*(none|quarantine|reject)|rua\s*=)`),
		nearMiss{"version_missing", "the text has DMARC tags, but does not begin with v=DMARC1", "without it receivers see no record"}},
}

// classify finds out what somebody meant with a text that is no DMARC record.
func classify(txt string) (nearMiss, bool) {
	for _, m := range misses {
		if m.pattern.MatchString(txt) {
			return m.nearMiss, true
		}
	}
	return nearMiss{}, false
}

// meansDMARC tells whether the author of a text meant a DMARC record.
func meansDMARC(txt string) bool {
	return strings.Contains(strings.ToLower(txt), "dmarc1")
}

// wrongPlace is a name where a record ends up that should stand at _dmarc.<domain>,
// with what led there.
type wrongPlace struct{ name, how string }

func wrongNames(domain string) []wrongPlace {
	return []wrongPlace{
		{domain, "_dmarc. was left out of the name"},
		{"_dmarc." + domain + "." + domain, "the zone's editor has appended the domain once more"},
		{"dmarc." + domain, "the underscore is missing"},
		{"_dmarc._dmarc." + domain, "_dmarc. stands there twice"},
	}
}

// misplaced looks for the policy record of a domain at the names where it is put by
// mistake. A name that gives no answer is passed over: only a hint is lost.
func misplaced(ctx context.Context, r TXTResolver, domain string) (place wrongPlace, txt string, ok bool) {
	for _, place := range wrongNames(domain) {
		a, err := r.TXT(ctx, place.name)
		if err != nil {
			continue
		}
		for _, txt := range a.TXT {
			if meansDMARC(txt) {
				return place, txt, true
			}
		}
	}
	return wrongPlace{}, "", false
}

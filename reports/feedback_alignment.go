package reports

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// The results of our own reading of alignment.
const (
	alignedPass = "pass"
	alignedFail = "fail"
)

// alignment tells whether DKIM and SPF gave an aligned pass, as far as the report
// shows: the results in Authentication-Results, against the From of the sample
// (or header.from), by relaxed alignment (RFC 9989 §5.2). "" means that it does
// not say enough. Identity-Alignment is deliberately not read, see Failure.
func alignment(f *Failure) (dkim, spf string) {
	results := authResults(f.AuthenticationResults)
	author := authorDomain(f, results)
	for _, r := range results {
		switch r.method {
		case "dkim":
			domain := firstOf(r.props["header.d"], domainOf(r.props["header.i"]), f.DKIMDomain)
			dkim = better(dkim, r.alignedWith(author, domain))
		case "spf":
			domain := firstOf(domainOrAll(r.props["smtp.mailfrom"]), domainOf(f.OriginalMailFrom), r.props["smtp.helo"])
			spf = better(spf, r.alignedWith(author, domain))
		}
	}
	return dkim, spf
}

// alignedWith weighs one result: a pass counts if its domain is aligned.
func (r *authResult) alignedWith(author, domain string) string {
	if r.result != "pass" {
		return alignedFail
	}
	if author == "" || domain == "" {
		return ""
	}
	if relaxedAligned(author, domain) {
		return alignedPass
	}
	return alignedFail
}

// better joins the results of several signatures: one aligned pass is enough,
// and one that cannot be told leaves it open.
func better(a, b string) string {
	switch {
	case a == alignedPass || b == alignedPass:
		return alignedPass
	case b == "":
		return a
	}
	return b
}

// authorDomain is the domain of the failed message's From.
func authorDomain(f *Failure, results []authResult) string {
	for _, address := range addressesOf([]string{f.Sample.From}) {
		if domain := domainOf(address); domain != "" {
			return domain
		}
	}
	for _, r := range results {
		if from := domainOrAll(r.props["header.from"]); from != "" {
			return from
		}
	}
	return ""
}

func domainOrAll(address string) string {
	return firstOf(domainOf(address), address)
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

// relaxedAligned tells whether two domains have the same organizational domain
// by the public suffix list; no DNS is asked.
func relaxedAligned(a, b string) bool {
	a, b = NormalDomain(a), NormalDomain(b)
	if a == b {
		return true
	}
	orgA, err := publicsuffix.EffectiveTLDPlusOne(a)
	if err != nil {
		return false
	}
	orgB, err := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && orgA == orgB
}

// authResult is one method of an Authentication-Results field (RFC 8601 §2.2).
type authResult struct {
	method, result string
	props          map[string]string
}

// maxAuthResults is the most results that are weighed; a field has a dozen.
const maxAuthResults = 100

// authResults reads the methods of Authentication-Results fields, leniently:
// what is no "method=result" is passed over.
func authResults(fields []string) []authResult {
	var results []authResult
	for _, field := range fields {
		rest := stripComments(field)
		for rest != "" && len(results) < maxAuthResults {
			var part string
			part, rest = cutParam(rest)
			words := strings.Fields(part)
			for i, w := range words {
				if r, ok := methodResult(w); ok {
					r.props = properties(words[i+1:])
					results = append(results, r)
					break
				}
			}
		}
	}
	return results
}

func methodResult(w string) (authResult, bool) {
	method, result, found := strings.Cut(strings.ToLower(w), "=")
	method, _, _ = strings.Cut(method, "/") // a version may follow
	return authResult{method: method, result: strings.Trim(result, `"`)},
		found && method != "" && result != "" && !strings.Contains(method, ".")
}

func properties(words []string) map[string]string {
	props := make(map[string]string, len(words))
	for _, w := range words {
		if name, value, found := strings.Cut(w, "="); found {
			props[strings.ToLower(name)] = strings.Trim(value, `"<>`)
		}
	}
	return props
}

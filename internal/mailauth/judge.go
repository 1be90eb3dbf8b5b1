package mailauth

import (
	"context"
	"fmt"
	"strings"

	"reportmx/internal/dmarcdns"
)

// identity is one domain that a message claims, with what was found of it.
type identity struct {
	domain string
	result string
	spf    bool
}

// judge says whether the Author Domain of r is authenticated, and if not, why.
//
// An identity of exactly the Author Domain is aligned in every mode and costs no
// question. For one of the same organization the policy record must say that
// relaxed alignment is enough; no record means relaxed, and a record that cannot be
// had means that nobody knows.
func (v *Verifier) judge(ctx context.Context, r *Result) (Verdict, string) {
	list := identities(r)
	for _, id := range list {
		if id.result == resultPass && id.domain == r.Domain {
			return Pass, ""
		}
	}
	reason := ""
	if someOf(list, r.Domain, resultPass) {
		d, err := dmarcdns.DiscoverByList(ctx, v.dns, r.Domain)
		if err != nil {
			return TempError, fmt.Sprintf("policy record of %s: %v", r.Domain, err)
		}
		for _, id := range list {
			if id.result == resultPass && relaxed(id, r.Domain, d) {
				return Pass, ""
			}
		}
		reason = "aligned in relaxed mode only, and the policy record asks for more"
	}
	if someOf(list, r.Domain, resultTempError) {
		return TempError, "an aligned identity could not be looked up"
	}
	if len(r.DKIM) == 0 && (r.SPF.Result == "" || r.SPF.Result == resultNone) {
		return None, "no signature and no SPF record"
	}
	if reason == "" {
		reason = "nothing that passes is aligned with " + r.Domain
	}
	return Fail, reason
}

func identities(r *Result) []identity {
	var list []identity
	for i := range r.DKIM {
		list = append(list, identity{domain: r.DKIM[i].Domain, result: r.DKIM[i].Result})
	}
	return append(list, identity{domain: r.SPF.Domain, result: r.SPF.Result, spf: true})
}

// someOf tells whether an identity of the author's organization has this result.
func someOf(list []identity, author, result string) bool {
	for _, id := range list {
		if id.result == result && sameOrg(id.domain, author) {
			return true
		}
	}
	return false
}

// relaxed tells whether an identity is aligned although it is not the Author Domain
// itself (RFC 9989 §4.4). With psd=n the domain that says so is an organization of
// its own (RFC 9989 §4.10.2), which the public suffix list cannot know.
func relaxed(id identity, author string, d dmarcdns.Discovery) bool {
	if !sameOrg(id.domain, author) {
		return false
	}
	if d.PolicyDomain == "" {
		return true
	}
	if d.Record.PSD == "n" && id.domain != d.PolicyDomain && !strings.HasSuffix(id.domain, "."+d.PolicyDomain) {
		return false
	}
	if id.spf {
		return d.Record.ASPF != dmarcdns.Strict
	}
	return d.Record.ADKIM != dmarcdns.Strict
}

// Contact tells whether the Author Domain of a message belongs to the organization
// of the contact address that its report names: "fits" or "differs", by
// organizational domain; "" if one of them is missing or not readable.
func Contact(authorDomain, contactEmail string) string {
	author, ok := normal(authorDomain)
	if !ok {
		return ""
	}
	// Reporting organizations write "Name <a@b>", "mailto:a@b" and whole sentences.
	addr := contactEmail[strings.LastIndexByte(contactEmail, '@')+1:]
	if len(addr) == len(contactEmail) {
		return ""
	}
	if i := strings.IndexAny(addr, " \t\r\n<>,;?\"')"); i >= 0 {
		addr = addr[:i]
	}
	contact, ok := normal(addr)
	switch {
	case !ok:
		return ""
	case sameOrg(author, contact):
		return "fits"
	}
	return "differs"
}

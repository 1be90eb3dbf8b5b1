package mailauth

import (
	"context"
	"fmt"
	"slices"

	"reportmx/internal/dmarcdns"
)

// candidate is a DKIM-Signature field before its verification.
type candidate struct {
	field   int // index in the header
	tags    map[string]string
	refused string // why it cannot be right, "" if it may
	Signature
}

// checkDKIM verifies the signatures of a message, those of the Author Domain's
// organization first, so that others cannot use up what the bounds allow.
func (v *Verifier) checkDKIM(ctx context.Context, l letter, list []candidate, r *Result) {
	slices.SortStableFunc(list, func(a, b candidate) int {
		return rank(a.Domain, r.Domain) - rank(b.Domain, r.Domain)
	})
	if len(list) > MaxSignatures {
		r.Unverified = len(list) - MaxSignatures
		list = list[:MaxSignatures]
	}
	for _, c := range list {
		_, body, _ := canons(c.tags["c"])
		switch {
		case c.refused != "":
			c.Result, c.Reason = resultPermError, c.refused
		case l.hashes.tooMuch(body):
			c.Result, c.Reason = resultPolicy, fmt.Sprintf("more than %d octets to hash", MaxHashed)
		default:
			if crashed := v.verifyGuarded(ctx, l, &c); crashed != nil {
				r.Stack = crashed.stack
			}
		}
		r.DKIM = append(r.DKIM, c.Signature)
	}
}

// verifyGuarded verifies a signature and notes its result.
func (v *Verifier) verifyGuarded(ctx context.Context, l letter, c *candidate) *crash {
	var no *verdictOf
	crashed := guarded(func() { no = v.verifySignature(ctx, l, c) })
	switch {
	case crashed != nil:
		c.Result, c.Reason = resultTempError, crashed.reason
	case no != nil:
		c.Result, c.Reason = no.result, no.reason
	default:
		c.Result = resultPass
	}
	return crashed
}

// rank orders signatures: of the author's own domain, of its organization, others.
func rank(domain, author string) int {
	switch {
	case domain == author:
		return 0
	case sameOrg(domain, author):
		return 1
	}
	return 2
}

// sameOrg tells whether domains are aligned in relaxed mode (RFC 7489 §3.1.1).
func sameOrg(a, b string) bool {
	return a != "" && b != "" && (a == b || dmarcdns.OrgDomainByList(a) == dmarcdns.OrgDomainByList(b))
}

// candidates reads what the signature fields say of themselves.
func candidates(fields []field) []candidate {
	var list []candidate
	for i := range fields {
		if !fields[i].is("DKIM-Signature") {
			continue
		}
		c := candidate{field: i}
		if err := fields[i].tooLong(); err != nil {
			c.refused = err.Error()
		} else if c.tags, err = parseTags(string(fields[i].value())); err != nil {
			c.refused = err.Error()
		}
		var ok bool
		if c.Domain, ok = normal(noSpace(c.tags["d"])); !ok && c.refused == "" {
			c.refused = "d= is not a domain name"
		}
		if c.Selector, ok = normal(noSpace(c.tags["s"])); !ok && c.refused == "" {
			c.refused = "s= is not a selector"
		}
		list = append(list, c)
	}
	return list
}

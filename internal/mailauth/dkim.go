package mailauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"reportmx/internal/dmarcdns"
)

// candidate is a DKIM-Signature field before its verification.
type candidate struct {
	field   int // index in the header
	tags    map[string]string
	refused string // why it cannot be right, "" if it may
	hashed  int    // octets of body that its verification has hashed
	Signature
}

// checkDKIM verifies the signatures of a message, those of the Author Domain's
// organization first, so that others cannot use up what the bounds allow.
func (v *Verifier) checkDKIM(ctx context.Context, l letter, r *Result) {
	list := candidates(l.fields)
	slices.SortStableFunc(list, func(a, b candidate) int {
		return rank(a.Domain, r.Domain) - rank(b.Domain, r.Domain)
	})
	if len(list) > MaxSignatures {
		r.Unverified = len(list) - MaxSignatures
		list = list[:MaxSignatures]
	}
	hashed := 0
	for _, c := range list {
		switch {
		case c.refused != "":
			c.Result, c.Reason = resultPermError, c.refused
		case hashed > 0 && hashed+len(l.body) > MaxHashed:
			c.Result, c.Reason = resultPolicy, fmt.Sprintf("more than %d octets to hash", MaxHashed)
		default:
			if crashed := guarded(func() { v.verifySignature(ctx, l, &c) }); crashed != nil {
				c.Result, c.Reason, r.Stack = resultTempError, crashed.reason, crashed.stack
			}
			hashed += c.hashed
		}
		r.DKIM = append(r.DKIM, c.Signature)
	}
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
	return a != "" && b != "" && dmarcdns.OrgDomainByList(a) == dmarcdns.OrgDomainByList(b)
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
		} else if c.tags, err = parseTags(string(fields[i].value)); err != nil {
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

// verifySignature has the library verify one signature. It is shown a message with
// this signature on top and only the fields that it signs below, so that it does
// its work in this goroutine, where a panic can be caught, and once.
func (v *Verifier) verifySignature(ctx context.Context, l letter, c *candidate) {
	header, err := signedHeader(l.fields, c)
	if err == nil {
		err = emptyLines(l.body)
	}
	if err == nil && c.tags["l"] != "" {
		// Deliberately even where l= covers the whole body, unlike RFC 6376 §3.4.5:
		// what follows a shorter one is unsigned, and that is where a report can be put
		// (RFC 8460 §3 forbids l= for TLS reports).
		err = errors.New("l= leaves part of the body unsigned")
	}
	if err != nil {
		c.Result, c.Reason = resultPolicy, err.Error()
		return
	}
	var limit error
	body := bytes.NewReader(l.body)
	defer func() {
		if body.Len() == 0 { // without a usable key it is left alone
			c.hashed = len(l.body)
		}
	}()
	found, err := dkim.VerifyWithOptions(streamed(header, body), &dkim.VerifyOptions{
		MaxVerifications: 1,
		LookupTXT: func(name string) ([]string, error) {
			txt, err := v.keyRecords(ctx, name)
			if errors.Is(err, errLimit) {
				limit = err
			}
			return txt, err
		},
	})
	if limit != nil {
		c.Result, c.Reason = resultPolicy, limit.Error()
		return
	}
	if len(found) != 1 { // nothing that a signature says leads here
		c.Result, c.Reason = resultPermError, fmt.Sprintf("no verification: %v", err)
		return
	}
	c.Result, c.Reason = outcome(found[0].Err)
}

// outcome turns the library's error into a result of RFC 8601 §2.7.1.
func outcome(err error) (result, reason string) {
	if err == nil {
		return resultPass, ""
	}
	reason = strings.TrimPrefix(err.Error(), "dkim: ")
	switch {
	case dkim.IsTempFail(err):
		return resultTempError, reason
	case dkim.IsPermFail(err):
		return resultPermError, reason
	}
	return resultFail, reason
}

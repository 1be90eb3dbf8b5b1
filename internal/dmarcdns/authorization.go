package dmarcdns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Authorization is whether a report domain may receive reports about a policy
// domain (RFC 9990 §4, RFC 7489 §7.1).
type Authorization string

// The results. Their text is kept with every report.
const (
	Authorized        Authorization = "authorized"
	Missing           Authorization = "missing"            // no record: conforming organizations send nothing
	Unknown           Authorization = "unknown"            // SERVFAIL, REFUSED, timeout: ask again later
	NotNeeded         Authorization = "not_needed"         // both in one organizational domain
	OverrideElsewhere Authorization = "override_elsewhere" // the record names an address at another host: nobody gets reports
	NameTooLong       Authorization = "name_too_long"      // no such record can exist
	Unchecked         Authorization = "unchecked"          // not asked; never a result of this package
)

// Permits tells whether reports are sent with this result.
func (a Authorization) Permits() bool { return a == Authorized || a == NotNeeded }

// RecordName is the name at which the report domain says that it receives reports
// about the policy domain, the domain where the policy record stands, without a
// final dot (RFC 9990 §4 steps 1 to 4). Errors wrap ErrName or ErrNameTooLong.
func RecordName(policyDomain, reportDomain string) (string, error) {
	policyDomain, err := domainName(policyDomain)
	if err != nil {
		return "", fmt.Errorf("policy domain: %w", err)
	}
	reportDomain, err = domainName(reportDomain)
	if err != nil {
		return "", fmt.Errorf("report domain: %w", err)
	}
	name, err := Name(policyDomain + "._report._dmarc." + reportDomain)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(name, "."), nil
}

// AtReceipt is the one check that a session makes: whether our own zone authorizes
// reports about the policy domain. It asks at most one question, always in the
// report domain's zone; "not needed" is decided by the public suffix list alone.
// Overrides and the tree walk are not looked at, see Authorize.
//
// The error says why the result is Unknown and is nil with every other one. With
// client.Fresh() as the resolver it asks past the cache, as a caller must before it
// turns a report away as Missing.
func AtReceipt(ctx context.Context, r TXTResolver, policyDomain, reportDomain string) (Authorization, error) {
	if OrgDomainByList(policyDomain) == OrgDomainByList(reportDomain) {
		return NotNeeded, nil
	}
	grant, err := lookupGrant(ctx, r, policyDomain, reportDomain)
	switch {
	case errors.Is(err, ErrNameTooLong):
		return NameTooLong, nil
	case errors.Is(err, ErrName):
		return Missing, nil // what cannot be a name has no record
	case err != nil:
		return Unknown, fmt.Errorf("external authorization: %w", err)
	case len(grant.records) == 0:
		return Missing, nil
	}
	return Authorized, nil
}

// grant is what stands at the name of an authorization record.
type grant struct {
	name    string
	records []Record
	others  []string // texts that are discarded (step 6)
	answer  Answer
}

func lookupGrant(ctx context.Context, r TXTResolver, policyDomain, host string) (grant, error) {
	name, err := RecordName(policyDomain, host)
	if err != nil {
		return grant{}, err
	}
	g := grant{name: name}
	g.answer, err = r.TXT(ctx, name)
	if err != nil {
		return g, err
	}
	for _, txt := range g.answer.TXT {
		if rec, err := ParseRecord(txt); err == nil {
			g.records = append(g.records, rec)
		} else {
			g.others = append(g.others, txt)
		}
	}
	return g, nil
}

// Report kinds, as the tags that ask for them.
const (
	TagAggregate = "rua"
	TagFailure   = "ruf"
)

// Decision is what becomes of one URI of a policy record.
type Decision struct {
	Tag          string // TagAggregate or TagFailure
	URI          URI
	PolicyDomain string

	Walk Authorization // for organizations that find the organizational domain by tree walk (RFC 9990)
	List Authorization // for those that use the public suffix list (RFC 7489)

	// Addresses are where reports go: the URI's own, or those that the record
	// at the report domain puts in its place; none if nothing is sent.
	Addresses []string
	Name      string   // of the authorization record; "" if no name can be made
	Others    []string // texts at Name that are no authorization
	TTL       time.Duration
	AD        bool
	Err       error // why a result is Unknown
}

// Depends tells whether some organizations send and others do not.
func (d *Decision) Depends() bool { return d.Walk.Permits() != d.List.Permits() }

// Authorize decides about one usable URI of the record at policyDomain, with all
// of RFC 9990 §4: overrides, and the organizational domain both by tree walk and
// by public suffix list. It asks zones that strangers control.
func Authorize(ctx context.Context, r TXTResolver, tag, policyDomain string, u URI) Decision {
	d := Decision{Tag: tag, URI: u, PolicyDomain: policyDomain, Addresses: []string{u.Address()}}
	sameByList := OrgDomainByList(policyDomain) == OrgDomainByList(u.Host)
	sameByWalk, walkErr := sameOrg(ctx, r, policyDomain, u.Host)
	if sameByList && sameByWalk {
		d.Walk, d.List = NotNeeded, NotNeeded
		return d
	}
	result := d.external(ctx, r)
	d.Walk, d.List = result, result
	if sameByList {
		d.List = NotNeeded
	}
	switch {
	case sameByWalk:
		d.Walk = NotNeeded
	case walkErr != nil && result != Authorized:
		d.Walk, d.Err = Unknown, walkErr
	}
	switch {
	case !d.Walk.Permits() && !d.List.Permits():
		d.Addresses = nil
	case result == OverrideElsewhere: // for those who need no record, it does not count
		d.Addresses = []string{u.Address()}
	}
	return d
}

func sameOrg(ctx context.Context, r TXTResolver, one, other string) (bool, error) {
	if one == other {
		return true, nil
	}
	a, err := OrgDomain(ctx, r, one)
	if err != nil {
		return false, err
	}
	b, err := OrgDomain(ctx, r, other)
	return err == nil && a == b, err
}

// external is the result where the two are in different organizational domains.
func (d *Decision) external(ctx context.Context, r TXTResolver) Authorization {
	g, err := lookupGrant(ctx, r, d.PolicyDomain, d.URI.Host)
	d.Name, d.Others, d.TTL, d.AD = g.name, g.others, g.answer.TTL, g.answer.AD
	switch {
	case errors.Is(err, ErrNameTooLong):
		return NameTooLong
	case errors.Is(err, ErrName):
		return Missing
	case err != nil:
		d.Err = err
		return Unknown
	case len(g.records) == 0:
		return Missing
	}
	instead := overrides(g.records, d.Tag)
	if len(instead) == 0 {
		return Authorized
	}
	d.Addresses = nil
	for _, u := range instead {
		if u.Host != d.URI.Host {
			return OverrideElsewhere
		}
		d.Addresses = append(d.Addresses, u.Address())
	}
	return Authorized
}

// overrides are the usable addresses that authorization records put in place of
// the policy's own (RFC 9990 §4 step 9).
func overrides(records []Record, tag string) []URI {
	var list []URI
	for _, rec := range records {
		given := rec.RUA
		if tag == TagFailure {
			given = rec.RUF
		}
		list = append(list, slices.DeleteFunc(slices.Clone(given), func(u URI) bool { return !u.Usable() })...)
	}
	return list
}

// maxDestinations bounds the questions that one policy record can cause; each
// address may cost seventeen.
const maxDestinations = 20

// Destinations finds the policy that governs a domain and decides about each
// usable URI in it, rua before ruf, in the order of the record. A record that does
// not apply has none.
func Destinations(ctx context.Context, r TXTResolver, domain string) (Discovery, []Decision, error) {
	found, err := Discover(ctx, r, domain)
	if err != nil {
		return Discovery{}, nil, err
	}
	var decisions []Decision
	if found.PolicyDomain == "" || !found.Record.Applies() {
		return found, nil, nil
	}
	if n := len(found.Record.RUA) + len(found.Record.RUF); n > maxDestinations {
		return found, nil, fmt.Errorf("%d addresses in the policy of %s, at most %d are asked about", n, found.PolicyDomain, maxDestinations)
	}
	for _, u := range found.Record.RUA {
		if u.Usable() {
			decisions = append(decisions, Authorize(ctx, r, TagAggregate, found.PolicyDomain, u))
		}
	}
	for _, u := range found.Record.RUF {
		if u.Usable() {
			decisions = append(decisions, Authorize(ctx, r, TagFailure, found.PolicyDomain, u))
		}
	}
	return found, decisions, nil
}

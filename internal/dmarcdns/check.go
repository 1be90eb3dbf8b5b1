package dmarcdns

import (
	"context"
	"fmt"
)

// Checker finds what keeps reports about a target from reaching us, and says what
// to publish instead. It asks zones that strangers control, so it is for the check
// command and the scheduled recheck, never for a session.
type Checker struct {
	DNS  TXTResolver
	Ours Addresses
}

// Target is one domain that we receive reports about.
type Target struct {
	Domain    string
	SendsMail bool // false: a domain that never sends, whose records should say so
}

// Result is what the DNS says about a target.
type Result struct {
	Target        string        `json:"target"`
	PolicyDomain  string        `json:"policy_domain,omitempty"` // where the record that governs it stands
	OrgDomain     string        `json:"organizational_domain,omitempty"`
	Record        string        `json:"record,omitempty"`
	Authorization Authorization `json:"authorization"` // of our rua address, by RFC 9990
	Depends       bool          `json:"depends"`       // organizations differ, see the findings
	TTL           int           `json:"ttl"`           // of the authorization's answer, in seconds
	AD            bool          `json:"dnssec"`        // the resolver has validated that answer
	Findings      []Finding     `json:"findings"`      // none if all is well
}

// Worst is the severity of the worst finding, "" without any.
func (r *Result) Worst() Severity {
	worst := Severity("")
	for _, f := range r.Findings {
		switch {
		case f.Severity == Wrong:
			return Wrong
		case f.Severity == Uncertain || worst == "":
			worst = f.Severity
		}
	}
	return worst
}

// check is one target under examination: facts first, findings as they come.
type check struct {
	*Checker
	target   Target
	domain   string
	result   Result
	existing []string // what is, or is meant as, the policy record
	policyAt string   // the domain whose record counts, or should be written
}

// Check examines one target: the policy record, our address in it, and the external
// authorization (the steps of RFC 9989 §4.10.1 and RFC 9990 §4).
func (c *Checker) Check(ctx context.Context, target Target) Result {
	k := &check{Checker: c, target: target}
	k.result.Authorization = Unchecked
	k.result.Target = target.Domain
	domain, err := domainName(target.Domain)
	if err != nil {
		k.add(Finding{"not_a_domain", Wrong, "target " + quote(target.Domain) + " is not a domain name", "nothing can be published for it", ""})
		return k.result
	}
	k.domain, k.policyAt, k.result.Target = domain, domain, domain
	found, ok := k.policy(ctx)
	if !ok {
		k.result.Authorization = Unknown
		return k.result
	}
	if found.PolicyDomain != "" {
		k.record(found.Record)
	}
	k.authorization(ctx, found)
	if !target.SendsMail {
		k.neverSends(ctx, found)
	}
	return k.result
}

func (k *check) add(f Finding) { k.result.Findings = append(k.result.Findings, f) }

// policyName is where the record stands, or should.
func (k *check) policyName() string { return "_dmarc." + k.policyAt }

// proposal is the zone-file line of the record that would be right.
func (k *check) proposal() string {
	value := proposed(k.existing, k.Ours)
	if !k.target.SendsMail && k.policyAt == k.domain { // a record above governs others, too
		value = Locked(value)
	}
	return RR{Name: k.policyName(), Type: "TXT", Value: value}.String()
}

// policy finds the record that governs the target; false if the DNS did not tell.
func (k *check) policy(ctx context.Context) (Discovery, bool) {
	here, err := Lookup(ctx, k.DNS, k.domain)
	if err != nil {
		k.uncertain("policy_unknown", "the policy record of "+k.domain, err)
		return Discovery{}, false
	}
	switch {
	case len(here.Records) > 1:
		k.tooMany(here)
		return Discovery{Domain: k.domain}, true
	case len(here.Records) == 0 && k.misses(here):
		return Discovery{Domain: k.domain}, true
	}
	found, err := Discover(ctx, k.DNS, k.domain)
	if err != nil {
		k.uncertain("policy_unknown", "the policy that governs "+k.domain, err)
		return Discovery{}, false
	}
	k.result.OrgDomain, k.result.PolicyDomain = found.OrgDomain, found.PolicyDomain
	k.compareWithList(ctx, found)
	if found.PolicyDomain == "" || found.FromSuffix() {
		k.nothing(ctx, here, found)
		return Discovery{Domain: k.domain, OrgDomain: found.OrgDomain}, true
	}
	k.policyAt = found.PolicyDomain
	k.existing = []string{found.Record.Raw}
	k.result.Record = found.Record.Raw
	return found, true
}

func (k *check) uncertain(code, what string, err error) {
	k.add(Finding{
		code, Uncertain, "could not learn " + what,
		"the DNS gave no answer (" + said(err) + "), and who sees the same can only wait",
		"nothing yet: see that the zone's name servers answer, then check again",
	})
}

func (k *check) tooMany(here Published) {
	k.existing = here.Meant()
	k.add(Finding{
		"several_records", Wrong, fmt.Sprintf("%s has %d DMARC records", k.policyName(), len(here.Records)),
		"receivers discard all of them, so there is no policy and there are no reports",
		"only one: " + k.proposal(),
	})
	k.addresses(proposal(k.existing)) // all their addresses together
}

// misses explains texts at the right name that are no records but were meant so.
func (k *check) misses(here Published) bool {
	k.existing = here.Meant()
	if len(k.existing) == 0 {
		return false
	}
	for _, txt := range k.existing {
		m, _ := classify(txt)
		k.add(Finding{m.code, Wrong, k.policyName() + ": " + m.what, m.why, k.proposal()})
	}
	if meansDMARC(k.existing[0]) {
		k.mended(k.existing[0])
	}
	return true
}

// mended looks for further mistakes in a text that is no record yet, but would be one.
func (k *check) mended(txt string) {
	if rec, err := ParseRecord(mend(txt)); err == nil {
		k.record(rec)
	}
}

// nothing looks for the record at the names where it is put by mistake.
func (k *check) nothing(ctx context.Context, here Published, found Discovery) {
	if place, txt, ok := misplaced(ctx, k.DNS, k.domain); ok {
		k.existing = append(k.existing, txt)
		k.add(Finding{
			"wrong_name", Wrong, fmt.Sprintf("the DMARC record stands at %s in place of %s", place.name, k.policyName()),
			place.how + ", and no receiver looks there", k.proposal(),
		})
		k.mended(txt)
		return
	}
	what := fmt.Sprintf("%s has no DMARC record", k.policyName())
	if len(here.Others) > 0 {
		what += ", only " + quote(here.Others[0])
	}
	why := "without a policy record nobody sends reports"
	if found.FromSuffix() {
		what += ", and so the one of the public suffix domain " + found.PolicyDomain + " governs it"
		why = "reports go where that record says"
		k.existing = []string{inherited(found)}
	}
	k.add(Finding{"no_record", Wrong, what, why, k.proposal()})
}

// compareWithList warns where the two ways of discovery find different records.
func (k *check) compareWithList(ctx context.Context, walked Discovery) {
	listed, err := DiscoverByList(ctx, k.DNS, k.domain)
	if err != nil || listed.PolicyDomain == walked.PolicyDomain {
		return
	}
	show := func(domain string) string {
		if domain == "" {
			return "no record"
		}
		return "the record of " + domain
	}
	value := Propose([]string{walked.Record.Raw, listed.Record.Raw}, Addresses{ReportDomain: k.Ours.ReportDomain, Aggregate: k.Ours.Aggregate})
	if walked.FromSuffix() { // its record is somebody else's, psd=y and all
		value = proposed([]string{inherited(walked)}, k.Ours)
	}
	publish := RR{Name: "_dmarc." + k.domain, Type: "TXT", Value: value}.String()
	if name, err := RecordName(k.domain, k.Ours.host()); err == nil {
		publish += "\n" + RR{Name: name, Type: "TXT", Value: Grant}.String()
	}
	k.add(Finding{
		"policy_depends", Warning,
		fmt.Sprintf("which record governs %s depends: organizations that walk the DNS tree (RFC 9989) see %s, those with a public suffix list (RFC 7489) see %s",
			k.domain, show(walked.PolicyDomain), show(listed.PolicyDomain)),
		"reports come from some and not from others, or under another policy domain", publish,
	})
}

package dmarcdns

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// record examines the record that counts, or would if it were mended.
func (k *check) record(rec Record) {
	k.result.Findings = append(k.result.Findings, explain(rec, k.policyName(), k.proposal())...)
	k.addresses(rec)
}

// addresses looks for our addresses in rua, and in ruf where it is ours.
func (k *check) addresses(rec Record) {
	if k.missing(rec.RUA, TagAggregate) && !k.hidden(rec) {
		k.add(Finding{
			"address_missing", Wrong,
			fmt.Sprintf("%s: rua does not hold %s", k.policyName(), k.Ours.Address(TagAggregate)),
			"no aggregate reports come here", k.proposal(),
		})
	}
	k.missing(rec.RUF, TagFailure)
}

// hidden tells whether our address is there but for a missing separator, which has a
// finding of its own.
func (k *check) hidden(rec Record) bool {
	mended, err := ParseRecord(mend(rec.Raw))
	return err == nil && slices.ContainsFunc(mended.RUA, func(u URI) bool { return u.Host == k.Ours.host() })
}

// missing tells whether none of the URIs is ours; what is nearly ours is explained
// here and does not count as missing.
func (k *check) missing(uris []URI, tag string) bool {
	missing := true
	position := 0
	for _, u := range uris {
		if u.Usable() {
			position++
		} else if strings.Contains(strings.ToLower(u.Raw), k.Ours.host()) {
			missing = false // the record's own flaw says what is wrong with it
		}
		if !u.Usable() || u.Host != k.Ours.host() {
			continue
		}
		missing = false
		k.ourAddress(u, tag, position)
	}
	return missing
}

func (k *check) ourAddress(u URI, tag string, position int) {
	locals := append(slices.Clone(k.Ours.Aggregate), k.Ours.Failure...)
	sameButCase := slices.ContainsFunc(locals, func(l string) bool { return strings.EqualFold(l, u.Local) })
	switch {
	case k.Ours.accepts(u):
	case sameButCase:
		k.add(Finding{
			"address_case", Warning, fmt.Sprintf("%s: %s has %s, which differs from the configured address in capital letters", k.policyName(), tag, quote(u.Address())),
			"the part before the @ is compared exactly by some", k.proposal(),
		})
	default:
		k.add(Finding{
			"address_unknown", Wrong, fmt.Sprintf("%s: %s has %s, which is not accepted here", k.policyName(), tag, quote(u.Address())),
			"reports to it are refused as for an unknown recipient", k.proposal(),
		})
	}
	if position >= 3 {
		k.add(Finding{
			"address_late", Warning, fmt.Sprintf("%s: our address is number %d in %s", k.policyName(), position, tag),
			"organizations need not send to more than two addresses (RFC 7489 §6.2), so some send us nothing", k.proposal(),
		})
	}
}

// authorization decides about each of our addresses in the record; without one about
// the address that should be there, so that both mistakes are told at once.
func (k *check) authorization(ctx context.Context, found Discovery) {
	var decided []Decision
	for _, tag := range []string{TagAggregate, TagFailure} {
		uris := found.Record.RUA
		if tag == TagFailure {
			uris = found.Record.RUF
		}
		if i := slices.IndexFunc(uris, func(u URI) bool { return u.Usable() && u.Host == k.Ours.host() }); i >= 0 {
			decided = append(decided, Authorize(ctx, k.DNS, tag, k.policyAt, uris[i]))
		}
	}
	if len(decided) == 0 || decided[0].Tag != TagAggregate {
		u := URI{Host: k.Ours.host()}
		if len(k.Ours.Aggregate) > 0 {
			u.Local = k.Ours.Aggregate[0]
		}
		decided = slices.Insert(decided, 0, Authorize(ctx, k.DNS, TagAggregate, k.policyAt, u))
	}
	first := decided[0]
	k.result.Authorization, k.result.Depends = first.Walk, first.Depends()
	k.result.TTL, k.result.AD = int(first.TTL.Seconds()), first.AD
	k.judge(ctx, first)
	for _, d := range decided[1:] {
		if d.Walk != first.Walk || d.List != first.List { // the same record, told once
			k.judge(ctx, d)
		}
	}
	for _, d := range decided {
		k.overridden(d)
	}
}

// judge turns one decision into a finding.
func (k *check) judge(ctx context.Context, d Decision) {
	worst := d.Walk
	if worst.Permits() {
		worst = d.List
	}
	publish := RR{Name: d.Name, Type: "TXT", Value: Grant}.String()
	switch {
	case worst.Permits():
	case worst == Unknown:
		k.uncertain("authorization_unknown", "the external authorization at "+d.Name, d.Err)
	case worst == NameTooLong:
		k.add(Finding{
			"name_too_long", Wrong, fmt.Sprintf("the authorization record for %s below %s would have a name of more than %d octets", d.PolicyDomain, d.URI.Host, maxNameLength),
			"no such record can exist, so no conforming organization sends reports", "an address at a shorter report domain, or one below " + OrgDomainByList(d.PolicyDomain),
		})
	case worst == OverrideElsewhere:
		k.add(Finding{
			"override_elsewhere", Wrong, fmt.Sprintf("%s names a %s address at another host", d.Name, d.Tag),
			"organizations then send to neither address (RFC 9990 §4)", publish,
		})
	case d.Depends():
		k.add(Finding{
			"authorization_depends", Warning,
			fmt.Sprintf("whether %s needs an authorization record depends: organizations that walk the DNS tree (RFC 9990) say %s, those with a public suffix list (RFC 7489) say %s",
				d.PolicyDomain, d.Walk, d.List),
			"only some of them send reports while there is none", publish,
		})
	default:
		k.unauthorized(ctx, d, publish)
	}
}

// unauthorized finds out why there is no authorization.
func (k *check) unauthorized(ctx context.Context, d Decision, publish string) {
	const why = "conforming organizations silently send nothing to an outside address that has not agreed to it (RFC 9990 §4)"
	if i := slices.IndexFunc(d.Others, meansDMARC); i >= 0 {
		k.add(Finding{"authorization_unreadable", Wrong, d.Name + " holds " + quote(d.Others[i]) + ", which does not begin with v=DMARC1", why, publish})
		return
	}
	wildcard := "*._report._dmarc." + d.URI.Host
	if a, err := k.DNS.TXT(ctx, wildcard); err == nil && slices.ContainsFunc(a.TXT, meansDMARC) {
		k.add(Finding{
			"wildcard_shadowed", Wrong, fmt.Sprintf("%s does not answer for %s, because %s", wildcard, d.Name, k.shadow(ctx, d)),
			"a wildcard answers for nothing at or below a name that exists, and each explicit record makes the names above it exist (RFC 4592 §3.3.1); " +
				"without an answer conforming organizations silently send nothing",
			publish,
		})
		return
	}
	what := d.Name + " does not exist"
	if len(d.Others) > 0 {
		what = d.Name + " holds only " + quote(d.Others[0])
	}
	k.add(Finding{"authorization_missing", Wrong, what + ": " + d.URI.Host + " has not agreed to receive reports about " + d.PolicyDomain, why, publish})
}

// shadow finds the name that hides the wildcard: the first one, from above, that
// exists without a text of its own.
func (k *check) shadow(ctx context.Context, d Decision) string {
	labels := strings.Split(d.PolicyDomain, ".")
	for i := len(labels) - 1; i >= 0; i-- {
		name := strings.Join(labels[i:], ".") + "._report._dmarc." + d.URI.Host
		if a, err := k.DNS.TXT(ctx, name); err == nil && a.Kind == NoData {
			return name + " exists"
		}
	}
	return "an explicit record beside it hides it"
}

// overridden checks that the addresses put in place of ours are ours too.
func (k *check) overridden(d Decision) {
	for _, address := range d.Addresses {
		local, host, _ := cutLast(address, "@")
		if address == d.URI.Address() || k.Ours.accepts(URI{Local: local, Host: host}) {
			continue
		}
		k.add(Finding{
			"override_unknown", Wrong, fmt.Sprintf("%s sends %s reports to %s, which is not accepted here", d.Name, d.Tag, quote(address)),
			"reports to it are refused as for an unknown recipient", RR{Name: d.Name, Type: "TXT", Value: Grant}.String(),
		})
	}
}

// neverSends checks what a domain without mail should say.
func (k *check) neverSends(ctx context.Context, found Discovery) {
	if found.PolicyDomain != "" {
		k.open(found)
	}
	spf, err := lookupSPF(ctx, k.DNS, k.domain)
	if err != nil {
		k.uncertain("spf_unknown", "the SPF record of "+k.domain, err)
		return
	}
	if len(spf) != 1 || !sameText(spf[0], NoSPF) {
		k.add(Finding{
			"parked_spf", Warning, fmt.Sprintf("%s never sends mail, and its SPF record is not %q", k.domain, NoSPF),
			"SPF does not say that nobody may send for it", RR{Name: k.domain, Type: "TXT", Value: NoSPF}.String(),
		})
	}
}

// open checks that the policy of a domain without mail is reject throughout.
func (k *check) open(found Discovery) {
	p, sp, np := found.Record.Policies()
	publish := k.proposal()
	if found.PolicyDomain != k.domain {
		p = sp // all that a record above says about it
		publish = RR{Name: "_dmarc." + k.domain, Type: "TXT", Value: Locked(proposed([]string{inherited(found)}, k.Ours))}.String()
		if name, err := RecordName(k.domain, k.Ours.host()); err == nil {
			publish += "\n" + RR{Name: name, Type: "TXT", Value: Grant}.String()
		}
	}
	if p == PolicyReject && sp == PolicyReject && np == PolicyReject {
		return
	}
	k.add(Finding{
		"parked_policy", Warning, fmt.Sprintf("%s never sends mail, and its policy is not reject throughout", k.domain),
		"everybody may use its name", publish,
	})
}

package dmarcdns

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Resolver is what the check of our own side needs of a Client.
type Resolver interface {
	TXTResolver
	MX(ctx context.Context, name string) (Answer, error)
	Addrs(ctx context.Context, name string) (Answer, error)
	PTR(ctx context.Context, addr netip.Addr) (Answer, error)
}

// own is our own side under examination.
type own struct {
	dns      Resolver
	report   string
	host     Host
	findings []Finding
}

// CheckOwn examines what the DNS says about our own side: that mail for the report
// domain leads to this host, that the host has addresses and these a reverse name,
// and that the report domain's own policy record splits no organizational domain.
// It asks nothing but the DNS; whether the port answers is for others to see.
func CheckOwn(ctx context.Context, dns Resolver, reportDomain string, host Host) []Finding {
	o := &own{dns: dns, host: host}
	var err error
	if o.report, err = domainName(reportDomain); err != nil {
		return []Finding{{"not_a_domain", Wrong, "report domain " + quote(reportDomain) + " is not a domain name", "no mail can be addressed to it", "a domain of yours as report.domain in the configuration"}}
	}
	if o.host.Name, err = domainName(host.Name); err != nil {
		return []Finding{{"not_a_domain", Wrong, "host name " + quote(host.Name) + " is not a domain name", "no MX can lead to it", "the name of this machine as smtp.hostname in the configuration"}}
	}
	o.exchangers(ctx)
	o.addresses(ctx)
	o.policy(ctx)
	return o.findings
}

func (o *own) add(code string, severity Severity, what, why, publish string) {
	o.findings = append(o.findings, Finding{code, severity, what, why, publish})
}

func (o *own) uncertain(code, what string, err error) {
	o.add(code, Uncertain, "could not learn "+what, "the DNS gave no answer ("+said(err)+")", "nothing yet: see that the zone's name servers answer, then check again")
}

func (o *own) mx() string {
	return RR{Name: o.report, Type: "MX", Value: "10 " + o.host.Name + "."}.String()
}

// exchangers checks where mail for the report domain goes (RFC 5321 §5.1).
func (o *own) exchangers(ctx context.Context) {
	a, err := o.dns.MX(ctx, o.report)
	if err != nil {
		o.uncertain("mx_unknown", "the MX of "+o.report, err)
		return
	}
	if len(a.Aliases) > 0 {
		o.add("report_domain_alias", Warning, o.report+" is an alias of "+a.Aliases[0],
			"some mail servers rewrite the recipient's domain to the alias's target, which is refused here", o.mx()+"\nno CNAME at that name")
	}
	var names []string
	for _, mx := range a.MX {
		names = append(names, mx.Host)
	}
	switch ours := slices.Index(names, o.host.Name); {
	case len(names) == 0:
		o.add("mx_missing", Wrong, o.report+" has no MX", "mail servers then try its address records, if any, and reports may not arrive", o.mx())
	case slices.Contains(names, "."):
		o.add("mx_null", Wrong, o.report+" has a null MX", "it says that the domain takes no mail (RFC 7505), so no report is sent", o.mx())
	case ours < 0:
		o.add("mx_elsewhere", Wrong, fmt.Sprintf("the MX of %s is %s, not %s", o.report, strings.Join(names, ", "), o.host.Name), "reports go to another server", o.mx())
	case len(names) > 1:
		o.add("mx_several", Warning, fmt.Sprintf("the MX of %s is %s", o.report, strings.Join(names, ", ")), "what another server takes does not come here", o.mx())
	}
}

// addresses checks the host that the MX names.
func (o *own) addresses(ctx context.Context) {
	a, err := o.dns.Addrs(ctx, o.host.Name)
	if err != nil {
		o.uncertain("address_unknown", "the addresses of "+o.host.Name, err)
		return
	}
	if len(a.Aliases) > 0 {
		o.add("mx_alias", Wrong, o.host.Name+" is an alias of "+a.Aliases[0],
			"an MX must not lead to an alias (RFC 5321 §5.1), and some mail servers refuse it", o.addressRecords("its address records at "+o.host.Name+" itself, no CNAME"))
	}
	if len(a.Addrs) == 0 {
		o.add("host_without_address", Wrong, o.host.Name+" has no address", "no mail server can connect to it", o.addressRecords("an A or AAAA record for "+o.host.Name))
		return
	}
	if len(o.host.Addrs) > 0 && !sameAddrs(a.Addrs, o.host.Addrs) {
		o.add("host_address_differs", Wrong, fmt.Sprintf("%s has the addresses %v, and this server has %v", o.host.Name, a.Addrs, o.host.Addrs),
			"mail servers connect to another machine, or to none", o.addressRecords(""))
	}
	for _, addr := range a.Addrs {
		o.reverse(ctx, addr)
	}
}

// addressRecords are the host's address lines, or what to do where they are not known.
func (o *own) addressRecords(otherwise string) string {
	var lines []string
	for _, addr := range o.host.Addrs {
		lines = append(lines, addressRecord(o.host.Name, addr).String())
	}
	if len(lines) == 0 {
		return otherwise
	}
	return strings.Join(lines, "\n")
}

func sameAddrs(a, b []netip.Addr) bool {
	sorted := func(list []netip.Addr) []netip.Addr {
		list = slices.Clone(list)
		for i := range list {
			list[i] = list[i].Unmap()
		}
		slices.SortFunc(list, netip.Addr.Compare)
		return slices.Compact(list)
	}
	return slices.Equal(sorted(a), sorted(b))
}

func (o *own) reverse(ctx context.Context, addr netip.Addr) {
	a, err := o.dns.PTR(ctx, addr)
	if err != nil {
		o.uncertain("reverse_unknown", "the reverse name of "+addr.String(), err)
		return
	}
	if slices.Contains(a.Names, o.host.Name) {
		return
	}
	what := addr.String() + " has no reverse name"
	if len(a.Names) > 0 {
		what = fmt.Sprintf("the reverse name of %s is %s, not %s", addr, strings.Join(a.Names, ", "), o.host.Name)
	}
	o.add("reverse_differs", Warning, what, "people who look for the server's owner find nothing; mail still arrives, as this server never sends",
		RR{Name: reverseName(addr), Type: "PTR", Value: o.host.Name + "."}.String())
}

// policy checks that the report domain's own record makes it no organizational
// domain apart from the one that its owner may think of (RFC 9989 §4.10.2).
func (o *own) policy(ctx context.Context) {
	p, err := Lookup(ctx, o.dns, o.report)
	if err != nil {
		o.uncertain("own_policy_unknown", "the policy record of "+o.report, err)
		return
	}
	rec, ok := p.Record()
	org := OrgDomainByList(o.report)
	if !ok || rec.PSD == "u" || org == o.report {
		return
	}
	rec.Tags = slices.DeleteFunc(rec.Tags, func(t Tag) bool { return t.Name == "psd" })
	o.add("own_psd", Warning, fmt.Sprintf("_dmarc.%s says psd=%s", o.report, rec.PSD),
		fmt.Sprintf("it parts %s from %s for organizations that walk the DNS tree, so targets below %s need an authorization record as well", o.report, org, org),
		RR{Name: "_dmarc." + o.report, Type: "TXT", Value: rec.text()}.String())
}

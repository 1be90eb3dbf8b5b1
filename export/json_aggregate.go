package export

import "reportmx/reports"

// aggregateHead writes an aggregate report up to its records (RFC 9990 §3.1.1).
func (j *jsonText) aggregateHead(a *reports.Aggregate) {
	j.text("org_name", a.OrgName)
	j.text("email", a.Email)
	j.text("extra_contact_info", a.ExtraContactInfo)
	j.text("report_id", a.ReportID)
	j.moment("begin", a.Begin)
	j.moment("end", a.End)
	j.texts("errors", a.Errors)
	j.text("generator", a.Generator)
	j.text("schema", string(a.Schema))
	j.text("version", a.Version)
	j.text("namespace", a.Namespace)
	p := &a.PolicyPublished
	j.object("policy_published")
	j.text("domain", p.Domain)
	j.text("discovery_method", p.DiscoveryMethod)
	j.text("p", p.P)
	j.text("sp", p.SP)
	j.text("np", p.NP)
	j.text("adkim", p.ADKIM)
	j.text("aspf", p.ASPF)
	j.optional("pct", wide(p.PCT))
	j.text("fo", p.FO)
	j.text("testing", p.Testing)
	j.endObject()
	j.texts("extensions", a.Extensions)
}

// record writes one record as an object that is left open, without what separates
// it from others.
// Nearly all bytes of an export come from here: it spells the shape out, with
// fewer and longer pieces than member by member.
func (j *jsonText) record(r *reports.Record) {
	e := &r.PolicyEvaluated
	j.b = append(j.b, '{')
	j.address("source_ip", r.SourceIP)
	j.number("count", r.Count)
	j.field(`,"policy_evaluated":{"disposition":`, e.Disposition)
	j.field(`,"dkim":`, e.DKIM)
	j.field(`,"spf":`, e.SPF)
	j.literal(`,"reasons":[`)
	for i := range e.Reasons {
		j.field(between(i, `{"type":`, `,{"type":`), e.Reasons[i].Type)
		j.field(`,"comment":`, e.Reasons[i].Comment)
		j.endObject()
	}
	j.field(`]},"dmarc":`, dmarcResult(r))
	j.field(`,"identifiers":{"header_from":`, r.Identifiers.HeaderFrom)
	j.field(`,"envelope_from":`, r.Identifiers.EnvelopeFrom)
	j.field(`,"envelope_to":`, r.Identifiers.EnvelopeTo)
	j.literal(`},"auth_results":{"dkim":[`)
	for i := range r.AuthResults.DKIM {
		d := &r.AuthResults.DKIM[i]
		j.field(between(i, `{"domain":`, `,{"domain":`), d.Domain)
		j.field(`,"selector":`, d.Selector)
		j.field(`,"result":`, d.Result)
		j.field(`,"human_result":`, d.HumanResult)
		j.endObject()
	}
	j.literal(`],"spf":[`)
	for i := range r.AuthResults.SPF {
		s := &r.AuthResults.SPF[i]
		j.field(between(i, `{"domain":`, `,{"domain":`), s.Domain)
		j.field(`,"scope":`, s.Scope)
		j.field(`,"result":`, s.Result)
		j.field(`,"human_result":`, s.HumanResult)
		j.endObject()
	}
	j.literal(`]}`)
	j.texts("extensions", r.Extensions)
}

// between chooses what begins an element of an array, the first or another.
func between(i int, first, other string) string {
	if i == 0 {
		return first
	}
	return other
}

// dmarcResult is pass, fail, or "" when the record tells neither of the aligned
// results.
func dmarcResult(r *reports.Record) string {
	switch {
	case r.DMARCPass():
		return "pass"
	case r.PolicyEvaluated.DKIM == "" && r.PolicyEvaluated.SPF == "":
		return ""
	}
	return "fail"
}

func wide(n *int) *int64 {
	if n == nil {
		return nil
	}
	w := int64(*n)
	return &w
}

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

// record writes one record as an object, without what separates it from others.
func (j *jsonText) record(r *reports.Record) {
	j.b = append(j.b, '{')
	j.address("source_ip", r.SourceIP)
	j.number("count", r.Count)
	e := &r.PolicyEvaluated
	j.object("policy_evaluated")
	j.text("disposition", e.Disposition)
	j.text("dkim", e.DKIM)
	j.text("spf", e.SPF)
	j.array("reasons")
	for i := range e.Reasons {
		j.element()
		j.text("type", e.Reasons[i].Type)
		j.text("comment", e.Reasons[i].Comment)
		j.endObject()
	}
	j.endArray()
	j.endObject()
	j.text("dmarc", dmarcResult(r))
	j.object("identifiers")
	j.text("header_from", r.Identifiers.HeaderFrom)
	j.text("envelope_from", r.Identifiers.EnvelopeFrom)
	j.text("envelope_to", r.Identifiers.EnvelopeTo)
	j.endObject()
	j.authResults(&r.AuthResults)
	j.texts("extensions", r.Extensions)
	j.endObject()
}

func (j *jsonText) authResults(a *reports.AuthResults) {
	j.object("auth_results")
	j.array("dkim")
	for i := range a.DKIM {
		j.element()
		j.text("domain", a.DKIM[i].Domain)
		j.text("selector", a.DKIM[i].Selector)
		j.text("result", a.DKIM[i].Result)
		j.text("human_result", a.DKIM[i].HumanResult)
		j.endObject()
	}
	j.endArray()
	j.array("spf")
	for i := range a.SPF {
		j.element()
		j.text("domain", a.SPF[i].Domain)
		j.text("scope", a.SPF[i].Scope)
		j.text("result", a.SPF[i].Result)
		j.text("human_result", a.SPF[i].HumanResult)
		j.endObject()
	}
	j.endArray()
	j.endObject()
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

package export

import "reportmx/reports"

// aggregate writes the columns of an aggregate report that all its records share.
func (r *row) aggregate(a *reports.Aggregate) {
	r.text("org_name", a.OrgName)
	r.text("email", a.Email)
	r.text("extra_contact_info", a.ExtraContactInfo)
	r.text("report_id", a.ReportID)
	r.moment("begin", a.Begin)
	r.moment("end", a.End)
	r.texts("errors", a.Errors)
	r.text("generator", a.Generator)
	r.text("report_schema", string(a.Schema))
	p := &a.PolicyPublished
	r.text("policy_domain", p.Domain)
	r.text("p", p.P)
	r.text("sp", p.SP)
	r.text("np", p.NP)
	r.text("adkim", p.ADKIM)
	r.text("aspf", p.ASPF)
	r.optional("pct", wide(p.PCT))
	r.text("fo", p.FO)
	r.text("testing", p.Testing)
	r.text("discovery_method", p.DiscoveryMethod)
}

// record writes the columns of one record.
func (r *row) record(rec *reports.Record) {
	e := &rec.PolicyEvaluated
	r.address("source_ip", rec.SourceIP)
	r.number("count", rec.Count)
	r.text("disposition", e.Disposition)
	r.text("dkim", e.DKIM)
	r.text("spf", e.SPF)
	r.text("dmarc", dmarcResult(rec))
	r.begin("reason_types")
	for i := range e.Reasons {
		r.item(e.Reasons[i].Type)
	}
	r.end()
	r.begin("reason_comments")
	for i := range e.Reasons {
		r.item(e.Reasons[i].Comment)
	}
	r.end()
	r.text("header_from", rec.Identifiers.HeaderFrom)
	r.text("envelope_from", rec.Identifiers.EnvelopeFrom)
	r.text("envelope_to", rec.Identifiers.EnvelopeTo)
	r.dkim(rec.AuthResults.DKIM)
	r.spf(rec.AuthResults.SPF)
}

func (r *row) dkim(list []reports.DKIMResult) {
	r.begin("dkim_domains")
	for i := range list {
		r.item(list[i].Domain)
	}
	r.end()
	r.begin("dkim_selectors")
	for i := range list {
		r.item(list[i].Selector)
	}
	r.end()
	r.begin("dkim_results")
	for i := range list {
		r.item(list[i].Result)
	}
	r.end()
	r.begin("dkim_human_results")
	for i := range list {
		r.item(list[i].HumanResult)
	}
	r.end()
}

func (r *row) spf(list []reports.SPFResult) {
	r.begin("spf_domains")
	for i := range list {
		r.item(list[i].Domain)
	}
	r.end()
	r.begin("spf_scopes")
	for i := range list {
		r.item(list[i].Scope)
	}
	r.end()
	r.begin("spf_results")
	for i := range list {
		r.item(list[i].Result)
	}
	r.end()
	r.begin("spf_human_results")
	for i := range list {
		r.item(list[i].HumanResult)
	}
	r.end()
}

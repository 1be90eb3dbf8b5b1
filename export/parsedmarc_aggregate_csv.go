package export

import (
	"strings"

	"reportmx/reports"
	"reportmx/storage"
)

// aggregate writes a row for each record or, of a long period, for each of its days.
func (e *parsedmarcCSV) aggregate(out *output, r *storage.Report) {
	a := r.Aggregate
	if r.Chunk == 0 {
		e.aggregateHead(a)
	}
	for i := range a.Records {
		e.days = appendStretches(e.days[:0], a, a.Records[i].Count)
		for _, day := range e.days {
			e.record(&a.Records[i], day)
			e.endRow(out)
		}
	}
}

// aggregateHead fills head and rest, with all columns that the rows of a report
// share, and leaves the row as it was.
func (e *parsedmarcCSV) aggregateHead(a *reports.Aggregate) {
	r, p := &e.row, &a.PolicyPublished
	start := len(r.b)
	r.text("xml_schema", parsedmarcSchema(a))
	r.text("org_name", baseName(a))
	r.text("org_email", a.Email)
	r.text("org_extra_contact_info", a.ExtraContactInfo)
	r.text("report_id", a.ReportID)
	middle := len(r.b)
	r.boolean("normalized_timespan", spansDays(a))
	r.splitTexts("errors", '|', a.Errors, "")
	r.text("domain", p.Domain)
	r.text("adkim", or(p.ADKIM, "r"))
	r.text("aspf", or(p.ASPF, "r"))
	r.text("p", p.P)
	r.text("sp", or(p.SP, p.P))
	r.text("np", p.NP)
	r.optional("pct", wide(p.PCT))
	r.text("fo", p.FO)
	r.text("testing", p.Testing)
	r.text("discovery_method", p.DiscoveryMethod)
	e.head = append(e.head[:0], r.b[start:middle]...)
	e.rest = append(e.rest[:0], r.b[middle:]...)
	r.b = r.b[:start]
}

// record writes a whole row: a record, or a day of it.
func (e *parsedmarcCSV) record(rec *reports.Record, day stretch) {
	r, p := &e.row, &rec.PolicyEvaluated
	r.b = append(r.b, e.head...)
	r.when("begin_date", day.begin)
	r.when("end_date", day.end)
	r.b = append(r.b, e.rest...)
	r.address("source_ip_address", rec.SourceIP)
	source := sourceOf(e.enricher, rec.SourceIP)
	r.enriched(&source)
	r.number("count", day.count)
	r.boolean("spf_aligned", p.SPF == "pass")
	r.boolean("dkim_aligned", p.DKIM == "pass")
	r.boolean("dmarc_aligned", rec.DMARCPass())
	r.text("disposition", or(p.Disposition, "none"))
	r.split("policy_override_reasons", ',')
	for i := range p.Reasons {
		r.item(or(p.Reasons[i].Type, "none"))
	}
	r.end()
	r.split("policy_override_comments", '|')
	for i := range p.Reasons {
		r.item(or(p.Reasons[i].Comment, "none"))
	}
	r.end()
	r.text("envelope_from", envelopeFrom(rec))
	r.text("header_from", strings.ToLower(rec.Identifiers.HeaderFrom))
	r.text("envelope_to", rec.Identifiers.EnvelopeTo)
	r.lowerDKIM(rec.AuthResults.DKIM)
	r.lowerSPF(rec.AuthResults.SPF)
}

// lower adds to a list in lower case, unless the result that it is of has no
// domain: parsedmarc passes those over.
func (r *row) lower(domain, s, absent string) {
	if domain != "" {
		r.item(strings.ToLower(or(s, absent)))
	}
}

func (r *row) lowerDKIM(list []reports.DKIMResult) {
	r.split("dkim_domains", ',')
	for i := range list {
		r.lower(list[i].Domain, list[i].Domain, "")
	}
	r.end()
	r.split("dkim_selectors", ',')
	for i := range list {
		r.lower(list[i].Domain, list[i].Selector, "none")
	}
	r.end()
	r.split("dkim_results", ',')
	for i := range list {
		r.lower(list[i].Domain, list[i].Result, "none")
	}
	r.end()
}

func (r *row) lowerSPF(list []reports.SPFResult) {
	r.split("spf_domains", ',')
	for i := range list {
		r.lower(list[i].Domain, list[i].Domain, "")
	}
	r.end()
	r.split("spf_scopes", ',')
	for i := range list {
		r.lower(list[i].Domain, list[i].Scope, "mfrom")
	}
	r.end()
	r.split("spf_results", ',')
	for i := range list {
		r.lower(list[i].Domain, list[i].Result, "none")
	}
	r.end()
}

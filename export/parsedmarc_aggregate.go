package export

import (
	"strconv"
	"strings"

	"reportmx/reports"
	"reportmx/storage"
)

// parsedmarcSchema is the version as written, or the word for the draft that had none.
func parsedmarcSchema(a *reports.Aggregate) string { return or(a.Version, "draft") }

// envelopeFrom is the envelope sender or, without one, the domain that SPF was
// last checked for.
func envelopeFrom(r *reports.Record) string {
	if n := len(r.AuthResults.SPF); r.Identifiers.EnvelopeFrom == "" && n > 0 {
		return strings.ToLower(r.AuthResults.SPF[n-1].Domain)
	}
	return r.Identifiers.EnvelopeFrom
}

// appendStretches gives the whole period, or its days.
func appendStretches(list []stretch, a *reports.Aggregate, count int64) []stretch {
	if spansDays(a) {
		return appendDays(list, a.Begin, a.End, count)
	}
	return append(list, stretch{a.Begin, a.End, count})
}

func (e *parsedmarcJSON) aggregate(out *output, r *storage.Report) {
	j, a := &e.json, r.Aggregate
	if r.Chunk == 0 {
		j.element()
		e.metadata(a)
		e.policy(&a.PolicyPublished)
		j.array("records")
	}
	for i := range a.Records {
		source := sourceOf(e.enricher, a.Records[i].SourceIP)
		e.days = appendStretches(e.days[:0], a, a.Records[i].Count)
		for _, day := range e.days {
			j.element()
			e.record(&a.Records[i], source, day.count)
			j.flag("normalized_timespan", spansDays(a))
			j.moment("interval_begin", day.begin, parsedmarcTime)
			j.moment("interval_end", day.end, parsedmarcTime)
			j.shut('}')
			j.b = out.spill(j.b)
		}
	}
	if r.Last {
		j.shut(']')
		j.shut('}')
	}
}

func (e *parsedmarcJSON) metadata(a *reports.Aggregate) {
	j := &e.json
	j.text("xml_schema", parsedmarcSchema(a))
	j.known("xml_namespace", a.Namespace)
	j.object("report_metadata")
	j.text("org_name", baseName(a))
	j.known("org_email", a.Email)
	j.known("org_extra_contact_info", a.ExtraContactInfo)
	j.text("report_id", a.ReportID)
	j.moment("begin_date", a.Begin, parsedmarcTime)
	j.moment("end_date", a.End, parsedmarcTime)
	j.flag("timespan_requires_normalization", longerThanDay(a))
	if a.Begin.IsZero() || a.End.IsZero() {
		j.null("original_timespan_seconds")
	} else {
		j.number("original_timespan_seconds", a.End.Unix()-a.Begin.Unix())
	}
	j.texts("errors", a.Errors)
	j.known("generator", a.Generator)
	j.shut('}')
}

func (e *parsedmarcJSON) policy(p *reports.PolicyPublished) {
	j := &e.json
	j.object("policy_published")
	j.text("domain", p.Domain)
	j.text("adkim", or(p.ADKIM, "r"))
	j.text("aspf", or(p.ASPF, "r"))
	j.known("p", p.P)
	j.known("sp", or(p.SP, p.P))
	if p.PCT == nil {
		j.null("pct")
	} else {
		j.text("pct", strconv.Itoa(*p.PCT))
	}
	j.known("fo", p.FO)
	j.known("np", p.NP)
	j.known("testing", p.Testing)
	j.known("discovery_method", p.DiscoveryMethod)
	j.shut('}')
}

// record writes the members of a record that its days share.
func (e *parsedmarcJSON) record(r *reports.Record, s Source, count int64) {
	j, p := &e.json, &r.PolicyEvaluated
	e.source(r.SourceIP, s)
	j.number("count", count)
	j.object("alignment")
	j.flag("spf", p.SPF == "pass")
	j.flag("dkim", p.DKIM == "pass")
	j.flag("dmarc", r.DMARCPass())
	j.shut('}')
	j.object("policy_evaluated")
	j.text("disposition", or(p.Disposition, "none"))
	j.text("dkim", or(p.DKIM, "fail"))
	j.text("spf", or(p.SPF, "fail"))
	j.array("policy_override_reasons")
	for i := range p.Reasons {
		j.element()
		j.known("type", p.Reasons[i].Type)
		j.known("comment", p.Reasons[i].Comment)
		j.shut('}')
	}
	j.shut(']')
	j.shut('}')
	j.object("identifiers")
	j.known("envelope_from", envelopeFrom(r))
	j.text("header_from", strings.ToLower(r.Identifiers.HeaderFrom))
	j.known("envelope_to", r.Identifiers.EnvelopeTo)
	j.shut('}')
	e.authResults(&r.AuthResults)
}

func (e *parsedmarcJSON) authResults(a *reports.AuthResults) {
	j := &e.json
	j.object("auth_results")
	j.array("dkim")
	for i := range a.DKIM {
		if d := &a.DKIM[i]; d.Domain != "" {
			e.authResult(d.Domain, "selector", or(d.Selector, "none"), d.Result, d.HumanResult)
		}
	}
	j.shut(']')
	j.array("spf")
	for i := range a.SPF {
		if s := &a.SPF[i]; s.Domain != "" {
			e.authResult(s.Domain, "scope", or(s.Scope, "mfrom"), s.Result, s.HumanResult)
		}
	}
	j.shut(']')
	j.shut('}')
}

// authResult writes one result; name is what else than the domain it was for.
func (e *parsedmarcJSON) authResult(domain, name, value, result, human string) {
	j := &e.json
	j.element()
	j.text("domain", domain)
	j.text(name, value)
	j.text("result", or(result, "none"))
	j.known("human_result", human)
	j.shut('}')
}

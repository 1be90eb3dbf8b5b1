package bolt

import "reportmx/reports"

// The fields of an aggregate report that are no strings. The numbers of records and
// of what is in them are only there to make room for them.
const (
	aggregateBegin      = 8
	aggregateEnd        = 9
	aggregateErrors     = 10
	aggregatePolicy     = 12
	aggregateExtensions = 13
	aggregateRecord     = 14
	aggregateRecords    = 15 // how many there are in this chunk
	aggregateReasons    = 16 // in all of them
	aggregateDKIM       = 17
	aggregateSPF        = 18
)

func aggregateTexts(a *reports.Aggregate) texts {
	return texts{
		1: (*string)(&a.Schema), 2: &a.Namespace, 3: &a.Version, 4: &a.OrgName, 5: &a.Email,
		6: &a.ExtraContactInfo, 7: &a.ReportID, 11: &a.Generator,
	}
}

func (w *writer) aggregate(field int, a *reports.Aggregate, records []reports.Record) {
	w.begin(field)
	w.texts(aggregateTexts(a))
	w.time(aggregateBegin, a.Begin)
	w.time(aggregateEnd, a.End)
	w.strings(aggregateErrors, a.Errors)
	w.begin(aggregatePolicy)
	w.texts(policyTexts(&a.PolicyPublished))
	if pct := a.PolicyPublished.PCT; pct != nil {
		v := int64(*pct)
		w.optional(policyPCT, &v)
	}
	w.end()
	w.strings(aggregateExtensions, a.Extensions)
	w.records(records)
	w.end()
}

func (r *reader) aggregate() *reports.Aggregate {
	a := &reports.Aggregate{}
	t := aggregateTexts(a)
	var l recordList
	for r.enter(); r.next(); {
		switch r.field {
		case aggregateBegin:
			a.Begin = r.time()
		case aggregateEnd:
			a.End = r.time()
		case aggregateErrors:
			a.Errors = append(a.Errors, r.string())
		case aggregatePolicy:
			r.policy(&a.PolicyPublished)
		case aggregateExtensions:
			a.Extensions = append(a.Extensions, r.string())
		default:
			if !r.text(t) && !l.read(r) {
				r.skip()
			}
		}
	}
	a.Records = l.records
	return a
}

const policyPCT = 8

func policyTexts(p *reports.PolicyPublished) texts {
	return texts{
		1: &p.Domain, 2: &p.DiscoveryMethod, 3: &p.P, 4: &p.SP, 5: &p.NP,
		6: &p.ADKIM, 7: &p.ASPF, 9: &p.FO, 10: &p.Testing,
	}
}

func (r *reader) policy(p *reports.PolicyPublished) {
	t := policyTexts(p)
	for r.enter(); r.next(); {
		switch {
		case r.field == policyPCT:
			v := int(r.signed())
			p.PCT = &v
		case !r.text(t):
			r.skip()
		}
	}
}

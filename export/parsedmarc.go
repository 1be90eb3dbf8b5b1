package export

import (
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"reportmx/reports"
	"reportmx/storage"
)

// The formats of parsedmarc 10.4, so that what reads its files reads ours: same
// columns, names, order, defaults and spelling. docs/exports.md lists where we
// differ and why, and TestParsedmarcDifferences holds each line of it. Nothing in these formats marks a report, so those that no sum may
// count (conflict, implausible) are left out.

// unmarked tells whether a format has no place for the marks of a report.
func (f Format) unmarked() bool {
	return f == FormatParsedmarcCSV || f == FormatParsedmarcJSON
}

func marked(r *storage.Report) bool { return r.Conflict || r.Implausible }

// parsedmarcTime is how parsedmarc spells times, here always in UTC.
const parsedmarcTime = "2006-01-02 15:04:05"

// parsedmarcJSON writes one array, indented as parsedmarc does.
type parsedmarcJSON struct {
	json     indentedJSON
	enricher Enricher
	days     []stretch // of the record at hand
}

func (e *parsedmarcJSON) begin(out *output) {
	e.json.b = out.buf
	e.json.open('[')
	out.buf = e.json.b
}

func (e *parsedmarcJSON) part(out *output, r *storage.Report) {
	e.json.b = out.buf
	switch r.Kind {
	case reports.KindFailure:
		e.failure(r.Failure)
	case reports.KindTLS:
		e.tls(r.TLS)
	default:
		e.aggregate(out, r)
	}
	e.json.b = out.spill(e.json.b)
}

func (e *parsedmarcJSON) end(out *output) {
	e.json.b = out.buf
	e.json.shut(']')
	out.buf = e.json.b
}

// source writes the object of an address.
func (e *parsedmarcJSON) source(ip netip.Addr, s Source) {
	j := &e.json
	j.object("source")
	j.address("ip_address", ip)
	j.known("reverse_dns", s.ReverseDNS)
	j.known("country", s.Country)
	j.known("base_domain", s.BaseDomain)
	j.known("name", s.Name)
	j.known("type", s.Type)
	j.optional("asn", s.asn())
	j.known("as_name", s.ASName)
	j.known("as_domain", s.ASDomain)
	j.shut('}')
}

// parsedmarcCSV writes rows. The row does the spelling and the guarding.
type parsedmarcCSV struct {
	kind     reports.Kind
	row      row
	enricher Enricher
	days     []stretch // of the record at hand
	head     []byte    // the cells before the dates that all rows of the open report share
	rest     []byte    // those after the dates
}

func (e *parsedmarcCSV) begin(out *output) {
	e.row.b, e.row.style = out.buf, styleNames
	switch e.kind {
	case reports.KindFailure:
		e.failure(&reports.Failure{})
	case reports.KindTLS:
		e.tlsRow(&reports.TLS{}, &reports.TLSPolicy{}, nil, &reports.TLSFailure{})
	default:
		e.aggregateHead(&reports.Aggregate{})
		e.record(&reports.Record{}, stretch{})
	}
	e.endRow(out)
	e.row.style = styleCSV
	out.buf = e.row.b
}

func (e *parsedmarcCSV) part(out *output, r *storage.Report) {
	e.row.b = out.buf
	switch e.kind {
	case reports.KindFailure:
		e.failure(r.Failure)
		e.endRow(out)
	case reports.KindTLS:
		e.tls(out, r.TLS)
	default:
		e.aggregate(out, r)
	}
	out.buf = e.row.b
}

func (e *parsedmarcCSV) end(*output) {}

func (e *parsedmarcCSV) endRow(out *output) {
	e.row.b = out.spill(append(e.row.b, "\r\n"...))
}

// first writes the first cell of a row, which must not vanish when it is empty.
func (r *row) first(column, s string) {
	r.text(column, s)
	if s == "" && r.style == styleCSV {
		r.b = append(r.b, `""`...)
	}
}

// boolean writes a truth as Python does.
func (r *row) boolean(column string, yes bool) {
	if yes {
		r.text(column, "True")
	} else {
		r.text(column, "False")
	}
}

// when writes a time as parsedmarc does, in UTC.
func (r *row) when(column string, t time.Time) {
	if r.open(column) && spellable(t) {
		r.b = t.UTC().AppendFormat(r.b, parsedmarcTime)
	}
}

// split begins a list whose elements sep separates; end closes it.
func (r *row) split(column string, sep byte) {
	r.sep = sep
	r.begin(column)
}

// splitTexts writes a whole list. What is empty becomes absent.
func (r *row) splitTexts(column string, sep byte, list []string, absent string) {
	r.split(column, sep)
	for _, s := range list {
		r.item(or(s, absent))
	}
	r.end()
}

func or(s, absent string) string {
	if s == "" {
		return absent
	}
	return s
}

// baseName is how parsedmarc groups reporting organizations: one that calls
// itself by a host name becomes its organizational domain, and one without a
// name the domain of its address.
func baseName(a *reports.Aggregate) string {
	name := a.OrgName
	if name == "" {
		name = a.Email[strings.LastIndexByte(a.Email, '@')+1:]
	}
	if strings.Contains(name, " ") {
		return name
	}
	if base, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(name)); err == nil {
		return base
	}
	return name
}

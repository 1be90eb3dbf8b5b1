package export

import (
	"fmt"
	"io"
)

// How the rows of a summary are told apart in CSV: a stranger may call itself
// "(others)".
const (
	summaryRowGroup  = "group"
	summaryRowOthers = "others"
)

// othersKey stands where the key of a group would.
const othersKey = "(others)"

// Write writes the summary as FormatTable, FormatCSV or FormatJSON. Of o only
// Format and RawCells matter.
func (s *Summary) Write(w io.Writer, o Options) error { return writeSummary(s, w, o) }

// summary is what both kinds of summary can be written as.
type summary interface {
	table(out *output)
	csv(out *output, r row)
	json(out *output)
}

func writeSummary(s summary, w io.Writer, o Options) error {
	out := &output{w: w}
	switch o.Format {
	case FormatTable:
		s.table(out)
	case FormatCSV:
		s.csv(out, row{style: styleCSV, raw: o.RawCells})
	case FormatJSON:
		s.json(out)
	default:
		return fmt.Errorf("%w for a summary: %q", ErrFormat, string(o.Format))
	}
	out.flush()
	return out.err
}

// csv writes the groups and, if there is one, the rest. It has no row for the
// total and none for what was left out: a sum over a column is the total.
func (s *Summary) csv(out *output, r row) {
	groups, rest := s.Groups()
	r.style = styleNames
	r.summary("", "", &Totals{})
	r.b = append(r.b, "\r\n"...)
	r.style = styleCSV
	for i := range groups {
		r.summary(summaryRowGroup, groups[i].Key, &groups[i].Totals)
		r.b = append(r.b, "\r\n"...)
		r.b = out.spill(r.b)
	}
	if rest.Groups > 0 {
		r.summary(summaryRowOthers, othersKey, &rest.Totals)
		r.b = append(r.b, "\r\n"...)
	}
	out.buf = r.b
}

func (r *row) summary(rowType, key string, t *Totals) {
	r.text("row", rowType)
	r.text("key", key)
	r.number("reports", t.Reports)
	r.number("messages", t.Messages)
	r.number("dmarc_pass", t.DMARCPass)
	r.number("dmarc_fail", t.DMARCFail)
	r.number("dkim_pass", t.DKIMPass)
	r.number("spf_pass", t.SPFPass)
	r.number("disposition_none", t.None)
	r.number("disposition_pass", t.Pass)
	r.number("disposition_quarantine", t.Quarantine)
	r.number("disposition_reject", t.Reject)
	r.number("disposition_other", t.Other)
	r.number("authenticated", t.Authenticated)
	r.moment("first_begin", t.FirstBegin)
	r.moment("last_begin", t.LastBegin)
}

// json writes one object, a group a line.
func (s *Summary) json(out *output) {
	groups, rest := s.Groups()
	j := jsonText{}
	j.b = append(j.b, '{')
	j.number("schema", SchemaVersion)
	j.text("kind", "summary")
	j.text("by", string(s.options.By))
	j.flag("all", s.options.All)
	j.array("groups")
	for i := range groups {
		if i > 0 {
			j.b = append(j.b, ',')
		}
		j.b = append(j.b, '\n', '{')
		j.text("key", groups[i].Key)
		j.totals(&groups[i].Totals)
		j.endObject()
		j.b = out.spill(j.b)
	}
	j.endArray()
	j.object("others")
	j.number("groups", int64(rest.Groups))
	j.totals(&rest.Totals)
	j.endObject()
	j.object("total")
	j.totals(&s.Total)
	j.endObject()
	j.object("left_out")
	j.number("reports", s.LeftOut.Reports)
	j.number("messages", s.LeftOut.Messages)
	j.endObject()
	j.flag("capped", s.Capped)
	j.flag("saturated", s.Saturated)
	out.buf = append(j.b, '}', '\n')
}

func (j *jsonText) totals(t *Totals) {
	j.number("reports", t.Reports)
	j.number("messages", t.Messages)
	j.number("dmarc_pass", t.DMARCPass)
	j.number("dmarc_fail", t.DMARCFail)
	j.number("dkim_pass", t.DKIMPass)
	j.number("spf_pass", t.SPFPass)
	j.object("disposition")
	j.number("none", t.None)
	j.number("pass", t.Pass)
	j.number("quarantine", t.Quarantine)
	j.number("reject", t.Reject)
	j.number("other", t.Other)
	j.endObject()
	j.number("authenticated", t.Authenticated)
	j.moment("first_begin", t.FirstBegin)
	j.moment("last_begin", t.LastBegin)
}

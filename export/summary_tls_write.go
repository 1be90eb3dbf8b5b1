package export

import (
	"fmt"
	"io"
	"strconv"
)

// Write writes the summary as FormatTable, FormatCSV or FormatJSON. Of o only
// Format and RawCells matter.
func (s *TLSSummary) Write(w io.Writer, o Options) error { return writeSummary(s, w, o) }

func (s *TLSSummary) csv(out *output, r row) {
	groups, rest := s.Groups()
	r.style = styleNames
	s.row(&r, "", "", &TLSTotals{})
	r.b = append(r.b, "\r\n"...)
	r.style = styleCSV
	for _, g := range groups {
		s.row(&r, summaryRowGroup, g.Key, &g.TLSTotals)
		r.b = append(r.b, "\r\n"...)
		r.b = out.spill(r.b)
	}
	if rest.Groups > 0 {
		s.row(&r, summaryRowOthers, othersKey, &rest.TLSTotals)
		r.b = append(r.b, "\r\n"...)
	}
	out.buf = r.b
}

func (s *TLSSummary) row(r *row, rowType, key string, t *TLSTotals) {
	r.text("row", rowType)
	r.text("key", key)
	r.number("reports", t.Reports)
	successful, failed, ofType := s.shown(t)
	if rowType == summaryRowOthers {
		ofType = nil
	}
	r.optional("successful", successful)
	r.optional("failed", failed)
	r.optional("failed_session_count", ofType)
	r.moment("first_begin", t.FirstBegin)
	r.moment("last_begin", t.LastBegin)
}

// shown gives what a group tells: the sessions of its policies, or by ByResultType
// those that failed so.
func (s *TLSSummary) shown(t *TLSTotals) (successful, failed, ofType *int64) {
	if s.options.By == ByResultType {
		return nil, nil, &t.FailedOfType
	}
	return &t.Successful, &t.Failed, nil
}

// json writes one object, a group a line.
func (s *TLSSummary) json(out *output) {
	groups, rest := s.Groups()
	j := jsonText{}
	j.b = append(j.b, '{')
	j.number("schema", SchemaVersion)
	j.text("kind", "tls_summary")
	j.text("by", string(s.options.By))
	j.flag("all", s.options.All)
	j.array("groups")
	for i, g := range groups {
		if i > 0 {
			j.b = append(j.b, ',')
		}
		j.b = append(j.b, '\n', '{')
		j.text("key", g.Key)
		successful, failed, ofType := s.shown(&g.TLSTotals)
		j.tlsTotals(&g.TLSTotals, successful, failed, ofType)
		j.endObject()
		j.b = out.spill(j.b)
	}
	j.endArray()
	j.object("others")
	j.number("groups", int64(rest.Groups))
	successful, failed, _ := s.shown(&rest.TLSTotals)
	j.tlsTotals(&rest.TLSTotals, successful, failed, nil)
	j.endObject()
	j.object("total")
	j.tlsTotals(&s.Total, &s.Total.Successful, &s.Total.Failed, nil)
	j.endObject()
	j.object("left_out")
	j.number("reports", s.LeftOut.Reports)
	j.number("successful", s.LeftOut.Successful)
	j.number("failed", s.LeftOut.Failed)
	j.endObject()
	j.flag("capped", s.Capped)
	j.flag("saturated", s.Saturated)
	out.buf = append(j.b, '}', '\n')
}

func (j *jsonText) tlsTotals(t *TLSTotals, successful, failed, ofType *int64) {
	j.number("reports", t.Reports)
	j.optional("successful", successful)
	j.optional("failed", failed)
	j.optional("failed_session_count", ofType)
	j.moment("first_begin", t.FirstBegin)
	j.moment("last_begin", t.LastBegin)
}

// tlsTableNames head the columns of a table, besides the first.
var tlsTableNames = []string{"reports", "successful", "failed", "failed%", "failed_sessions", "first", "last"}

func (s *TLSSummary) table(out *output) {
	groups, rest := s.Groups()
	writeTable(out, len(tlsTableNames)+1, func(line func([]string)) { s.lines(groups, rest, line) })
	out.notes(s.notes())
}

func (s *TLSSummary) lines(groups []*TLSGroup, rest TLSRest, line func([]string)) {
	line(append([]string{string(s.options.By)}, tlsTableNames...))
	for _, g := range groups {
		successful, failed, ofType := s.shown(&g.TLSTotals)
		line(tlsLine(shortened(g.Key), &g.TLSTotals, successful, failed, ofType))
	}
	if rest.Groups > 0 {
		successful, failed, _ := s.shown(&rest.TLSTotals)
		line(tlsLine(othersKey, &rest.TLSTotals, successful, failed, nil))
	}
	line(tlsLine("(total)", &s.Total, &s.Total.Successful, &s.Total.Failed, nil))
}

func tlsLine(key string, t *TLSTotals, successful, failed, ofType *int64) []string {
	line := []string{key, strconv.FormatInt(t.Reports, 10), numberOr(successful), numberOr(failed)}
	share := "-"
	if successful != nil && failed != nil {
		all := *successful
		grow(&all, *failed)
		share = percent(*failed, all)
	}
	return append(line, share, numberOr(ofType), day(t.FirstBegin), day(t.LastBegin))
}

// numberOr spells a number, or that there is none.
func numberOr(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}

func (s *TLSSummary) notes() []string {
	var notes []string
	if s.LeftOut.Reports > 0 {
		notes = append(notes, fmt.Sprintf("left out: %d reports with %d successful and %d failed sessions, marked conflict or implausible",
			s.LeftOut.Reports, s.LeftOut.Successful, s.LeftOut.Failed))
	}
	return append(notes, boundNotes(s.Capped, s.Saturated)...)
}

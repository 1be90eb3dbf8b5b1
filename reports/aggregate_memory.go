package reports

import (
	"slices"
	"strings"
)

// aggregateMemory is where an aggregate report takes its memory from: at once for many
// texts, and for all the lists of some records, as there are some ten of them in a record.
// What the report does not keep is used for the next one.
type aggregateMemory struct {
	texts  map[string]string // what repeats from record to record, each once
	text   strings.Builder   // the piece that new texts are cut from
	record Record            // being read, in lists that are used again

	// The records that were read and are not in the report yet, and the lists of all of
	// them, one behind the other.
	records []Record
	reasons []Reason
	dkim    []DKIMResult
	spf     []SPFResult
}

// The sizes of the pieces of text: they begin small, since most reports are, and double.
const firstTextPiece, maxTextPiece = 256, 4096 // bytes

// maxGathered is the most records, reasons or results that wait for the report to take them
// all, but for the lists of a record, which stay together.
const maxGathered = 64

// maxTextsKept and maxListKept are the longest that are emptied and used again.
const maxTextsKept, maxListKept = 1000, 4 * maxGathered

// long tells whether the report made something too long to be used again.
func (m *aggregateMemory) long() bool {
	lists := max(cap(m.reasons), cap(m.dkim), cap(m.spf))
	return lists > maxListKept || len(m.texts) > maxTextsKept
}

// forget gives up what the report has.
func (m *aggregateMemory) forget() {
	m.begin()
	clear(m.texts)
	*m = aggregateMemory{
		texts:   m.texts,
		record:  m.record,
		records: emptied(m.records),
		reasons: emptied(m.reasons),
		dkim:    emptied(m.dkim),
		spf:     emptied(m.spf),
	}
}

// begin begins a record, in the lists of the last one.
func (m *aggregateMemory) begin() {
	p, r := &m.record.PolicyEvaluated, &m.record.AuthResults
	m.record = Record{
		PolicyEvaluated: PolicyEvaluated{Reasons: emptied(p.Reasons)},
		AuthResults:     AuthResults{DKIM: emptied(r.DKIM), SPF: emptied(r.SPF)},
	}
}

// emptied returns a list without its items.
func emptied[T any](list []T) []T {
	clear(list)
	return list[:0]
}

// string returns text in memory of the report.
func (m *aggregateMemory) string(text []byte) string {
	if free := m.text.Cap() - m.text.Len(); free < len(text) {
		size := max(firstTextPiece, min(2*m.text.Cap(), maxTextPiece), len(text))
		m.text.Reset()
		m.text.Grow(size)
	}
	start := m.text.Len()
	m.text.Write(text)
	return m.text.String()[start:]
}

// gather puts the record that was read to those that wait, and begins another one. It
// tells whether there is no room for more.
func (m *aggregateMemory) gather() (full bool) {
	p, r := &m.record.PolicyEvaluated, &m.record.AuthResults
	m.records = append(m.records, m.record)
	m.reasons = append(m.reasons, p.Reasons...)
	m.dkim = append(m.dkim, r.DKIM...)
	m.spf = append(m.spf, r.SPF...)
	m.begin()
	return max(len(m.records), len(m.reasons), len(m.dkim), len(m.spf)) >= maxGathered
}

// appendTo appends the records that wait to list, with copies of their lists.
func (m *aggregateMemory) appendTo(list []Record) []Record {
	reasons, dkim, spf := slices.Clone(m.reasons), slices.Clone(m.dkim), slices.Clone(m.spf)
	for i := range m.records {
		p, r := &m.records[i].PolicyEvaluated, &m.records[i].AuthResults
		p.Reasons, reasons = cut(reasons, len(p.Reasons))
		r.DKIM, dkim = cut(dkim, len(r.DKIM))
		r.SPF, spf = cut(spf, len(r.SPF))
	}
	if list == nil {
		list = slices.Clone(m.records)
	} else {
		list = append(list, m.records...)
	}
	m.records, m.reasons, m.dkim, m.spf = emptied(m.records), emptied(m.reasons), emptied(m.dkim), emptied(m.spf)
	return list
}

// cut cuts n items from the start of a list; no items are nil.
func cut[T any](list []T, n int) (first, rest []T) {
	if n == 0 {
		return nil, list
	}
	return list[:n:n], list[n:]
}

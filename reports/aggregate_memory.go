package reports

import "strings"

// aggregateMemory is where an aggregate report takes its memory from: in pieces
// for many texts and results at once, as there are some ten of them in a record.
// The pieces belong to the report; the rest is used for the next one.
type aggregateMemory struct {
	texts  map[string]string // what repeats from record to record, each once
	text   strings.Builder   // the piece that new texts are cut from
	record Record            // being read, in lists that are used again
	reason []Reason
	dkim   []DKIMResult
	spf    []SPFResult
}

// The sizes of the pieces: they begin small, since most reports are, and double.
const (
	firstTextPiece, maxTextPiece = 256, 4096 // bytes
	firstListPiece, maxListPiece = 4, 64     // results or reasons
	maxRecordsAhead              = 256
)

// maxTextsKept is the largest table of texts that is emptied and used again.
const maxTextsKept = 1000

// forget gives the pieces up.
func (m *aggregateMemory) forget() {
	m.record = m.emptied()
	clear(m.texts)
	*m = aggregateMemory{texts: m.texts, record: m.record}
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

// finished returns the record that was read, with its lists in memory of the
// report.
func (m *aggregateMemory) finished() Record {
	r := m.record
	r.PolicyEvaluated.Reasons = cut(&m.reason, r.PolicyEvaluated.Reasons)
	r.AuthResults.DKIM = cut(&m.dkim, r.AuthResults.DKIM)
	r.AuthResults.SPF = cut(&m.spf, r.AuthResults.SPF)
	m.record = m.emptied()
	return r
}

// emptied returns an empty record with the lists of the last one.
func (m *aggregateMemory) emptied() Record {
	p, r := &m.record.PolicyEvaluated, &m.record.AuthResults
	clear(p.Reasons)
	clear(r.DKIM)
	clear(r.SPF)
	return Record{
		PolicyEvaluated: PolicyEvaluated{Reasons: p.Reasons[:0]},
		AuthResults:     AuthResults{DKIM: r.DKIM[:0], SPF: r.SPF[:0]},
	}
}

// cut returns a copy of list, cut from piece or from a new one.
func cut[T any](piece *[]T, list []T) []T {
	if len(list) == 0 {
		return nil
	}
	if cap(*piece)-len(*piece) < len(list) {
		size := max(firstListPiece, min(2*cap(*piece), maxListPiece), len(list))
		*piece = make([]T, 0, size)
	}
	start := len(*piece)
	*piece = append(*piece, list...)
	return (*piece)[start:len(*piece):len(*piece)]
}

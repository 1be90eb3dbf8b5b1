package bolt

import (
	"reportmx/reports"
	"reportmx/storage"
)

// The fields of a record. Reports are made of these: they are read and written
// without a table.
const (
	recordSourceIP = 1 + iota
	recordCount
	recordDisposition
	recordDKIM
	recordSPF
	recordReason
	recordHeaderFrom
	recordEnvelopeFrom
	recordEnvelopeTo
	recordAuthDKIM
	recordAuthSPF
	recordExtension
)

// records writes the records of one chunk.
func (w *writer) records(records []reports.Record) {
	var reasons, dkim, spf int
	for i := range records {
		r := &records[i]
		reasons += len(r.PolicyEvaluated.Reasons)
		dkim += len(r.AuthResults.DKIM)
		spf += len(r.AuthResults.SPF)
	}
	w.number(aggregateRecords, uint64(len(records)))
	w.number(aggregateReasons, uint64(reasons))
	w.number(aggregateDKIM, uint64(dkim))
	w.number(aggregateSPF, uint64(spf))
	for i := range records {
		w.record(&records[i])
	}
}

func (w *writer) record(r *reports.Record) {
	w.begin(aggregateRecord)
	w.addr(recordSourceIP, r.SourceIP)
	w.signed(recordCount, r.Count)
	w.string(recordDisposition, r.PolicyEvaluated.Disposition)
	w.string(recordDKIM, r.PolicyEvaluated.DKIM)
	w.string(recordSPF, r.PolicyEvaluated.SPF)
	for i := range r.PolicyEvaluated.Reasons {
		v := &r.PolicyEvaluated.Reasons[i]
		w.short(recordReason, v.Type, v.Comment, "", "")
	}
	w.string(recordHeaderFrom, r.Identifiers.HeaderFrom)
	w.string(recordEnvelopeFrom, r.Identifiers.EnvelopeFrom)
	w.string(recordEnvelopeTo, r.Identifiers.EnvelopeTo)
	for i := range r.AuthResults.DKIM {
		v := &r.AuthResults.DKIM[i]
		w.short(recordAuthDKIM, v.Domain, v.Selector, v.Result, v.HumanResult)
	}
	for i := range r.AuthResults.SPF {
		v := &r.AuthResults.SPF[i]
		w.short(recordAuthSPF, v.Domain, v.Scope, v.Result, v.HumanResult)
	}
	w.strings(recordExtension, r.Extensions)
	w.end()
}

// recordList gathers records. What is in them stands in few blocks of memory, not
// in one for each record.
type recordList struct {
	records []reports.Record
	reasons []reports.Reason
	dkim    []reports.DKIMResult
	spf     []reports.SPFResult
}

// records reads a chunk that has nothing else in it.
func (r *reader) records() []reports.Record {
	var l recordList
	for r.next() {
		if !l.read(r) {
			r.skip()
		}
	}
	return l.records
}

// read reads the field if it belongs to the records, and tells whether it does.
func (l *recordList) read(r *reader) bool {
	switch r.field {
	case aggregateRecord:
		l.records = extend(l.records)
		l.record(r, &l.records[len(l.records)-1])
	case aggregateRecords:
		l.records = make([]reports.Record, 0, min(r.room(r.number()), storage.ChunkRecords))
	case aggregateReasons:
		l.reasons = make([]reports.Reason, 0, r.room(r.number()))
	case aggregateDKIM:
		l.dkim = make([]reports.DKIMResult, 0, r.room(r.number()))
	case aggregateSPF:
		l.spf = make([]reports.SPFResult, 0, r.room(r.number()))
	default:
		return false
	}
	return true
}

func (l *recordList) record(r *reader, to *reports.Record) {
	reasons, dkim, spf := len(l.reasons), len(l.dkim), len(l.spf)
	for r.enter(); r.next(); {
		switch r.field {
		case recordSourceIP:
			to.SourceIP = r.addr()
		case recordCount:
			to.Count = r.signed()
		case recordDisposition:
			to.PolicyEvaluated.Disposition = r.string()
		case recordDKIM:
			to.PolicyEvaluated.DKIM = r.string()
		case recordSPF:
			to.PolicyEvaluated.SPF = r.string()
		case recordReason:
			l.reasons = extend(l.reasons)
			v := &l.reasons[len(l.reasons)-1]
			r.short(&v.Type, &v.Comment, nil, nil)
		case recordHeaderFrom:
			to.Identifiers.HeaderFrom = r.string()
		case recordEnvelopeFrom:
			to.Identifiers.EnvelopeFrom = r.string()
		case recordEnvelopeTo:
			to.Identifiers.EnvelopeTo = r.string()
		case recordAuthDKIM:
			l.dkim = extend(l.dkim)
			v := &l.dkim[len(l.dkim)-1]
			r.short(&v.Domain, &v.Selector, &v.Result, &v.HumanResult)
		case recordAuthSPF:
			l.spf = extend(l.spf)
			v := &l.spf[len(l.spf)-1]
			r.short(&v.Domain, &v.Scope, &v.Result, &v.HumanResult)
		case recordExtension:
			to.Extensions = append(to.Extensions, r.string())
		default:
			r.skip()
		}
	}
	to.PolicyEvaluated.Reasons = tail(l.reasons, reasons)
	to.AuthResults.DKIM = tail(l.dkim, dkim)
	to.AuthResults.SPF = tail(l.spf, spf)
}

// extend adds a zero element. Where there is room it is zero already: these lists
// never become shorter.
func extend[T any](list []T) []T {
	if len(list) < cap(list) {
		return list[:len(list)+1]
	}
	var zero T
	return append(list, zero)
}

// tail gives what has been added to a list since it had so many elements, nil for
// nothing; appending to it does not touch the list.
func tail[T any](list []T, from int) []T {
	if from == len(list) {
		return nil
	}
	return list[from:len(list):len(list)]
}

package storage

import (
	"errors"
	"time"

	"reportmx/reports"
)

var (
	// ErrHoldFull: the hold is at its quota, and all in it that is older was sent by
	// authenticated senders.
	ErrHoldFull = errors.New("the hold is full")
	// ErrOtherReport: what was to replace a report is not the same report.
	ErrOtherReport = errors.New("not the same report")
	// ErrRemoved: a report of several parts was removed, or replaced, while it was
	// being read.
	ErrRemoved = errors.New("report was removed while it was read")
)

// Removal chooses what is removed for good: reports of one kind with the messages
// that they came in, or messages alone, or what is in the hold.
type Removal struct {
	What   What
	Before time.Time // what arrived before; zero: whenever
	// Target restricts a removal of reports to those about this domain and below
	// it. The message that such a report came in goes too, also when it held a
	// report about another domain, which stays.
	Target string
	// Enough ends the search: when many things in a row arrived after it, what follows is
	// not looked at. It is after Before; zero: all is looked at.
	Enough time.Time
	// KeepFrom spares sequence numbers from this one on: they have yet to be
	// exported. 0 spares none.
	KeepFrom uint64
	// Count only counts; nothing is removed.
	Count bool
}

// What is a sort of things that can be removed.
type What string

// The sorts. RawMessages are those of aggregate and TLS reports; the message of a
// failure report goes with it.
const (
	AggregateReports What = What(reports.KindAggregate)
	FailureReports   What = What(reports.KindFailure)
	TLSReports       What = What(reports.KindTLS)
	RawMessages      What = "raw"
	HeldMessages     What = "held"
)

// Chosen tells whether a removal without a target takes what arrived then under
// this number.
func (r *Removal) Chosen(seq uint64, arrived time.Time) bool {
	return (r.KeepFrom == 0 || seq < r.KeepFrom) && (r.Before.IsZero() || arrived.Before(r.Before))
}

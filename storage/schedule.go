package storage

import (
	"errors"
	"time"

	"reportmx/reports"
)

// ErrNotPending: a range was confirmed that is not the pending one of its schedule.
var ErrNotPending = errors.New("not the pending range of this schedule")

// Period says what one run of a schedule exports.
type Period string

// The periods. All but the first are the last whole ones that have ended, by the
// begin of reports, in UTC; weeks begin on Monday.
const (
	PeriodArrived Period = "arrived" // what has arrived since the last run
	PeriodDay     Period = "day"
	PeriodWeek    Period = "week"
	PeriodMonth   Period = "month"
)

// Before gives the beginning of the period that t is in.
func (p Period) Before(t time.Time) time.Time {
	year, month, day := t.UTC().Date()
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	switch p {
	case PeriodWeek:
		return midnight.AddDate(0, 0, -(int(midnight.Weekday())+6)%7)
	case PeriodMonth:
		return midnight.AddDate(0, 0, 1-day)
	}
	return midnight
}

// Next gives the beginning of the period after the one that begins at t.
func (p Period) Next(t time.Time) time.Time {
	switch p {
	case PeriodWeek:
		return t.AddDate(0, 0, 7)
	case PeriodMonth:
		return t.AddDate(0, 1, 0)
	}
	return t.AddDate(0, 0, 1)
}

// Schedule is a scheduled export as far as an engine minds it.
type Schedule struct {
	Name   string
	Kind   reports.Kind
	Period Period
}

// Range is what one run exports: the reports with the sequence numbers From to To,
// both included; of a whole period those of them whose begin is in it.
type Range struct {
	From, To     uint64
	Since, Until time.Time // half open; zero for what has arrived
}

// Cursor is how far a schedule has come.
type Cursor struct {
	Schedule
	// Passed: reports up to this sequence number have been exported, or never will
	// be. Retention keeps all above.
	Passed uint64
	// Pending was begun and is not confirmed; nil when there is none.
	Pending *Range
	// Ended is the end of the last period that was exported, zero before the first.
	Ended time.Time
	// Retired: the configuration no longer has this schedule. It is remembered, so
	// that it goes on where it was when it comes back, and keeps no report.
	Retired bool
}

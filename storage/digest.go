package storage

import (
	"net/netip"
	"slices"
	"time"

	"reportmx/reports"
)

// Digest is what a summary and the filters of a Query need of one part of an
// aggregate report. It comes in parts as the report does.
type Digest struct {
	Seq           uint64
	ReceivedAt    time.Time // UTC
	Begin         time.Time // of the report, UTC; zero when it names none
	Authenticated bool      // sender authentication of the message passed
	Conflict      bool
	Implausible   bool
	PolicyDomain  string // as reports.NormalDomain spells it
	OrgName       string // as it stands in the report

	Chunk int
	Last  bool
	Rows  []DigestRow // one for each record, in the order of the report
}

// DigestRow is what a Digest has of one record.
type DigestRow struct {
	SourceIP    netip.Addr
	Count       int64 // as reported: negative in an implausible report only
	DKIM, SPF   bool  // the aligned result is pass
	Disposition Disposition
}

// Disposition is what was done to the messages of a record.
type Disposition uint8

// The dispositions. The numbers stand in files and must never change.
const (
	DispositionOther Disposition = iota // absent, or a word that is none of the others
	DispositionNone
	DispositionPass
	DispositionQuarantine
	DispositionReject
)

// Equal tells whether two digests say the same.
func (d *Digest) Equal(e *Digest) bool {
	return d.Seq == e.Seq && d.Chunk == e.Chunk && d.Last == e.Last &&
		d.ReceivedAt.Equal(e.ReceivedAt) && d.Begin.Equal(e.Begin) &&
		d.Authenticated == e.Authenticated && d.Conflict == e.Conflict && d.Implausible == e.Implausible &&
		d.PolicyDomain == e.PolicyDomain && d.OrgName == e.OrgName && slices.Equal(d.Rows, e.Rows)
}

// DispositionOf gives the disposition of a word in a report.
func DispositionOf(word string) Disposition {
	switch word {
	case "none":
		return DispositionNone
	case "pass":
		return DispositionPass
	case "quarantine":
		return DispositionQuarantine
	case "reject":
		return DispositionReject
	}
	return DispositionOther
}

// DMARCPass tells whether one of the two aligned results is pass.
func (r *DigestRow) DMARCPass() bool { return r.DKIM || r.SPF }

// DigestOf makes the digest of one part of an aggregate report. This is the one
// place that says what is in a digest.
func DigestOf(r *Report) *Digest {
	d := &Digest{
		Seq:           r.Seq,
		ReceivedAt:    r.Message.ReceivedAt,
		Begin:         r.Aggregate.Begin,
		Authenticated: r.Message.Sender.Result == "pass",
		Conflict:      r.Conflict,
		Implausible:   r.Implausible,
		PolicyDomain:  reports.NormalDomain(r.Aggregate.PolicyPublished.Domain),
		OrgName:       r.Aggregate.OrgName,
		Chunk:         r.Chunk,
		Last:          r.Last,
	}
	d.Rows = AppendDigestRows(make([]DigestRow, 0, len(r.Aggregate.Records)), r.Aggregate.Records)
	return d
}

// AppendDigestRows appends the rows of records.
func AppendDigestRows(rows []DigestRow, records []reports.Record) []DigestRow {
	for i := range records {
		r := &records[i]
		rows = append(rows, DigestRow{
			SourceIP:    r.SourceIP,
			Count:       r.Count,
			DKIM:        r.PolicyEvaluated.DKIM == "pass",
			SPF:         r.PolicyEvaluated.SPF == "pass",
			Disposition: DispositionOf(r.PolicyEvaluated.Disposition),
		})
	}
	return rows
}

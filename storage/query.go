package storage

import (
	"strings"
	"time"

	"reportmx/reports"
)

// Matches tells whether r is among the reports that q asks for. Engines use
// indexes to find candidates and this to decide, so that all agree.
func (q *Query) Matches(r *Report) bool {
	return (q.Kind == "" || q.Kind == r.Kind) &&
		q.fits(r.Seq, PeriodStart(r), r.Message.ReceivedAt) &&
		(!q.Authenticated || r.Message.Sender.Result == "pass") &&
		(q.OrgName == "" || sameOrg(q.OrgName, r.OrgName())) &&
		(q.Target == "" || aboutTarget(r.PolicyDomains(), q.Target))
}

// MatchesDigest tells the same of the report of a digest. Its rows do not matter.
func (q *Query) MatchesDigest(d *Digest) bool {
	return (q.Kind == "" || q.Kind == reports.KindAggregate) &&
		q.fits(d.Seq, periodStart(d.Begin, d.ReceivedAt), d.ReceivedAt) &&
		(!q.Authenticated || d.Authenticated) &&
		(q.OrgName == "" || sameOrg(q.OrgName, d.OrgName)) &&
		(q.Target == "" || aboutTarget([]string{d.PolicyDomain}, q.Target))
}

// fits tells whether number and times are among those that q asks for.
func (q *Query) fits(seq uint64, start, arrived time.Time) bool {
	return seq > q.After && within(start, q.Since, q.Until) && within(arrived, q.ArrivedSince, q.ArrivedUntil)
}

// PeriodStart is the time by which Query.Since and Query.Until place a report:
// its begin or, when it names none, its arrival, so that it is in some period.
func PeriodStart(r *Report) time.Time {
	return periodStart(r.Begin(), r.Message.ReceivedAt)
}

func periodStart(begin, arrived time.Time) time.Time {
	if begin.IsZero() {
		return arrived
	}
	return begin
}

func within(t, since, until time.Time) bool {
	return (since.IsZero() || !t.Before(since)) && (until.IsZero() || t.Before(until))
}

func sameOrg(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// aboutTarget tells whether one of the domains is the target or below it. A report
// may name none: "".
func aboutTarget(domains []string, target string) bool {
	target = reports.NormalDomain(target)
	for _, d := range domains {
		if d != "" && (d == target || strings.HasSuffix(d, "."+target)) {
			return true
		}
	}
	return false
}

package storage

import (
	"strings"
	"time"

	"reportmx/reports"
)

// Matches tells whether r is among the reports that q asks for. Engines use
// indexes to find candidates and this to decide, so that all agree.
func (q *Query) Matches(r *Report) bool {
	at := r.Message.ReceivedAt
	switch {
	case r.Seq <= q.After:
	case q.Kind != "" && q.Kind != r.Kind:
	case !within(PeriodStart(r), q.Since, q.Until):
	case !within(at, q.ArrivedSince, q.ArrivedUntil):
	case q.OrgName != "" && !sameOrg(q.OrgName, r.OrgName()):
	case q.Authenticated && r.Message.Sender.Result != "pass":
	case q.Target != "" && !aboutTarget(&r.Report, q.Target):
	default:
		return true
	}
	return false
}

// PeriodStart is the time by which Query.Since and Query.Until place a report:
// its begin or, when it names none, its arrival, so that it is in some period.
func PeriodStart(r *Report) time.Time {
	if begin := r.Begin(); !begin.IsZero() {
		return begin
	}
	return r.Message.ReceivedAt
}

func within(t, since, until time.Time) bool {
	return (since.IsZero() || !t.Before(since)) && (until.IsZero() || t.Before(until))
}

func sameOrg(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

func aboutTarget(r *reports.Report, target string) bool {
	target = reports.NormalDomain(target)
	for _, d := range r.PolicyDomains() {
		if d == target || strings.HasSuffix(d, "."+target) {
			return true
		}
	}
	return false
}

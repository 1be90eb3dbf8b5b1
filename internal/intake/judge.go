package intake

import (
	"fmt"
	"slices"
	"time"

	"reportmx/internal/dmarcdns"
	"reportmx/internal/mailauth"
	"reportmx/reports"
	"reportmx/smtpd"
	"reportmx/storage"
)

// Policy is what the configuration asks of the judge.
type Policy struct {
	Authorization AuthorizationMode
	OnFail        OnFail
}

// AuthorizationMode says what a missing external authorization leads to.
type AuthorizationMode string

// The modes of authorization.mode.
const (
	Observe AuthorizationMode = "observe" // kept with the report, nothing more
	Enforce AuthorizationMode = "enforce" // missing: refused; unknown: deferred
	Off     AuthorizationMode = "off"     // never asked
)

// OnFail says what happens to reports whose sender did not authenticate.
type OnFail string

// The values of sender.on_fail.
const (
	Accept OnFail = "accept"
	Hold   OnFail = "hold"
	Reject OnFail = "reject"
)

// facts is all that the judge knows of a message.
type facts struct {
	Found        reports.Found
	Source       storage.Source
	ReceivedAt   time.Time
	Postmaster   bool             // a recipient is postmaster or abuse
	Retried      bool             // it comes out of the hold
	Sender       mailauth.Verdict // "" when not evaluated
	SenderReason string           // why Sender is not pass
	Domains      map[string]domainFacts
}

// domainFacts is what is known of one policy domain.
type domainFacts struct {
	Served        bool
	Target        string // the configured target that is this domain or above it
	Asked         bool   // it is served, and its authorization matters
	Authorization dmarcdns.Authorization
	Record        string // name of the authorization record, for the reply
}

// verdict is what becomes of a message or of one of its reports.
type verdict string

const (
	store  verdict = "store"
	hold   verdict = "hold"
	reject verdict = "reject"
	refer  verdict = "defer" // defer is a word of Go
)

// ruling is a verdict with its reason: code from a closed set for metrics and the
// hold, reply for the sending server, reason for people.
type ruling struct {
	Verdict verdict
	Code    string
	Reason  string
	Reply   smtpd.Reply
}

// judgement is what becomes of a message: a ruling for each report, in order, and
// one for each thing that is not a report.
type judgement struct {
	Reports []ruling
	Others  []ruling
}

// first gives the first ruling with a verdict.
func (j judgement) first(v verdict) (ruling, bool) {
	for _, list := range [][]ruling{j.Reports, j.Others} {
		if i := slices.IndexFunc(list, func(r ruling) bool { return r.Verdict == v }); i >= 0 {
			return list[i], true
		}
	}
	return ruling{}, false
}

// maxReceived is how many Received lines a message may have before it is taken for
// a loop (RFC 5321 §6.3 asks for at least 100).
const maxReceived = 100

// judge applies the table "Verdicts" of the design. It is pure: facts and policy
// in, rulings out.
func judge(f facts, p Policy) judgement {
	var j judgement
	if f.Found.Header.Received > maxReceived {
		j.Others = []ruling{{reject, "loop", "the message has too many Received lines", replyLoop}}
		j.Reports = slices.Repeat(j.Others, len(f.Found.Reports))
		return j
	}
	for i := range f.Found.Reports {
		j.Reports = append(j.Reports, judgeReport(&f.Found.Reports[i], f, p))
	}
	for _, u := range f.Found.Unreadable {
		r := ruling{Verdict: hold, Code: u.Code, Reason: reasonOf(u), Reply: replyHeld}
		j.Others = append(j.Others, judgeSender(r, f, p))
	}
	if len(j.Reports)+len(j.Others) > 0 {
		return j
	}
	if n := len(f.Found.OtherFeedback); n > 0 {
		kind := f.Found.OtherFeedback[0]
		j.Others = append(j.Others, ruling{reject, "other_feedback", "feedback report of type " + kind, replyOtherFeedback})
		return j
	}
	j.Others = append(j.Others, ruling{reject, "no_report", "nothing in the message looks like a report", replyNoReport})
	return j
}

func reasonOf(u reports.Unreadable) string {
	if u.Part == "" {
		return u.Reason
	}
	return u.Part + ": " + u.Reason
}

// judgeReport is a straight list: may we have it, may they send it, who are they.
func judgeReport(r *reports.Report, f facts, p Policy) ruling {
	domains := r.PolicyDomains()
	if len(domains) == 0 {
		return judgeSender(ruling{hold, "no_policy_domain", "the report does not say which domain it is about", replyHeld}, f, p)
	}
	domain, served := firstServed(domains, f.Domains)
	if !served {
		named := cut(domains[0], longestDomain)
		return ruling{reject, "not_a_target", "reports about " + named + " are not accepted here", replyNotTarget(named)}
	}
	if r.Kind != reports.KindTLS && p.Authorization == Enforce { // RFC 8460 has no such check
		if no, refused := judgeAuthorization(domain, f.Domains[domain]); refused {
			return no
		}
	}
	return judgeSender(ruling{Verdict: store, Code: "stored", Reply: replyStored}, f, p)
}

// firstServed gives the first domain that is a target or below one. A TLS report
// may name several; one that we serve is enough, else its results would be lost.
func firstServed(domains []string, known map[string]domainFacts) (domain string, ok bool) {
	for _, d := range domains {
		if known[d].Served {
			return d, true
		}
	}
	return "", false
}

func judgeAuthorization(domain string, d domainFacts) (ruling, bool) {
	switch d.Authorization {
	case dmarcdns.Authorized, dmarcdns.NotNeeded, dmarcdns.Unchecked:
		return ruling{}, false
	case dmarcdns.Unknown:
		return ruling{refer, "authorization_unknown", "DNS gave no answer for " + d.Record, replyAuthorizationUnknown(domain)}, true
	case dmarcdns.NameTooLong:
		return ruling{reject, "authorization_impossible", "the name of the authorization record would be too long for DNS", replyNameTooLong(domain)}, true
	default:
		return ruling{reject, "authorization_missing", "no record at " + d.Record, replyAuthorizationMissing(domain, d.Record)}, true
	}
}

// judgeSender lets sender.on_fail have the last word over what would be kept.
// An imported message is not asked: half of the facts were lost with its session.
func judgeSender(r ruling, f facts, p Policy) ruling {
	if p.OnFail == Accept || p.OnFail == "" || f.Source == storage.SourceImport {
		return r
	}
	switch f.Sender {
	case mailauth.Pass:
		return r
	case mailauth.TempError:
		return ruling{refer, "sender_temperror", "sender authentication met a temporary DNS error", replySenderTemp}
	}
	reason := fmt.Sprintf("sender authentication: %s: %s", f.Sender, f.SenderReason)
	if p.OnFail == Reject {
		return ruling{reject, "sender_" + string(f.Sender), reason, replySenderFail}
	}
	if r.Verdict == hold { // the other reason stays the first one
		r.Reason += "; " + reason
		return r
	}
	return ruling{hold, "sender_" + string(f.Sender), reason, replyHeld}
}

// implausible says what about a report cannot be true, as warnings; empty when it
// is plausible. Long periods are only odd: see oddities.
func implausible(r *reports.Report, receivedAt time.Time) []reports.Warning {
	var w []reports.Warning
	begin, end := r.Begin(), r.End()
	if end.Before(begin) {
		w = append(w, reports.Warning{Code: "end_before_begin", Where: "date_range", Text: begin.Format(time.RFC3339) + " to " + end.Format(time.RFC3339)})
	}
	if end.After(receivedAt.Add(futureTolerance)) {
		w = append(w, reports.Warning{Code: "end_in_future", Where: "date_range", Text: end.Format(time.RFC3339)})
	}
	return append(w, implausibleCounts(r)...)
}

const (
	// futureTolerance allows for a report that is sent before its period ends,
	// and for wrong clocks.
	futureTolerance = 24 * time.Hour
	// longPeriod is more than the typical UTC day (RFC 9990 §3.1.1.3) with room for
	// a day of daylight saving.
	longPeriod = 25 * time.Hour
	// maxCount is 2^53, the largest integer that every reader of JSON keeps exact.
	maxCount = 1 << 53
)

// implausibleCounts tells of the first count that cannot be true: that is enough.
func implausibleCounts(r *reports.Report) []reports.Warning {
	switch r.Kind {
	case reports.KindAggregate:
		for i := range r.Aggregate.Records {
			if n := r.Aggregate.Records[i].Count; n < 1 || n > maxCount {
				return badCount(n, fmt.Sprintf("record %d: count", i+1))
			}
		}
	case reports.KindFailure:
		if n := r.Failure.Incidents; n < 1 || n > maxCount {
			return badCount(n, "Incidents")
		}
	case reports.KindTLS:
		for i := range r.TLS.Policies {
			for _, n := range []*int64{r.TLS.Policies[i].Successful, r.TLS.Policies[i].Failed} {
				if n != nil && (*n < 0 || *n > maxCount) {
					return badCount(*n, fmt.Sprintf("policy %d: session count", i+1))
				}
			}
		}
	}
	return nil
}

func badCount(n int64, where string) []reports.Warning {
	return []reports.Warning{{Code: "count_implausible", Where: where, Text: fmt.Sprint(n)}}
}

// oddities are worth a warning and nothing more.
func oddities(r *reports.Report, rcpts []string, a Addresses) []reports.Warning {
	var w []reports.Warning
	if span := r.End().Sub(r.Begin()); span > longPeriod {
		w = append(w, reports.Warning{Code: "long_period", Where: "date_range", Text: span.String()})
	}
	if rcpt := a.mismatch(rcpts, r.Kind); rcpt != "" {
		w = append(w, reports.Warning{Code: "other_address", Where: "RCPT TO", Text: rcpt})
	}
	return w
}

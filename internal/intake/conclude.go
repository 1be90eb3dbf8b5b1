package intake

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"reportmx/internal/dmarcdns"
	"reportmx/reports"
	"reportmx/smtpd"
	"reportmx/storage"
)

// Result is what became of a message.
type Result struct {
	Reply  smtpd.Reply
	Kept   []Kept
	Held   bool
	Reason string // why something of it was not stored, for people
}

// Kept is one report of a message that is in the store, now or since long.
type Kept struct {
	Seq     uint64
	Kind    reports.Kind
	Outcome string // stored, known, conflict
	Target  string // the configured target that it belongs to

	Authorization dmarcdns.Authorization
}

// Deferred tells whether the sender was asked to come again.
func (r Result) Deferred() bool { return r.Reply.Code/100 == 4 }

// Refused tells whether nothing of the message was kept, for good.
func (r Result) Refused() bool { return r.Reply.Code/100 == 5 }

// verdict is the one word for the whole message.
func (r Result) verdict() string {
	switch {
	case r.Deferred():
		return string(refer)
	case r.Refused():
		return string(reject)
	case r.Held && len(r.Kept) == r.count("known"):
		return string(hold)
	case len(r.Kept) == 0:
		return "postmaster"
	case len(r.Kept) == r.count("known"):
		return "known"
	default:
		return string(store)
	}
}

func (r Result) count(outcome string) int {
	n := 0
	for _, k := range r.Kept {
		if k.Outcome == outcome {
			n++
		}
	}
	return n
}

// conclude turns the outcome of the commit into the reply: anything stored, known
// or held is 250, naming what was refused; else the first refusal.
func conclude(j judgement, b storage.Batch, out storage.Outcome, f facts) Result {
	_, held := j.first(hold)
	res := Result{Held: held}
	for i, o := range out.Reports {
		k := Kept{Seq: o.Seq, Kind: b.Reports[i].Kind, Outcome: "stored"}
		if domain, ok := firstServed(b.Reports[i].PolicyDomains(), f.Domains); ok {
			k.Target, k.Authorization = f.Domains[domain].Target, f.Domains[domain].Authorization
		}
		switch {
		case o.Duplicate:
			k.Outcome = "known"
		case o.Conflict:
			k.Outcome = "conflict"
		}
		res.Kept = append(res.Kept, k)
	}
	switch {
	case len(res.Kept) > res.count("known"):
		res.Reply = replyStored
	case res.Held:
		res.Reply = replyHeld
	case len(res.Kept) > 0:
		res.Reply = replyKnown
	case f.Postmaster:
		res.Reply = replyPostmaster
	}
	if no, held := j.first(hold); held {
		res.Reason = no.Reason
	}
	return res.withRefusal(j)
}

// withRefusal adds the first refusal: it is the reply when nothing was kept, and
// named behind the good news otherwise.
func (r Result) withRefusal(j judgement) Result {
	no, refused := j.first(reject)
	if !refused {
		return r
	}
	r.Reason = strings.TrimPrefix(r.Reason+"; "+no.Reason, "; ")
	switch {
	case r.Reply.Code == 0:
		r.Reply = no.Reply
	case no.Code != "no_report": // a mail for postmaster need not hold one
		r.Reply.Text += "; but " + no.Reply.Text
	}
	return r
}

// log writes the one line that a message gets.
func (in *Intake) log(m *message, f facts, res Result, elapsed time.Duration) {
	level := slog.LevelInfo
	if res.Deferred() || res.Held || res.count("conflict") > 0 {
		level = slog.LevelWarn
	}
	if !in.Log.Enabled(context.Background(), level) {
		in.warnMissing(f)
		return
	}
	attrs := append(make([]slog.Attr, 0, 16),
		slog.String("id", m.ID),
		slog.String("source", string(m.Facts.Source)),
		slog.String("verdict", res.verdict()),
		slog.Int("reply", res.Reply.Code),
		slog.String("client_ip", m.Facts.Envelope.ClientIP),
		slog.String("mail_from", m.Facts.Envelope.MailFrom),
		slog.String("message_id", m.Facts.MessageID),
		slog.String("sender_domain", m.Facts.Sender.Domain),
		slog.String("sender_result", m.Facts.Sender.Result),
		slog.String("sender_reason", f.SenderReason),
		slog.Int("bytes", len(m.Body)),
		slog.Float64("seconds", elapsed.Seconds()),
	)
	if m.held != nil {
		attrs = append(attrs, slog.Uint64("held", m.held.Seq), slog.String("accepted_by", m.held.acceptedBy))
	}
	if res.Reason != "" {
		attrs = append(attrs, slog.String("reason", res.Reason))
	}
	for i := range res.Kept { // behind all that strangers wrote: many make a line that a journal divides
		attrs = append(attrs, res.Kept[i].attr())
	}
	in.Log.LogAttrs(context.Background(), level, "message", attrs...)
	in.warnMissing(f)
}

func (k *Kept) attr() slog.Attr {
	return slog.GroupAttrs("report",
		slog.String("kind", string(k.Kind)),
		slog.Uint64("seq", k.Seq),
		slog.String("outcome", k.Outcome),
		slog.String("target", k.Target),
		slog.String("authorization", string(k.Authorization)))
}

// panics counts and logs the panics that readers had; their messages are held.
func (in *Intake) panics(m *message, found reports.Found) {
	for _, u := range found.Unreadable {
		if u.Stack != nil {
			in.Metrics.panicked()
			in.Log.Error("panic in a reader", "id", m.ID, "part", u.Part, "error", u.Reason, "stack", string(u.Stack))
		}
	}
}

// warnMissing says loudly, once for each policy domain, that our own zone lacks a
// record: other reporting organizations look for it first, and send nothing. A message
// that is about many domains names a few; the others are named by later ones.
func (in *Intake) warnMissing(f facts) {
	named, others := 0, 0
	for domain, d := range f.Domains {
		switch {
		case !in.missing.news(domain, d.Authorization):
		case named < mostNamed:
			named++
			in.Log.Warn("external authorization missing", "policy_domain", domain, "authorization", d.Authorization, "record", d.Record)
		default:
			others++
			in.missing.forget(domain)
		}
	}
	if others > 0 {
		in.Log.Warn("external authorization missing of more policy domains of this message", "domains", others)
	}
}

// mostNamed is how many domains one message can have us warn about.
const mostNamed = 5

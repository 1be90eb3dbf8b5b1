// Package intake takes a message on its one way: read it, gather the facts, judge
// them, store the result, and answer. The reply is the verdict: 250 is said only
// when report and raw message are on disk, so nothing is accepted and then lost.
//
// Facts come from the rooms that know them: what the message holds (reports), who
// sent it (mailauth), who may send it (dmarcdns). Only judge knows policy. The
// same way is taken by imported messages; what only SMTP can know is skipped.
package intake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"reportmx/internal/dmarcdns"
	"reportmx/internal/mailauth"
	"reportmx/reports"
	"reportmx/smtpd"
	"reportmx/storage"
)

// Store keeps what a message brings, atomically and durably.
type Store interface {
	Commit(ctx context.Context, b storage.Batch) (storage.Outcome, error)
}

// Targets tells whether reports about a domain are wanted: it gives the target
// that is the domain or stands above it.
type Targets interface {
	Match(domain string) (target string, ok bool)
}

// Verifier authenticates the sender of a message.
type Verifier interface {
	Verify(ctx context.Context, m mailauth.Mail) mailauth.Result
}

// Config is what an Intake works with. All of it is set once, but for Targets.
type Config struct {
	Hostname   string
	Domain     string // the report domain
	Addresses  Addresses
	Targets    func() Targets // asked for each message, so that a reload takes effect
	Policy     Policy
	Keep       Keep
	NoRaw      bool                      // keep no messages of aggregate and TLS reports
	Redact     func() (*Redactor, error) // nil keeps the local parts in failure reports
	Quota      Quota
	DNSBudget  time.Duration // for all DNS of one message
	MaxMessage int64         // bytes
	InFlight   int64         // bytes of all messages that are being taken at once
	HoldQuota  int64         // bytes of all messages in the hold; 0 for no bound
	Limits     reports.Limits

	Store      Store
	Held       HeldStore            // nil where nothing is retried
	DNS        dmarcdns.TXTResolver // for the records of external authorization
	FreshDNS   dmarcdns.TXTResolver // the same past the cache
	Verifier   Verifier
	Postmaster *Maildir
	FreeSpace  func() (int64, error) // bytes left where the store is
	Metrics    *Metrics
	Log        *slog.Logger
	// Fatal is told of storage.ErrUncertain: the process must end.
	Fatal func(error)
}

// Intake implements smtpd.Handler.
type Intake struct {
	Config
	inFlight *budget
	work     *workroom
	missing  missing
	quota    *quota
}

// New makes an Intake.
func New(c Config) *Intake {
	return &Intake{Config: c, inFlight: newBudget(c.InFlight, c.MaxMessage), work: newWorkroom(), quota: newQuota(c.Quota)}
}

// Mail accepts every sender: the null reverse path is usual for reports (RFC 5321
// §4.5.5), and who it was is judged with the message.
func (in *Intake) Mail(ctx context.Context, env *smtpd.Envelope, size int64) *smtpd.Reply {
	return nil
}

// Rcpt accepts our own addresses while there is space to keep what they receive.
func (in *Intake) Rcpt(ctx context.Context, env *smtpd.Envelope, rcpt string) *smtpd.Reply {
	if no := in.Addresses.check(rcpt); no != nil {
		return no
	}
	free, err := in.FreeSpace()
	if err != nil || free < LeastFree(in.MaxMessage) {
		in.Log.Warn("no space for new mail", "free_bytes", free, "error", err)
		in.Metrics.refused("disk_low")
		return &replyDiskLow
	}
	return nil
}

// LeastFree is how many bytes must be free before a recipient is accepted, for
// messages of at most maxMessage bytes.
func LeastFree(maxMessage int64) int64 { return 2*maxMessage + spareDisk }

// spareDisk stays free for what the store itself needs to go on: its file grows in
// steps of some MiB, and a commit writes changed pages beside the old ones.
const spareDisk = 64 << 20

// Data takes one message: read, judge, store, answer.
func (in *Intake) Data(ctx context.Context, env *smtpd.Envelope, r io.Reader) smtpd.Reply {
	share := in.inFlight.share()
	defer share.release()
	buf, err := readMessage(ctx, r, in.MaxMessage, share)
	if err != nil {
		return in.unread(env, err)
	}
	id := newID()
	at := time.Now().UTC()
	m := message{
		ID:       id,
		Body:     buf[headroom:],
		buf:      buf,
		Received: env.Received(in.Hostname, id, at),
		ClientIP: env.ClientIP,
		Facts: storage.Message{
			ReceivedAt: at,
			Source:     storage.SourceSMTP,
			Envelope: storage.Envelope{
				ClientIP: env.ClientIP.String(),
				Helo:     env.Helo,
				MailFrom: env.MailFrom,
				RcptTo:   env.RcptTo,
				TLS:      env.TLS,
			},
		},
	}
	m.find = func(l reports.Limits) reports.Found { return reports.Find(m.Body, l) }
	reply := in.take(ctx, &m).Reply
	recycle(buf) // not deferred: what a panic leaves running may still read it
	reply.Text = cut(reply.Text, longestReply) + " (id " + id + ")"
	return reply
}

// unread answers for a message that did not arrive whole.
func (in *Intake) unread(env *smtpd.Envelope, err error) smtpd.Reply {
	reply, reason := replyCutShort, "cut_short"
	switch {
	case errors.Is(err, errTooBig), errors.Is(err, smtpd.ErrTooLarge):
		reply, reason = replyTooBig, "too_big"
	case errors.Is(err, errNoShare):
		reply, reason = replyBusy, "in_flight"
	}
	in.Metrics.refused(reason)
	in.Log.Info("message not taken", "session", env.Session, "client_ip", env.ClientIP, "reason", reason, "error", err)
	return reply
}

// message is a message on its way.
type message struct {
	ID       string
	Body     []byte // as received, without our Received line
	Received string // our Received line, "" for an imported message
	buf      []byte // Body behind its headroom; nil for a held message
	ClientIP netip.Addr
	Facts    storage.Message
	find     func(reports.Limits) reports.Found
	held     *held // of a message that comes out of the hold
	large    bool  // others wait until it is done (workroom)
}

// raw is the message as it is kept, valid as long as its buffer.
func (m *message) raw() []byte {
	if m.buf == nil {
		return append([]byte(m.Received), m.Body...)
	}
	return below(m.Received, m.buf)
}

// take is the way of a message, steps 3 to 7 of the design.
func (in *Intake) take(ctx context.Context, m *message) Result {
	start := time.Now()
	desk, err := in.work.enter(ctx, len(m.Body))
	defer desk.leave()
	var found reports.Found
	if err == nil {
		found, err = in.read(ctx, m, desk)
	}
	if err != nil {
		return in.noRoom(m, err)
	}
	m.large = desk.large
	f := in.gather(ctx, m, found)
	j := judge(f, in.policy(m))
	m.held.override(&j)
	in.count(f, &j)
	res := in.carryOut(ctx, m, f, j)
	elapsed := time.Since(start)
	in.panics(m, f.Found)
	in.Metrics.took(f, j, res, elapsed)
	in.log(m, f, res, elapsed)
	return res
}

// noRoom answers for a message that could not be read for want of memory.
func (in *Intake) noRoom(m *message, err error) Result {
	in.Metrics.refused("work")
	in.Log.Warn("message not read", "id", m.ID, "client_ip", m.ClientIP, "bytes", len(m.Body), "error", err)
	return Result{Reply: replyBusy, Reason: err.Error()}
}

// carryOut stores what the judge wants kept and finds the reply.
func (in *Intake) carryOut(ctx context.Context, m *message, f facts, j judgement) Result {
	if no, ok := j.first(refer); ok {
		return Result{Reply: no.Reply, Reason: no.Reason}
	}
	if f.Postmaster && m.held == nil {
		if err := in.Postmaster.Deliver(m.Received, m.Body); err != nil {
			return Result{Reply: replyForMaildir(err), Reason: err.Error()}
		}
	}
	if err := in.lessenAll(m, f.Found.Reports); err != nil {
		return Result{Reply: replyOurFault, Reason: err.Error()}
	}
	b := in.batch(m, f, j)
	if m.held != nil {
		if len(b.Reports) == 0 {
			return stillHeld(j)
		}
		in.settle(m.held, &b)
	}
	var out storage.Outcome
	if len(b.Reports) > 0 || b.Held != nil {
		var err error
		if out, err = in.Store.Commit(ctx, b); err != nil {
			return in.notStored(err)
		}
		in.evicted(m, out.Evicted)
	}
	return conclude(j, b, out, f)
}

// notStored answers for a failed commit, and ends the process when what is on
// disk is no longer known.
func (in *Intake) notStored(err error) Result {
	if errors.Is(err, storage.ErrHoldFull) {
		in.Metrics.refused("hold_full")
		return Result{Reply: replyHoldFull, Reason: err.Error()}
	}
	if errors.Is(err, storage.ErrUncertain) {
		in.Fatal(fmt.Errorf("store message: %w", err))
	}
	return Result{Reply: replyOurFault, Reason: "store message: " + err.Error()}
}

// batch is what one transaction is to hold.
func (in *Intake) batch(m *message, f facts, j judgement) storage.Batch {
	var b storage.Batch
	keepRaw := true
	for i := range f.Found.Reports {
		if j.Reports[i].Verdict != store {
			continue
		}
		r := in.stored(m, f, f.Found.Reports[i])
		keepRaw = keepRaw && in.keepsRaw(r.Kind)
		b.Reports = append(b.Reports, r)
	}
	if no, ok := j.first(hold); ok {
		b.Held = &storage.Held{Message: m.Facts, Code: no.Code, Reason: no.Reason, Size: int64(len(m.Body)), Hash: sha256.Sum256(m.Body)}
		b.Held.Cost = holdCost(b.Held, m)
		if in.HoldQuota > 0 { // one message fits, whatever it brings
			b.HoldQuota = max(in.HoldQuota, b.Held.Cost)
		}
		b.RawForHold = !keepRaw
	}
	if keepRaw || b.Held != nil {
		b.Raw = m.raw()
	}
	return b
}

// stored is a report with all that is known of it beside its own words.
func (in *Intake) stored(m *message, f facts, found reports.Report) storage.Report {
	r := storage.Report{Message: m.Facts, Report: found}
	if domain, ok := firstServed(r.PolicyDomains(), f.Domains); ok {
		r.Authorization = string(f.Domains[domain].Authorization)
	}
	wrong := implausible(&r.Report, f.ReceivedAt)
	r.Implausible = len(wrong) > 0
	r.Warnings = append(r.Warnings, wrong...)
	r.Warnings = append(r.Warnings, oddities(&r.Report, m.Facts.Envelope.RcptTo, in.Addresses)...)
	switch r.Kind {
	case reports.KindAggregate:
		r.Message.Sender.Contact = mailauth.Contact(r.Message.Sender.Domain, r.Aggregate.Email)
	case reports.KindTLS:
		r.Message.Sender.Contact = mailauth.Contact(r.Message.Sender.Domain, r.TLS.ContactInfo)
	}
	return r
}

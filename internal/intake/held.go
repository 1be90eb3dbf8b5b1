package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"reportmx/reports"
	"reportmx/storage"
)

// HeldStore gives messages out of the hold.
type HeldStore interface {
	Held(seq uint64) (*storage.Held, error)
	HeldRaw(seq uint64) ([]byte, error)
}

// held is a message on its way out of the hold.
type held struct {
	*storage.Held
	acceptedBy string // who takes the reports in spite of the reason; "" for a retry
}

// errNotHeld: what is in the store does not fit its hash.
var errNotHeld = errors.New("its message is not the one that was held")

// Retry sends a held message through the intake again: a reader may have become
// better, a target been added. Envelope, sender and time of arrival are those that
// were recorded at receipt; external authorization, which was not asked then, is
// asked now. Its reports are stored and it leaves the hold in one transaction; when a
// part of it still cannot be read it stays there, too. Result.Kept is empty when
// nothing came of it.
//
// acceptedBy is a person who takes the reports in spite of what sender or external
// authorization say; the reports tell so. "" for nobody.
//
// The error is of the hold: storage.ErrNotFound, or what reading it said.
func (in *Intake) Retry(ctx context.Context, seq uint64, acceptedBy string) (Result, error) {
	h, err := in.Held.Held(seq)
	if err != nil {
		return Result{}, err
	}
	raw, err := in.Held.HeldRaw(seq)
	if err != nil {
		return Result{}, err
	}
	received, body, ok := splitReceived(raw, h.Hash)
	if !ok {
		return Result{}, fmt.Errorf("retry held message %d: %w", seq, errNotHeld)
	}
	m := message{ID: newID(), Body: body, Received: received, Facts: h.Message, held: &held{Held: h, acceptedBy: acceptedBy}}
	m.find = func(l reports.Limits) reports.Found { return reports.Find(body, l) }
	if h.Message.Source == storage.SourceImport {
		m.find = func(l reports.Limits) reports.Found { return reports.FindFile(body, "", l) }
	}
	return in.take(ctx, &m), nil
}

// splitReceived parts a message from the Received line that we put before it: the
// hash is that of the message alone. An imported one has none.
func splitReceived(raw []byte, hash [sha256.Size]byte) (received string, body []byte, ok bool) {
	if sha256.Sum256(raw) == hash {
		return "", raw, true
	}
	end := 0
	for range mostReceivedLines { // the first line of the message may look like a folded one of ours
		i := bytes.IndexByte(raw[end:], '\n')
		if i < 0 {
			break
		}
		end += i + 1
		if sha256.Sum256(raw[end:]) == hash {
			return string(raw[:end]), raw[end:], true
		}
	}
	return "", nil, false
}

// mostReceivedLines is more than our Received line is folded into.
const mostReceivedLines = 8

// policy is that of the configuration, but for a message that a person accepts.
func (in *Intake) policy(m *message) Policy {
	if m.held != nil && m.held.acceptedBy != "" {
		return Policy{Authorization: Off, OnFail: Accept}
	}
	return in.Policy
}

// warningAccepted marks a report that a person took out of the hold.
const warningAccepted = "accepted"

// override turns what would keep a report in the hold into storing it, when a person
// accepts it. What cannot be read stays what it is.
func (h *held) override(j *judgement) {
	if h == nil || h.acceptedBy == "" {
		return
	}
	for i := range j.Reports {
		if j.Reports[i].Verdict == hold {
			j.Reports[i] = ruling{Verdict: store, Code: "stored", Reply: replyStored}
		}
	}
}

// stillHeld is the result for a held message that gives no report. Nothing is
// written: it stays in the hold as it is.
func stillHeld(j judgement) Result {
	res := Result{Reply: replyHeld, Held: true}
	for _, v := range []verdict{hold, reject} {
		if no, ok := j.first(v); ok {
			res.Reason = no.Reason
			return res
		}
	}
	return res
}

// settle lets the batch take the message out of the hold, unless something of it
// still belongs there.
func (in *Intake) settle(h *held, b *storage.Batch) {
	if b.Held == nil {
		b.Release = h.Seq
	}
	b.Held = nil
	if h.acceptedBy != "" {
		said := reports.Warning{Code: warningAccepted, Where: "the hold", Text: "accepted by " + h.acceptedBy + "; held because: " + h.Reason}
		for i := range b.Reports {
			b.Reports[i].Warnings = append(b.Reports[i].Warnings, said)
		}
	}
	if b.RawForHold {
		b.Raw, b.RawForHold = nil, false // the hold has it already
	}
}

// aroundHeld is what the store needs of a held message beside its own words, in bytes.
const aroundHeld = 512

// holdCost is what a message takes of the hold's quota: all that is kept of it. The body
// alone may be the least of that.
func holdCost(h *storage.Held, m *message) int64 {
	n := aroundHeld + len(m.Received) + len(m.Body) + len(h.Reason)
	about := &h.Message
	n += len(about.Subject) + len(about.MessageID)
	n += len(about.Envelope.Helo) + len(about.Envelope.MailFrom)
	for _, rcpt := range about.Envelope.RcptTo {
		n += len(rcpt)
	}
	n += len(about.Sender.Domain) + len(about.Sender.SPF.Domain)
	for _, s := range about.Sender.DKIM {
		n += len(s.Domain) + len(s.Selector)
	}
	return int64(n)
}

// evicted tells of held messages that were dropped for a new one.
func (in *Intake) evicted(m *message, seqs []uint64) {
	if len(seqs) > 0 {
		in.Metrics.evicted.Add(float64(len(seqs)))
		in.Log.Error("held messages dropped for a new one, the hold is at its quota", "id", m.ID, "seqs", seqs, "quota", in.HoldQuota)
	}
}

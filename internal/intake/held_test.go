package intake

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reportmx/internal/mailauth"
	"reportmx/storage"
)

// heldOne is a hold with one message, number 7.
type heldOne struct {
	held storage.Held
	raw  []byte
}

func (h *heldOne) Held(seq uint64) (*storage.Held, error) {
	if seq != 7 {
		return nil, storage.ErrNotFound
	}
	return &h.held, nil
}

func (h *heldOne) HeldRaw(seq uint64) ([]byte, error) { return h.raw, nil }

// holdOf holds a mail that came over SMTP a week ago.
func holdOf(mail, sender string) *heldOne {
	return &heldOne{
		held: storage.Held{
			Seq: 7, Code: "sender_" + sender, Reason: "sender authentication: " + sender, Hash: sha256.Sum256([]byte(mail)),
			Message: storage.Message{
				ReceivedAt: time.Now().UTC().AddDate(0, 0, -7), Source: storage.SourceSMTP,
				Envelope: storage.Envelope{ClientIP: "192.0.2.25", MailFrom: "a@receiver.example", RcptTo: []string{"postmaster@reports.example.net"}},
				Sender:   storage.Sender{Domain: "receiver.example", Result: sender},
			},
		},
		raw: []byte("Received: from out.receiver.example\r\n\tby mx.example.net; today\r\n" + mail),
	}
}

func TestRetry(t *testing.T) {
	good, broken := mailWith(document("example.com", "1")), mailWith("<feedback><report_metadata>")
	both := mailWith(document("example.com", "1"), "<feedback><report_metadata>")
	foreign := mailWith(document("other.example", "1"))
	tests := map[string]struct {
		mail, sender, by string
		policy           Policy
		kept, held       bool // something is stored; something stays
		release          uint64
		deferred         bool
	}{
		"readable now":               {mail: good, sender: "pass", policy: Policy{OnFail: Hold}, kept: true, release: 7},
		"still not read":             {mail: broken, sender: "pass", held: true},
		"half of it":                 {mail: both, sender: "pass", kept: true, held: true},
		"still not trusted":          {mail: good, sender: "fail", policy: Policy{OnFail: Hold}, held: true},
		"accepted":                   {mail: good, sender: "fail", by: "uid 0", policy: Policy{OnFail: Hold}, kept: true, release: 7},
		"accepted, not read":         {mail: broken, sender: "fail", by: "uid 0", policy: Policy{OnFail: Hold}, held: true},
		"accepted, not a target":     {mail: foreign, sender: "pass", by: "uid 0", held: true},
		"not authorized":             {mail: good, sender: "pass", policy: Policy{Authorization: Enforce}, held: true},
		"not authorized, accepted":   {mail: good, sender: "pass", by: "uid 0", policy: Policy{Authorization: Enforce}, kept: true, release: 7},
		"rejected by policy by now":  {mail: good, sender: "fail", policy: Policy{OnFail: Reject}, held: true},
		"sender was not told by DNS": {mail: good, sender: "temperror", policy: Policy{OnFail: Hold}, deferred: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			hold := holdOf(test.mail, test.sender)
			b := newBench(t, func(c *Config) { c.Policy, c.Held = test.policy, hold })
			b.sender.result.Verdict = mailauth.Pass // nobody asks
			res, err := b.Retry(t.Context(), 7, test.by)
			if err != nil {
				t.Fatal(err)
			}
			if (len(res.Kept) > 0) != test.kept || res.Held != test.held || res.Deferred() != test.deferred {
				t.Errorf("got %+v, want kept %v, held %v", res, test.kept, test.held)
			}
			if len(b.sender.asked) != 0 {
				t.Error("the sender was authenticated again")
			}
			if !test.kept {
				if len(b.store.batches) != 0 || res.Reason == "" {
					t.Errorf("got %d batches and reason %q, want none and a reason", len(b.store.batches), res.Reason)
				}
				return
			}
			got := b.store.batches[0]
			if got.Release != test.release || got.Held != nil || string(got.Raw) != string(hold.raw) {
				t.Errorf("got release %d, held %v, %d bytes of message, want release %d and the message", got.Release, got.Held, len(got.Raw), test.release)
			}
			m := got.Reports[0].Message
			m.Sender.Contact, m.Subject, m.MessageID = "", "", ""
			if d := cmp.Diff(hold.held.Message, m); d != "" {
				t.Errorf("the facts of receipt have changed (-want +got):\n%s", d)
			}
			accepted := false
			for _, w := range got.Reports[0].Warnings {
				accepted = accepted || w.Code == "accepted" && strings.HasPrefix(w.Text, "accepted by uid 0; held because: sender")
			}
			if accepted != (test.by != "") {
				t.Errorf("got the warnings %+v", got.Reports[0].Warnings)
			}
		})
	}
}

func TestRetryFailureReport(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Held = holdOf(failureMail, "pass") })
	if _, err := b.Retry(t.Context(), 7, ""); err != nil {
		t.Fatal(err)
	}
	if got := b.store.batches[0]; got.Raw != nil || strings.Contains(string(got.Reports[0].Failure.Sample.Raw), "the body") {
		t.Errorf("got %d bytes of message and the sample %q, want the header only", len(got.Raw), got.Reports[0].Failure.Sample.Raw)
	}
}

// TestSplitReceived: where our line ends is told by the hash alone.
func TestSplitReceived(t *testing.T) {
	const ours = "Received: from a\r\n\tby b\r\n\tfor c; today\r\n"
	for _, mail := range []string{"Subject: x\r\n\r\ny\r\n", " folded\r\nSubject: x\r\n\r\n", "\tx", "\r\n", ""} {
		for _, line := range []string{ours, ""} {
			received, body, ok := splitReceived([]byte(line+mail), sha256.Sum256([]byte(mail)))
			if !ok || received != line || string(body) != mail {
				t.Errorf("%q below %q: got %q, %q and %v", mail, line, received, body, ok)
			}
		}
	}
}

func TestRetryNothing(t *testing.T) {
	hold := holdOf("Subject: x\r\n\r\n", "pass")
	b := newBench(t, func(c *Config) { c.Held = hold })
	if _, err := b.Retry(t.Context(), 8, ""); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("got error %v, want %v", err, storage.ErrNotFound)
	}
	hold.raw = []byte("Received: x\r\nSubject: y\r\n\r\n")
	if _, err := b.Retry(t.Context(), 7, ""); !errors.Is(err, errNotHeld) {
		t.Errorf("another message: got error %v, want %v", err, errNotHeld)
	}
}

func TestHoldFull(t *testing.T) {
	b := newBench(t, func(c *Config) { c.HoldQuota = 1 << 20 })
	broken := mailWith("<feedback><report_metadata>")
	if got := b.deliver(t, broken); !strings.HasPrefix(got, "250 2.0.0 kept for inspection") {
		t.Fatalf("got %q", got)
	}
	if got := b.store.batches[0].HoldQuota; got != 1<<20 {
		t.Errorf("got the quota %d, want %d", got, 1<<20)
	}
	b.deliver(t, broken, strings.Split(strings.Repeat("dmarc@reports.example.net ", 99)+"dmarc@reports.example.net", " ")...)
	one, many := b.store.batches[0], b.store.batches[1]
	if size := int64(len(broken)); one.Held.Size != size || many.Held.Size != size || one.Held.Cost < int64(len(one.Raw))+aroundHeld {
		t.Errorf("got %d bytes that cost %d, of %d", one.Held.Size, one.Held.Cost, len(one.Raw))
	}
	if got := many.Held.Cost - one.Held.Cost; got < 97*25 {
		t.Errorf("99 recipients more cost %d bytes", got)
	}
	b.HoldQuota = 1
	b.deliver(t, broken)
	if last := b.store.batches[2]; last.HoldQuota != last.Held.Cost {
		t.Errorf("got the quota %d for one message of %d", last.HoldQuota, last.Held.Cost)
	}
	b.store.fail = storage.ErrHoldFull
	if got := b.deliver(t, broken); !strings.HasPrefix(got, "452 4.3.1 too many messages wait for inspection here") || b.fatal != nil {
		t.Errorf("got %q and %v", got, b.fatal)
	}
}

package intake

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestLastReport: whatever way a report about a target comes into the store, it is one
// that arrived when its message did; an earlier arrival replaces no later one.
func TestLastReport(t *testing.T) {
	mail := mailWith(document("example.com", "1"))
	hold := holdOf(mail, "fail")
	b := newBench(t, func(c *Config) { c.Policy.OnFail, c.Held = Hold, hold })
	last := func() time.Time {
		return time.Unix(int64(testutil.ToFloat64(b.Metrics.last.WithLabelValues("example.com"))), 0)
	}
	b.Metrics.Recall("example.com", time.Time{})
	if got := last(); got.Unix() != 0 {
		t.Errorf("nothing has arrived: got %v", got)
	}
	if _, err := b.Retry(t.Context(), 7, ""); err != nil {
		t.Fatal(err)
	}
	if got := last(); got.Unix() != 0 {
		t.Errorf("what stays in the hold: got %v", got)
	}
	if _, err := b.Retry(t.Context(), 7, "uid 0"); err != nil {
		t.Fatal(err)
	}
	accepted := hold.held.Message.ReceivedAt
	if got := last(); got.Unix() != accepted.Unix() {
		t.Errorf("accepted: got %v, want %v", got, accepted)
	}
	if n := testutil.ToFloat64(b.Metrics.targets.WithLabelValues("aggregate", "example.com")); n != 1 {
		t.Errorf("got %v reports about the target, want 1", n)
	}
	begun := time.Now()
	b.deliver(t, mail)
	now := last()
	if now.Unix() < begun.Unix() {
		t.Errorf("received: got %v, want now", now)
	}
	b.Metrics.Recall("example.com", begun.AddDate(0, 0, -1))
	if _, err := b.Retry(t.Context(), 7, "uid 0"); err != nil {
		t.Fatal(err)
	}
	if got := last(); got != now {
		t.Errorf("after an earlier one: got %v, want %v", got, now)
	}
}

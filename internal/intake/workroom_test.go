package intake

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"reportmx/reports"
)

// reading is a message whose reports take so many bytes.
func reading(bytes int64) *message {
	return &message{find: func(l reports.Limits) reports.Found {
		return reports.Found{Denied: l.Reserve(bytes)}
	}}
}

// enter takes a desk, which is given back with the test.
func enter(t *testing.T, w *workroom, bytes int) *desk {
	t.Helper()
	d, err := w.enter(t.Context(), bytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.leave)
	return d
}

// TestWorkroom holds that messages of common size share their memory, and that each that
// takes more waits until it is the only large one.
func TestWorkroom(t *testing.T) {
	in := &Intake{work: newWorkroom()}
	over, cancel := context.WithCancel(t.Context())
	cancel()

	first := enter(t, in.work, 0)
	if _, err := in.read(over, reading(mostCommon/2), first); err != nil || first.large {
		t.Errorf("within the common size: got %v, large %t", err, first.large)
	}
	if _, err := in.read(t.Context(), reading(mostCommon), first); err != nil || !first.large {
		t.Errorf("beyond it: got %v, large %t", err, first.large)
	}
	if _, err := in.read(over, reading(1<<40), first); err != nil {
		t.Errorf("what the large one asks for: got %v", err)
	}

	second := enter(t, in.work, 1000)
	if _, err := in.read(over, reading(mostCommon), second); !errors.Is(err, errNoRoom) {
		t.Errorf("beside a large one: got %v, want %v", err, errNoRoom)
	}
	if _, err := in.read(over, reading(1000), second); err != nil {
		t.Errorf("a small one beside a large one: got %v", err)
	}
	first.leave()
	if _, err := in.read(t.Context(), reading(mostCommon), second); err != nil {
		t.Errorf("when the large one has left: got %v", err)
	}
	second.leave()
	w := in.work
	if !w.small.TryAcquire(workSmall) || !w.common.TryAcquire(workCommon) || !w.large.TryAcquire(1) || !w.queue.TryAcquire(largeQueue) {
		t.Error("not all of the memory came back")
	}
}

// TestWorkroomFull holds that a message which finds the common memory taken waits for its
// turn as the large one, that no more than a few do, and that small ones go on meanwhile.
func TestWorkroomFull(t *testing.T) {
	in := &Intake{work: newWorkroom()}
	for in.work.common.TryAcquire(workRead) {
	}
	large := enter(t, in.work, 0)
	if _, err := in.read(t.Context(), reading(2*workRead), large); err != nil || !large.large {
		t.Errorf("got %v, large %t", err, large.large)
	}
	if !in.work.queue.TryAcquire(largeQueue) {
		t.Error("the large one is still in the queue")
	}
	// All places in the queue are taken: who comes now is not even asked to wait.
	if _, err := in.work.enter(t.Context(), mostSmall); !errors.Is(err, errNoRoom) {
		t.Errorf("behind the queue: got %v, want %v", err, errNoRoom)
	}
	small := enter(t, in.work, 10_000)
	if _, err := in.read(t.Context(), reading(workRead), small); err != nil || small.large {
		t.Errorf("a small one: got %v, large %t", err, small.large)
	}
}

// TestWorkroomOfSmallMessages holds that small ones wait for each other.
func TestWorkroomOfSmallMessages(t *testing.T) {
	w := newWorkroom()
	for w.small.TryAcquire(workLeast) {
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err := w.enter(over, 0); !errors.Is(err, errNoRoom) || d.small != 0 {
		t.Errorf("got %v, %d bytes, want %v", err, d.small, errNoRoom)
	}
}

// TestWorkroomOfLargeMessages holds that one of any size can enter, and is large at once.
func TestWorkroomOfLargeMessages(t *testing.T) {
	if d := enter(t, newWorkroom(), 1<<30); !d.large || d.small+d.common != 0 {
		t.Errorf("got large %t and %d bytes, want it large and none", d.large, d.small+d.common)
	}
}

// TestLargeAsksShortly: while others wait for a large message, it does not wait for DNS as
// long as it likes.
func TestLargeAsksShortly(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxMessage, c.InFlight = 2*mostCommon, 4*mostCommon })
	begun := time.Now()
	for id, bytes := range map[string]int{"small": 1000, "large": mostCommon} {
		if reply := b.deliver(t, mailWith(document("example.com", id), strings.Repeat("x", bytes-1)+"\n")); !strings.HasPrefix(reply, "250") {
			t.Fatalf("%s: %s", id, reply)
		}
	}
	for i, until := range b.sender.until {
		large := len(b.sender.asked[i].Message) > mostCommon
		if short := until.Sub(begun) < b.DNSBudget; short != large {
			t.Errorf("large %t: got %s for DNS", large, until.Sub(begun))
		}
	}
	if len(b.sender.until) != 2 {
		t.Errorf("asked %d times, want twice", len(b.sender.until))
	}
}

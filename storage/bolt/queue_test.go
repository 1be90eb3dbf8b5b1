package bolt

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// The scheduler now and then gives the turn back to who yields although others are ready,
// so these tests try often and want it most times.
const (
	queueTrials = 100
	queueWanted = 75
)

// TestQueueGathers holds that a group has the jobs of all who were ready to add one, not
// only of the first.
func TestQueueGathers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // nobody runs before take lets them
	const others = 10
	whole := 0
	for range queueTrials {
		q := newQueue()
		if err := q.add(new(job)); err != nil {
			t.Fatal(err)
		}
		for range others {
			go q.add(new(job))
		}
		if len(q.take()) == 1+others {
			whole++
		}
	}
	if whole < queueWanted {
		t.Errorf("%d of %d groups had all jobs, want %d", whole, queueTrials, queueWanted)
	}
}

// TestQueueFull holds that nobody is let run for a group that takes no more.
func TestQueueFull(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	q := newQueue()
	for range 2 {
		if err := q.add(&job{size: maxGroup}); err != nil {
			t.Fatal(err)
		}
	}
	var ran atomic.Bool
	go ran.Store(true)
	if got := len(q.take()); got != 1 || ran.Load() {
		t.Errorf("got a group of %d, another ran: %v, want one job at once", got, ran.Load())
	}
}

// TestQueueWithdrawn holds that the queue is not taken for closed when its only job is
// taken back while others are let run.
func TestQueueWithdrawn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	withdrawn := 0
	for range queueTrials {
		q := newQueue()
		first, second := new(job), new(job)
		if err := q.add(first); err != nil {
			t.Fatal(err)
		}
		go func() {
			if q.withdraw(first) {
				runtime.Gosched() // take sees that nothing is left
				q.add(second)
			}
		}()
		switch group := q.take(); {
		case len(group) != 1:
			t.Fatalf("got a group of %d, want one job", len(group))
		case group[0] == second:
			withdrawn++
		}
	}
	if withdrawn < queueWanted {
		t.Errorf("%d of %d jobs were taken back, want %d", withdrawn, queueTrials, queueWanted)
	}
}

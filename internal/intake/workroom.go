package intake

import (
	"context"
	"errors"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"

	"reportmx/reports"
)

// The memory that messages take while they are read, judged and stored, beside their
// own bytes. Strangers choose what a message unpacks to, and how many they send at
// once: without a bound on the sum, a few small ones would use up the machine.
//
// Small messages, as nearly all are, have memory of their own, and wait for each other
// only. What else is taken comes from workCommon if it is free there. Of the large ones,
// which may take as much as reports.Limits allows, there is one at a time.
const (
	workSmall  = 32 << 20 // of all small messages together
	workCommon = 16 << 20 // of all messages together, but for the large one

	workLeast  = 128 << 10 // of each message, beside the copies of it
	workRead   = 64 << 10  // of that, for its reports: most take less
	workFactor = 4         // copies of a message: decoded, hashed, and on its way to disk

	mostSmall  = 256 << 10 // a message that takes more from the start is not small: one of 32 KiB
	mostCommon = 8 << 20   // a message that takes more is large; 30,000 records take as much
)

// largeWait is how long a large message waits for its turn: they take a second each,
// and senders wait ten minutes (RFC 5321 §4.5.3.2.6). No more than largeQueue wait: those
// who do keep what they have read so far.
const (
	largeWait  = time.Minute
	largeQueue = 16
)

// largeDNS is how long a large message may wait for DNS, which strangers can make slow,
// while others wait for their turn. The answers that come later are in the cache when
// the message comes again.
const largeDNS = 2 * time.Second

var errNoRoom = errors.New("too much memory is taken by messages that are being read")

// workroom is that memory.
type workroom struct {
	small, common *semaphore.Weighted // bytes
	large         *semaphore.Weighted // of one
	queue         *semaphore.Weighted // for its place
}

func newWorkroom() *workroom {
	return &workroom{
		small:  semaphore.NewWeighted(workSmall),
		common: semaphore.NewWeighted(workCommon),
		large:  semaphore.NewWeighted(1),
		queue:  semaphore.NewWeighted(largeQueue),
	}
}

// desk is one message's part of it.
type desk struct {
	in            *workroom
	small, common int64 // what it has of each, in bytes
	free          int64 // of that, for what is read
	taken         int64 // in all, of whatever memory
	large         bool  // it has its turn as the large one
}

// enter waits for what a message of so many bytes takes at least.
func (w *workroom) enter(ctx context.Context, bytes int) (*desk, error) {
	least := workLeast + workFactor*int64(bytes)
	d := &desk{in: w, taken: least, free: workRead}
	if least > mostSmall {
		return d, d.more(ctx, least)
	}
	if !w.small.TryAcquire(least) { // it is cheaper than a context
		ctx, cancel := context.WithTimeout(ctx, shareWait)
		defer cancel()
		if err := w.small.Acquire(ctx, least); err != nil {
			return d, errNoRoom
		}
	}
	d.small = least
	return d, nil
}

// grow takes more for what is read.
func (d *desk) grow(ctx context.Context, n int64) error {
	d.taken += n
	if n <= d.free {
		d.free -= n
		return nil
	}
	return d.more(ctx, n)
}

// more takes some of the common memory if it is free, else all that a large message may
// take. Whoever is the large one waits for nothing that others hold, so that those who
// wait for it may keep what they have.
func (d *desk) more(ctx context.Context, n int64) error {
	if d.large {
		return nil
	}
	if d.taken <= mostCommon && d.in.common.TryAcquire(n) {
		d.common += n
		return nil
	}
	return d.becomeLarge(ctx)
}

// becomeLarge waits for the turn of the large one.
func (d *desk) becomeLarge(ctx context.Context) error {
	if !d.in.queue.TryAcquire(1) {
		return errNoRoom
	}
	defer d.in.queue.Release(1)
	ctx, cancel := context.WithTimeout(ctx, largeWait)
	defer cancel()
	if err := d.in.large.Acquire(ctx, 1); err != nil {
		return errNoRoom
	}
	d.large = true
	return nil
}

// leave gives everything back. What a large message leaves behind is collected before the
// next one begins: two of them would be more than there is room for.
func (d *desk) leave() {
	if d.large {
		if d.taken > mostCommon {
			runtime.GC()
		}
		d.in.large.Release(1)
	}
	d.in.small.Release(d.small)
	d.in.common.Release(d.common)
	*d = desk{in: d.in}
}

// read finds the reports of a message, which waits in the middle if it turns out large.
func (in *Intake) read(ctx context.Context, m *message, d *desk) (reports.Found, error) {
	l := in.Limits
	l.Reserve = func(n int64) error { return d.grow(ctx, n) }
	found := m.find(l)
	return found, found.Denied
}

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
// once: without a bound on the sum, a few small ones would use up the machine. So all
// messages of common size share workMemory, and of the large ones, which may take as
// much as reports.Limits allows, there is one at a time.
const (
	workMemory = 48 << 20  // of all messages together, but for the large one
	workLeast  = 128 << 10 // of each, beside the copies of it
	workRead   = 64 << 10  // of that, for its reports: most take less
	workFactor = 4         // copies of a message: decoded, hashed, and on its way to disk
	workCommon = 8 << 20   // a message that takes more is large; 30,000 records take as much
)

// largeWait is how long a large message waits for its turn: they take a second each,
// and senders wait ten minutes (RFC 5321 §4.5.3.2.6).
const largeWait = time.Minute

// largeDNS is how long a large message may wait for DNS, which strangers can make slow,
// while others wait for their turn. The answers that come later are in the cache when
// the message comes again.
const largeDNS = 2 * time.Second

var errNoRoom = errors.New("too much memory is taken by messages that are being read")

// workroom is that memory.
type workroom struct {
	common *semaphore.Weighted // bytes
	large  *semaphore.Weighted // of one
}

func newWorkroom() *workroom {
	return &workroom{semaphore.NewWeighted(workMemory), semaphore.NewWeighted(1)}
}

// desk is one message's part of it.
type desk struct {
	in    *workroom
	got   int64 // of the common memory
	free  int64 // of that, for what is read
	taken int64 // in all, of whatever memory
	large bool  // it has its turn as the large one
}

// enter waits for what a message of so many bytes takes at least.
func (w *workroom) enter(ctx context.Context, bytes int) (*desk, error) {
	least := workLeast + workFactor*int64(bytes)
	d := &desk{in: w, taken: least}
	if least > workCommon {
		return d, d.becomeLarge(ctx)
	}
	if !w.common.TryAcquire(least) { // it is cheaper than a context
		ctx, cancel := context.WithTimeout(ctx, shareWait)
		defer cancel()
		if err := w.common.Acquire(ctx, least); err != nil {
			return d, errNoRoom
		}
	}
	d.got, d.free = least, workRead
	return d, nil
}

// grow takes more: of the common memory what is free there, else all that a large
// message may take. Whoever is the large one waits for nothing that others hold, so
// that those who wait for it may keep what they have.
func (d *desk) grow(ctx context.Context, n int64) error {
	d.taken += n
	switch {
	case d.large:
		return nil
	case n <= d.free:
		d.free -= n
		return nil
	}
	if d.got+n <= workCommon && d.in.common.TryAcquire(n) {
		d.got += n
		return nil
	}
	return d.becomeLarge(ctx)
}

// becomeLarge waits for the turn of the large one.
func (d *desk) becomeLarge(ctx context.Context) error {
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
		if d.taken > workCommon {
			runtime.GC()
		}
		d.in.large.Release(1)
	}
	if d.got > 0 {
		d.in.common.Release(d.got)
	}
	*d = desk{in: d.in}
}

// read finds the reports of a message, which waits in the middle if it turns out large.
func (in *Intake) read(ctx context.Context, m *message, d *desk) (reports.Found, error) {
	l := in.Limits
	l.Reserve = func(n int64) error { return d.grow(ctx, n) }
	found := m.find(l)
	return found, found.Denied
}

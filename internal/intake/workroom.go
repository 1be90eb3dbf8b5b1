package intake

import (
	"context"
	"errors"

	"golang.org/x/sync/semaphore"

	"reportmx/reports"
)

// The memory that messages take while they are read, judged and stored, beside their
// own bytes. Strangers choose what a message unpacks to, and how many they send at
// once: without a bound on the sum, a few small ones would use up the machine.
const (
	workMemory = 96 << 20  // of all messages together
	workLeast  = 128 << 10 // of each
	workFactor = 4         // copies of a message: decoded, hashed, and on its way to disk
)

var errNoRoom = errors.New("too much memory is taken by messages that are being read")

// workroom is that memory.
type workroom struct{ *semaphore.Weighted }

func newWorkroom() *workroom { return &workroom{semaphore.NewWeighted(workMemory)} }

// desk is one message's part of it.
type desk struct {
	in  *workroom
	got int64
}

// enter waits for what a message of so many bytes takes at least.
func (w *workroom) enter(ctx context.Context, bytes int) (*desk, error) {
	d := &desk{in: w}
	return d, d.wait(ctx, min(workLeast+workFactor*int64(bytes), workMemory))
}

// wait waits until the desk has n bytes in all. It gives back what it has before: who
// waits holds nothing that another waits for.
func (d *desk) wait(ctx context.Context, n int64) error {
	d.leave()
	ctx, cancel := context.WithTimeout(ctx, shareWait)
	defer cancel()
	if err := d.in.Acquire(ctx, n); err != nil {
		return errNoRoom
	}
	d.got = n
	return nil
}

// grow takes more, if it is there.
func (d *desk) grow(n int64) error {
	if !d.in.TryAcquire(n) {
		return errNoRoom
	}
	d.got += n
	return nil
}

func (d *desk) leave() {
	if d.got > 0 {
		d.in.Release(d.got)
		d.got = 0
	}
}

// read finds the reports of a message within the memory that is left. A message that
// needs more waits until it has all of it to itself, and is read once more.
func (in *Intake) read(ctx context.Context, m *message, d *desk) (reports.Found, error) {
	l := in.Limits
	l.Reserve = d.grow
	if found := m.find(l); found.Denied == nil {
		return found, nil
	}
	if err := d.wait(ctx, workMemory); err != nil {
		return reports.Found{}, err
	}
	return m.find(in.Limits), nil
}

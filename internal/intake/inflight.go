package intake

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

var (
	errTooBig  = errors.New("message is over the size limit")
	errNoShare = errors.New("too many bytes of messages in flight")
)

// shareWait is how long a session waits for memory before it is told to come
// again: long enough for a burst to drain, short enough for the sender's patience.
const shareWait = 20 * time.Second

// firstShare is what a message gets at first; most reports fit in it.
const firstShare = 64 << 10

// headroom is what each buffer leaves free in front of its message: our Received line
// goes there, and nearly always fits.
const headroom = 1 << 10

// budget is the memory of all messages in flight. The first shares have a part of it of
// their own: whoever sends large messages cannot hold up the small ones.
type budget struct{ first, rest *semaphore.Weighted }

// newBudget makes a budget of size bytes for messages of at most most bytes.
func newBudget(size, most int64) *budget {
	first := max(firstShare, min(size/3, size-most))
	return &budget{semaphore.NewWeighted(first), semaphore.NewWeighted(max(size-first, most))}
}

// share is one message's part of the budget.
type share struct {
	of  *budget
	got int64 // firstShare of it is of budget.first
}

func (b *budget) share() *share { return &share{of: b} }

// grow waits until the share has n bytes, firstShare at least.
func (s *share) grow(ctx context.Context, n int64) error {
	if s.got == 0 {
		if err := acquire(ctx, s.of.first, firstShare); err != nil {
			return err
		}
		s.got = firstShare
	}
	if n <= s.got {
		return nil
	}
	if err := acquire(ctx, s.of.rest, n-s.got); err != nil {
		return err
	}
	s.got = n
	return nil
}

func acquire(ctx context.Context, from *semaphore.Weighted, n int64) error {
	if from.TryAcquire(n) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, shareWait)
	defer cancel()
	if err := from.Acquire(ctx, n); err != nil {
		return errNoShare
	}
	return nil
}

func (s *share) release() {
	if s.got > 0 {
		s.of.first.Release(firstShare)
		s.of.rest.Release(s.got - firstShare)
		s.got = 0
	}
}

// buffers keeps the first buffers of messages that are done. Larger ones are left
// to the garbage collector, so that what waits here stays small.
var buffers = sync.Pool{New: func() any { return new([firstShare]byte) }}

// recycle gives the buffer of a message to the next. Nothing may use it any more.
func recycle(buf []byte) {
	if cap(buf) == firstShare {
		buffers.Put((*[firstShare]byte)(buf[:firstShare]))
	}
}

// readMessage reads a message of at most limit bytes into a buffer, behind its
// headroom, never holding more memory than its share: the buffer doubles, and each
// step waits for its bytes. Whoever is done with the buffer may recycle it.
func readMessage(ctx context.Context, r io.Reader, limit int64, s *share) ([]byte, error) {
	if err := s.grow(ctx, firstShare); err != nil {
		return nil, err
	}
	buf, err := readAll(ctx, r, limit, s, buffers.Get().(*[firstShare]byte)[:headroom])
	if err != nil {
		recycle(buf)
		return nil, err
	}
	return buf, nil
}

// readAll reads a message into buf, or into larger ones. With an error it returns
// the buffer that it used last.
func readAll(ctx context.Context, r io.Reader, limit int64, s *share, buf []byte) ([]byte, error) {
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)-headroom) > limit:
			return buf, errTooBig
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return buf, err
		case len(buf) < cap(buf):
			continue
		}
		next := min(2*int64(cap(buf)), headroom+limit+1)
		if err := s.grow(ctx, next); err != nil {
			return buf, err
		}
		larger := append(make([]byte, 0, next), buf...)
		recycle(buf)
		buf = larger
	}
}

// below gives the message in buf with our line in front of it, in the same memory
// when the line fits into the headroom.
func below(received string, buf []byte) []byte {
	at := headroom - len(received)
	if at < 0 {
		return append([]byte(received), buf[headroom:]...)
	}
	copy(buf[at:], received)
	return buf[at:]
}

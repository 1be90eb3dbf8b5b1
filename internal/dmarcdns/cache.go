package dmarcdns

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"
)

// Bounds of what is remembered, whatever TTL a zone asks for.
const (
	maxPositiveTTL = time.Hour        // a withdrawn authorization is noticed within the hour
	maxNegativeTTL = 60 * time.Second // a record that was just published must not be "missing" for long
	entryOverhead  = 256              // octets of bookkeeping per entry, about
)

type question struct {
	name  string // lower case, final dot
	qtype uint16
}

// cache keeps the answers that were used last, bounded by number and by octets.
type cache struct {
	now        func() time.Time
	maxEntries int
	maxBytes   int

	mu      sync.Mutex
	entries map[question]*list.Element
	order   *list.List // of *entry, last used in front
	bytes   int
}

type entry struct {
	q       question
	answer  Answer
	expires time.Time
	bytes   int
}

func newCache(entries, bytes int) *cache {
	return &cache{
		now:        time.Now,
		maxEntries: entries,
		maxBytes:   bytes,
		entries:    make(map[question]*list.Element),
		order:      list.New(),
	}
}

// get returns the answer as it was got: its TTL is the published one, not what is
// left of it.
func (c *cache) get(q question) (Answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[q]
	if !ok {
		return Answer{}, false
	}
	e := el.Value.(*entry)
	if !c.now().Before(e.expires) {
		c.remove(el)
		return Answer{}, false
	}
	c.order.MoveToFront(el)
	return e.answer, true
}

func (c *cache) put(q question, a Answer) {
	limit := maxPositiveTTL
	if a.Kind != Found {
		limit = maxNegativeTTL
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.entries[q]; ok {
		c.remove(el)
	}
	e := &entry{q: q, answer: a, expires: c.now().Add(min(a.TTL, limit)), bytes: size(q, a)}
	if a.TTL <= 0 || e.bytes > c.maxBytes {
		return
	}
	c.entries[q] = c.order.PushFront(e)
	c.bytes += e.bytes
	for len(c.entries) > c.maxEntries || c.bytes > c.maxBytes {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(el *list.Element) {
	e := c.order.Remove(el).(*entry)
	delete(c.entries, e.q)
	c.bytes -= e.bytes
}

func size(q question, a Answer) int {
	n := entryOverhead + len(q.name) + 24*len(a.Addrs)
	for _, list := range [][]string{a.TXT, a.Names, a.Aliases} {
		for _, s := range list {
			n += 16 + len(s)
		}
	}
	for _, mx := range a.MX {
		n += 24 + len(mx.Host)
	}
	return n
}

// flights lets callers with the same question at the same time share one query.
type flights struct {
	mu      sync.Mutex
	running map[question]*flight
}

type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int
	answer  Answer
	err     error
}

// do runs fn once for all who ask q at the same time. The query belongs to all of
// them: it outlives the caller that began it, and is called off when the last left.
func (f *flights) do(ctx context.Context, q question, fn func(context.Context) (Answer, error)) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrTemporary, err)
	}
	f.mu.Lock()
	fl, ok := f.running[q]
	if !ok {
		fl = f.start(ctx, q, fn)
	}
	fl.waiting++
	f.mu.Unlock()

	select {
	case <-fl.done:
		return fl.answer, fl.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.waiting--
	if fl.waiting == 0 {
		fl.cancel()
		if f.running[q] == fl {
			delete(f.running, q)
		}
	}
	return Answer{}, fmt.Errorf("%w: %w", ErrTemporary, ctx.Err())
}

func (f *flights) start(ctx context.Context, q question, fn func(context.Context) (Answer, error)) *flight {
	shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), questionTimeout)
	fl := &flight{done: make(chan struct{}), cancel: cancel}
	f.running[q] = fl
	go func() {
		defer cancel()
		fl.answer, fl.err = guarded(shared, fn)
		f.mu.Lock()
		if f.running[q] == fl {
			delete(f.running, q)
		}
		f.mu.Unlock()
		close(fl.done)
	}()
	return fl
}

// guarded turns a panic of the DNS library into an answer that is not to be had: in a
// goroutine of its own it would end the process, whoever asked.
func guarded(ctx context.Context, fn func(context.Context) (Answer, error)) (a Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			a, err = Answer{}, fmt.Errorf("%w: panic: %v", ErrTemporary, p)
		}
	}()
	return fn(ctx)
}

package bolt

import "time"

// The fields of the counters; those of their numbers that need no list stand in
// counterNumbers.
const (
	countersHeldBytes = 7
	countersKeys      = 8
)

func counterNumbers(c *counters) []*uint64 {
	return []*uint64{1: &c.Seq, 2: &c.Duplicates, 3: &c.Aggregate, 4: &c.Failure, 5: &c.TLS, 6: &c.Held, 9: &c.Removed, 10: &c.Late}
}

func (w *writer) counters(c *counters) {
	for field, n := range counterNumbers(c) {
		if n != nil {
			w.number(field, *n)
		}
	}
	w.signed(countersHeldBytes, c.HeldBytes)
	for i := range c.Keys {
		w.optional(countersKeys, &c.Keys[i])
	}
}

func (r *reader) counters(c *counters) {
	numbers := counterNumbers(c)
	bucket := 0
	for r.next() {
		switch {
		case r.field == countersHeldBytes:
			c.HeldBytes = r.signed()
		case r.field == countersKeys && bucket < len(c.Keys):
			c.Keys[bucket] = r.signed()
			bucket++
		case r.field < len(numbers) && numbers[r.field] != nil:
			*numbers[r.field] = r.number()
		default:
			r.skip()
		}
	}
}

func (c *codec) newCounters(n *counters) (*value, error) {
	w := newWriter()
	w.counters(n)
	return c.finish(w, 0)
}

func (c *codec) counters(v stored) (n counters, err error) {
	err = c.decode(v, &n, func(r *reader) { r.counters(&n) })
	return n, err
}

const (
	cursorKind = 1 + iota
	cursorPeriod
	cursorPassed
	cursorPending
	cursorEnded
	cursorRetired
	cursorSeen
	cursorSeenAt
)

func (c *codec) newCursor(n *wireCursor) (*value, error) {
	w := newWriter()
	w.number(cursorKind, uint64(n.Kind))
	w.string(cursorPeriod, n.Period)
	w.number(cursorPassed, n.Passed)
	if p := n.Pending; p != nil {
		w.begin(cursorPending)
		w.number(1, p.From)
		w.number(2, p.To)
		w.time(3, p.Since.time())
		w.time(4, p.Until.time())
		w.end()
	}
	w.time(cursorEnded, n.Ended.time())
	w.flag(cursorRetired, n.Retired)
	w.number(cursorSeen, n.Seen)
	w.time(cursorSeenAt, n.SeenAt.time())
	return c.finish(w, 0)
}

func (c *codec) cursor(v stored) (*wireCursor, error) {
	n := &wireCursor{}
	err := c.decode(v, n, func(r *reader) { r.cursor(n) })
	return n, err
}

func (r *reader) cursor(n *wireCursor) {
	for r.next() {
		switch r.field {
		case cursorKind:
			n.Kind = byte(r.number())
		case cursorPeriod:
			n.Period = r.string()
		case cursorPassed:
			n.Passed = r.number()
		case cursorPending:
			n.Pending = r.pending()
		case cursorEnded:
			n.Ended = toWireTime(r.time())
		case cursorRetired:
			n.Retired = r.flag()
		case cursorSeen:
			n.Seen = r.number()
		case cursorSeenAt:
			n.SeenAt = toWireTime(r.time())
		default:
			r.skip()
		}
	}
}

func (r *reader) pending() *wireRange {
	p := &wireRange{}
	for r.enter(); r.next(); {
		switch r.field {
		case 1:
			p.From = r.number()
		case 2:
			p.To = r.number()
		case 3:
			p.Since = toWireTime(r.time())
		case 4:
			p.Until = toWireTime(r.time())
		default:
			r.skip()
		}
	}
	return p
}

func toWireTime(t time.Time) *wireTime {
	if t.IsZero() {
		return nil
	}
	return &wireTime{Seconds: t.Unix(), Nanoseconds: int32(t.Nanosecond())}
}

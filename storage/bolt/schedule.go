package bolt

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"reportmx/reports"
	"reportmx/storage"
)

// schedulePrefix begins the keys of cursors in the meta bucket. They are few, and
// there a file of an earlier version has room for them.
const schedulePrefix = "schedule:"

// wireCursor is a storage.Cursor in the file.
type wireCursor struct {
	Kind    byte       `cbor:"1,keyasint"`
	Period  string     `cbor:"2,keyasint"`
	Passed  uint64     `cbor:"3,keyasint,omitempty"`
	Pending *wireRange `cbor:"4,keyasint,omitempty"`
	Ended   *wireTime  `cbor:"5,keyasint,omitempty"`
	Retired bool       `cbor:"6,keyasint,omitempty"`
	Seen    uint64     `cbor:"7,keyasint,omitempty"` // the last number given at SeenAt
	SeenAt  *wireTime  `cbor:"8,keyasint,omitempty"`
}

type wireRange struct {
	From  uint64    `cbor:"1,keyasint"`
	To    uint64    `cbor:"2,keyasint"`
	Since *wireTime `cbor:"3,keyasint,omitempty"`
	Until *wireTime `cbor:"4,keyasint,omitempty"`
}

// BeginExport gives the range that a run of the schedule exports, and commits it
// as pending first: until it is confirmed each run gets the same one. resumed: it
// was pending already. nil: there is nothing to export. now decides which periods
// have ended.
func (s *Store) BeginExport(ctx context.Context, plan storage.Schedule, now time.Time) (r *storage.Range, resumed bool, err error) {
	err = s.do(ctx, 0, func(t *txn) error {
		c, err := t.cursor(plan)
		if err != nil {
			return err
		}
		if resumed = c.Pending != nil; resumed {
			r = c.Pending.give()
			return nil
		}
		p := c.next(plan.Period, t.counters.Seq, now)
		if r = p.give(); r == nil {
			return nil
		}
		c.Pending = p
		return t.putCursor(plan.Name, c)
	})
	if err != nil {
		return nil, false, fmt.Errorf("begin export %s: %w", plan.Name, err)
	}
	return r, resumed, nil
}

// ConfirmExport says that the files of a range are on disk: the next run gets the
// next one. storage.ErrNotPending when it is not the one that was begun.
func (s *Store) ConfirmExport(ctx context.Context, plan storage.Schedule, r storage.Range, now time.Time) error {
	err := s.do(ctx, 0, func(t *txn) error {
		c, err := t.cursor(plan)
		if err != nil {
			return err
		}
		if p := c.Pending.give(); p == nil || !same(*p, r) {
			return storage.ErrNotPending
		}
		c.confirm(t.counters.Seq, now)
		return t.putCursor(plan.Name, c)
	})
	if err != nil {
		return fmt.Errorf("confirm export %s: %w", plan.Name, err)
	}
	return nil
}

// SetSchedules tells which schedules the configuration has: from now on retention
// keeps what they have not exported. Those that it no longer has are remembered.
func (s *Store) SetSchedules(ctx context.Context, plans []storage.Schedule) error {
	err := s.do(ctx, 0, func(t *txn) error {
		for _, plan := range plans {
			c, err := t.cursor(plan)
			if err != nil {
				return err
			}
			if err := t.putCursor(plan.Name, c); err != nil {
				return err
			}
		}
		all, err := t.codec.cursors(t.tx)
		if err != nil {
			return err
		}
		for name, c := range all {
			if !c.Retired && !slices.ContainsFunc(plans, func(p storage.Schedule) bool { return p.Name == name }) {
				c.Retired = true
				if err := t.putCursor(name, c); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("set schedules: %w", err)
	}
	return nil
}

// Cursors gives how far each schedule has come, by name.
func (s *Store) Cursors() (list []storage.Cursor, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		all, err := s.codec.cursors(tx)
		for name, c := range all {
			plan := storage.Schedule{Name: name, Kind: kinds[c.Kind-1], Period: storage.Period(c.Period)}
			list = append(list, storage.Cursor{Schedule: plan, Passed: c.Passed, Pending: c.Pending.give(), Ended: c.Ended.time(), Retired: c.Retired})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read schedules: %w", err)
	}
	slices.SortFunc(list, func(a, b storage.Cursor) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return list, nil
}

// LowestCursor gives the sequence number up to which all schedules of a kind have
// exported: retention may remove a report of this number or a lower one, and no
// other. It is math.MaxUint64 when no schedule wants the kind.
func (s *Store) LowestCursor(kind reports.Kind) (uint64, error) {
	lowest := uint64(math.MaxUint64)
	cursors, err := s.Cursors()
	for i := range cursors {
		if c := &cursors[i]; c.Kind == kind && !c.Retired {
			lowest = min(lowest, c.Passed)
		}
	}
	return lowest, err
}

// next gives the range that is due, nil when none is.
func (c *wireCursor) next(period storage.Period, last uint64, now time.Time) *wireRange {
	if period == storage.PeriodArrived {
		if last <= c.Passed {
			return nil
		}
		return &wireRange{From: c.Passed + 1, To: last}
	}
	current := period.Before(now)
	since := c.Ended.time()
	if since.IsZero() || since != period.Before(since) { // the first one, or of another length than before
		since = period.Before(current.Add(-time.Second))
	}
	until := period.Next(since)
	if until.After(current) || last == 0 {
		return nil
	}
	return &wireRange{From: 1, To: last, Since: toWireTime(since), Until: toWireTime(until)}
}

// aheadOfReceipt is how much later than its receipt a report may end without being
// implausible.
const aheadOfReceipt = 24 * time.Hour

// confirm moves the cursor behind its pending range. With whole periods it passes
// what had arrived so long before the end of the range that it cannot belong to a
// later one.
func (c *wireCursor) confirm(last uint64, now time.Time) {
	p := c.Pending
	c.Pending = nil
	if p.Until == nil {
		c.Passed = p.To
		return
	}
	c.Ended = p.Until
	if seenAt := c.SeenAt.time(); !seenAt.IsZero() && c.Ended.time().Before(seenAt.Add(aheadOfReceipt)) {
		return
	}
	c.Passed = max(c.Passed, c.Seen)
	c.Seen, c.SeenAt = last, toWireTime(now)
}

func (p *wireRange) give() *storage.Range {
	if p == nil {
		return nil
	}
	return &storage.Range{From: p.From, To: p.To, Since: p.Since.time(), Until: p.Until.time()}
}

func same(a, b storage.Range) bool {
	return a.From == b.From && a.To == b.To && a.Since.Equal(b.Since) && a.Until.Equal(b.Until)
}

// cursor reads the cursor of a schedule, a new one where there is none, or one of
// another kind: what was exported of that says nothing of this one.
func (t *txn) cursor(plan storage.Schedule) (*wireCursor, error) {
	c := &wireCursor{}
	kind := kindNumber(plan.Kind)
	if v := get(t.tx, bucketMeta, []byte(schedulePrefix+plan.Name)); v.value != nil {
		var err error
		if c, err = t.codec.cursor(v); err != nil {
			return nil, err
		}
	}
	if kind == 0 {
		return nil, fmt.Errorf("%q is no kind of report", plan.Kind)
	}
	if c.Kind != kind {
		c = &wireCursor{Kind: kind}
	}
	c.Period, c.Retired = string(plan.Period), false
	return c, nil
}

func (t *txn) putCursor(name string, c *wireCursor) error {
	v, err := t.codec.newCursor(c)
	if err != nil {
		return err
	}
	return t.put(bucketMeta, []byte(schedulePrefix+name), v, nil)
}

func (c *codec) cursors(tx *bbolt.Tx) (map[string]*wireCursor, error) {
	all := make(map[string]*wireCursor)
	at := tx.Bucket([]byte(bucketMeta)).Cursor()
	for k, v := at.Seek([]byte(schedulePrefix)); bytes.HasPrefix(k, []byte(schedulePrefix)); k, v = at.Next() {
		s := stored{bucketMeta, k, v}
		w, err := c.cursor(s)
		if err != nil {
			return nil, err
		}
		if w.Kind == 0 || int(w.Kind) > len(kinds) {
			return nil, s.damaged("it is of kind %d", w.Kind)
		}
		all[string(k[len(schedulePrefix):])] = w
	}
	return all, nil
}

package bolt

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"reportmx/reports"
	"reportmx/storage"
)

// removeStep is how much is removed in one transaction: with its keys in the indexes
// a report changes some ten pages, so that a step writes a few megabytes at most.
const removeStep = 64

// Remove takes out of the store what is chosen, in steps that wait in the queue
// between what sessions commit, and gives how much it was: reports or messages. It
// rests after each step for as long as the step took. When it fails, or ctx ends,
// what has been removed so far stays removed, and is counted.
//
// Numbers rise as things arrive, but for messages that were in the hold, and when the clock
// is set back: without Removal.Enough it looks at all that there is.
func (s *Store) Remove(ctx context.Context, r storage.Removal) (n int, err error) {
	if s.options.ReadOnly && !r.Count {
		return 0, fmt.Errorf("remove: %w", errReadOnly)
	}
	rm := &removal{store: s, ctx: ctx, Removal: r}
	switch r.What {
	case storage.RawMessages:
		err = rm.messages()
	case storage.HeldMessages:
		err = rm.held()
	default:
		err = rm.reports(reports.Kind(r.What))
	}
	if err == nil {
		err = rm.step()
	}
	if err != nil {
		return rm.done, fmt.Errorf("remove: %w", err)
	}
	return rm.done, nil
}

// removal is one way through what may have to go.
type removal struct {
	storage.Removal
	store *Store
	ctx   context.Context

	young int      // things in a row that arrived after Enough
	batch []uint64 // to be removed with the next step
	done  int
}

// consider puts a thing into the next step if it is chosen, and tells whether to go
// on.
func (rm *removal) consider(seq uint64, arrived time.Time) (more bool, err error) {
	if !rm.Enough.IsZero() && arrived.After(rm.Enough) {
		rm.young++
		return rm.young < pageValues, nil
	}
	rm.young = 0
	if !rm.Chosen(seq, arrived) {
		return true, nil
	}
	rm.batch = append(rm.batch, seq)
	if len(rm.batch) < removeStep {
		return true, nil
	}
	return true, rm.step()
}

// step removes what has been gathered.
func (rm *removal) step() error {
	batch := rm.batch
	rm.batch = nil
	if rm.Count || len(batch) == 0 {
		rm.done += len(batch)
		return nil
	}
	start := time.Now()
	removed := 0
	err := rm.store.do(rm.ctx, 0, func(t *txn) error {
		removed = 0
		for _, seq := range batch {
			gone, err := t.remove(rm.What, seq)
			if err != nil {
				return err
			}
			if gone {
				removed++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	rm.done += removed
	select {
	case <-time.After(time.Since(start)):
		return nil
	case <-rm.ctx.Done():
		return rm.ctx.Err()
	}
}

func (rm *removal) reports(kind reports.Kind) error {
	if kindNumber(kind) == 0 {
		return fmt.Errorf("there is nothing that is called %q", rm.What)
	}
	if kind == reports.KindAggregate {
		return rm.aggregates()
	}
	for r, err := range rm.store.Reports(rm.ctx, storage.Query{Kind: kind, Target: rm.Target}) {
		if err != nil {
			return err
		}
		if more, err := rm.consider(r.Seq, r.Message.ReceivedAt); !more || err != nil {
			return err
		}
	}
	return nil
}

// aggregates does the same without decoding the reports. One is removed only after its
// last part: the rest of it may yet have to be read.
func (rm *removal) aggregates() error {
	for d, err := range rm.store.Digests(rm.ctx, storage.Query{Target: rm.Target}) {
		if err != nil {
			return err
		}
		if !d.Last {
			continue
		}
		if more, err := rm.consider(d.Seq, d.ReceivedAt); !more || err != nil {
			return err
		}
	}
	return nil
}

func (rm *removal) held() error {
	for h, err := range rm.store.HeldMessages(rm.ctx) {
		if err != nil {
			return err
		}
		if more, err := rm.consider(h.Seq, h.Message.ReceivedAt); !more || err != nil {
			return err
		}
	}
	return nil
}

// messages goes through the messages of aggregate and TLS reports. When one arrived
// stands with the report of its number.
func (rm *removal) messages() error {
	type message struct {
		seq     uint64
		arrived time.Time
	}
	var last uint64
	for {
		var page []message
		err := rm.store.view(func(tx *bbolt.Tx) error {
			c := tx.Bucket([]byte(bucketRaw)).Cursor()
			for k, v := c.Seek(seqKey(last + 1)); k != nil && len(page) < pageValues; k, v = c.Next() {
				if len(k) != 8 || binary.BigEndian.Uint64(k) <= last {
					return stored{bucketRaw, k, v}.damaged("its key is out of order")
				}
				last = binary.BigEndian.Uint64(k)
				arrived, err := rm.store.codec.arrived(tx, last)
				if err != nil {
					return err
				}
				page = append(page, message{last, arrived})
			}
			return nil
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, m := range page {
			if more, err := rm.consider(m.seq, m.arrived); !more || err != nil {
				return err
			}
		}
		if err := rm.ctx.Err(); err != nil {
			return err
		}
	}
}

// arrived gives when the message of that number arrived, the zero time when its
// report is gone: then nothing needs it any more.
func (c *codec) arrived(tx *bbolt.Tx, seq uint64) (time.Time, error) {
	for _, kind := range kinds {
		v := get(tx, bucketOf(kind), chunkKey(seq, 0))
		if v.value == nil {
			continue
		}
		return c.arrival(v)
	}
	return time.Time{}, nil
}

// remove takes one thing out, and tells whether it was there.
func (t *txn) remove(what storage.What, seq uint64) (bool, error) {
	switch what {
	case storage.RawMessages:
		before := t.counters
		err := t.delete(bucketRaw, seqKey(seq))
		return t.counters != before, err
	case storage.HeldMessages:
		if get(t.tx, bucketHeld, seqKey(seq)).value == nil {
			return false, nil
		}
		return true, t.dropHeld(seq)
	}
	at := ref{reports.Kind(what), seq}
	v := get(t.tx, bucketOf(at.kind), chunkKey(seq, 0))
	if v.value == nil {
		return false, nil
	}
	return true, t.removeReport(at, v)
}

// removeReport takes out a report, its keys in the indexes, and its message.
func (t *txn) removeReport(at ref, head stored) error {
	if err := t.indexed(at.seq); err != nil {
		return err
	}
	r, chunks, err := t.codec.head(at, head)
	if err != nil {
		return err
	}
	b, _, _, err := head.unseal(stampBytes)
	if err != nil {
		return err
	}
	raw := parseStamp(b).raw
	for i := range chunks {
		if err := t.takeChunk(at, i); err != nil {
			return err
		}
	}
	if err := t.take(bucketIdentity, append(identityPrefix(&r.Report), r.ContentHash[:identityBytes]...)); err != nil {
		return err
	}
	for _, d := range domainKeys(r) {
		if err := t.take(bucketDomain, append(d, seqKey(at.seq)...)); err != nil {
			return err
		}
	}
	for _, bucket := range []string{bucketRaw, bucketFailureRaw} {
		if err := t.delete(bucket, seqKey(raw)); err != nil {
			return err
		}
	}
	*t.counters.of(at.kind)--
	t.counters.Removed++
	return nil
}

// takeChunk removes a chunk of a report and its columns.
func (t *txn) takeChunk(at ref, chunk uint32) error {
	key := chunkKey(at.seq, chunk)
	if at.kind == reports.KindAggregate {
		if err := t.take(bucketColumns, key); err != nil {
			return err
		}
	}
	return t.take(bucketOf(at.kind), key)
}

// take removes a key that must be there: an index that is left with a key of a
// report that is gone would be taken for damage by each reader.
func (t *txn) take(bucket string, key []byte) error {
	if v := get(t.tx, bucket, key); v.value == nil {
		return v.damaged("it is not there")
	}
	return t.delete(bucket, key)
}

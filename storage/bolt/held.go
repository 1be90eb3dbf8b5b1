package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"

	"go.etcd.io/bbolt"

	"reportmx/storage"
)

// Held gives one held message, without its raw bytes; storage.ErrNotFound when
// there is none of that number.
func (s *Store) Held(seq uint64) (h *storage.Held, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		h, err = s.codec.heldAt(tx, seq)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("held message %d: %w", seq, err)
	}
	return h, nil
}

func (c *codec) heldAt(tx *bbolt.Tx, seq uint64) (*storage.Held, error) {
	v := get(tx, bucketHeld, seqKey(seq))
	if v.value == nil {
		return nil, storage.ErrNotFound
	}
	return c.held(seq, v)
}

// HeldMessages gives what is in the hold, oldest first. What is dropped meanwhile
// may be missing, what comes meanwhile may be there. After an error it ends.
func (s *Store) HeldMessages(ctx context.Context) iter.Seq2[*storage.Held, error] {
	return func(yield func(*storage.Held, error) bool) {
		var last uint64
		for {
			page, err := s.heldPage(ctx, last)
			if err != nil {
				yield(nil, fmt.Errorf("held messages: %w", err))
				return
			}
			for _, h := range page {
				if !yield(h, nil) {
					return
				}
				last = h.Seq
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

// heldPage gives some held messages with higher numbers than after.
func (s *Store) heldPage(ctx context.Context, after uint64) (page []*storage.Held, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte(bucketHeld)).Cursor()
		for k, v := c.Seek(seqKey(after + 1)); k != nil && len(page) < pageValues; k, v = c.Next() {
			at := stored{bucketHeld, k, v}
			if len(k) != 8 || binary.BigEndian.Uint64(k) <= after {
				return at.damaged("its key is out of order")
			}
			h, err := s.codec.held(binary.BigEndian.Uint64(k), at)
			if err != nil {
				return err
			}
			after = h.Seq
			page = append(page, h)
		}
		return nil
	})
	return page, err
}

// HeldRaw gives a held message as it was received, with our Received line;
// storage.ErrNotFound when there is none of that number.
func (s *Store) HeldRaw(seq uint64) ([]byte, error) {
	raw, err := s.raw(seq, bucketHeldRaw)
	if err != nil {
		return nil, fmt.Errorf("held message %d: %w", seq, err)
	}
	return raw, nil
}

// DropHeld removes a message from the hold for good; storage.ErrNotFound when
// there is none of that number. If it is sent again, it is held again.
func (s *Store) DropHeld(ctx context.Context, seq uint64) error {
	if err := s.do(ctx, 0, func(t *txn) error { return t.dropHeld(seq) }); err != nil {
		return fmt.Errorf("drop held message %d: %w", seq, err)
	}
	return nil
}

func (t *txn) dropHeld(seq uint64) error {
	h, err := t.codec.heldAt(t.tx, seq)
	if err != nil {
		return err
	}
	if err := t.delete(bucketHeld, seqKey(seq)); err != nil {
		return err
	}
	if err := t.delete(bucketHeldRaw, seqKey(seq)); err != nil {
		return err
	}
	if err := t.delete(bucketHeldHash, h.Hash[:]); err != nil {
		return err
	}
	t.counters.Held--
	t.counters.HeldBytes -= h.Takes()
	return nil
}

// Raw gives the message that a report came in, as it was received, with our
// Received line; storage.ErrNotFound when there is no report of that number or its
// message was not kept.
func (s *Store) Raw(seq uint64) ([]byte, error) {
	at, err := s.rawOf(seq)
	if err == nil {
		var raw []byte
		if raw, err = s.raw(at, bucketRaw, bucketFailureRaw); err == nil {
			return raw, nil
		}
	}
	return nil, fmt.Errorf("message of report %d: %w", seq, err)
}

// rawOf gives the number under which the message of a report is kept.
func (s *Store) rawOf(seq uint64) (at uint64, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		for _, kind := range kinds {
			v := get(tx, bucketOf(kind), chunkKey(seq, 0))
			if v.value == nil {
				continue
			}
			b, _, _, err := v.unseal(stampBytes)
			if err != nil {
				return err
			}
			if at = parseStamp(b).raw; at != 0 {
				return nil
			}
		}
		return storage.ErrNotFound
	})
	return at, err
}

// raw reads a message from the first of the buckets that has one of that number.
func (s *Store) raw(seq uint64, buckets ...string) ([]byte, error) {
	var v stored
	err := s.view(func(tx *bbolt.Tx) error {
		for _, bucket := range buckets {
			if v = get(tx, bucket, seqKey(seq)); v.value == nil {
				continue
			}
			v.value, v.key = bytes.Clone(v.value), seqKey(seq)
			return nil
		}
		return storage.ErrNotFound
	})
	if err != nil {
		return nil, err
	}
	return s.codec.message(v)
}

// number reads a value that is a sequence number.
func (v stored) number() (uint64, error) {
	_, _, body, err := v.unseal(0)
	if err != nil {
		return 0, err
	}
	if len(body) != 8 {
		return 0, v.damaged("it is no number")
	}
	return binary.BigEndian.Uint64(body), nil
}

package bolt

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"reportmx/storage"
)

// Differs tells whether a report is kept otherwise than it would be written now;
// storage.ErrNotFound when there is none of its number.
func (s *Store) Differs(r *storage.Report) (differs bool, err error) {
	values, err := s.codec.chunks(r)
	if err != nil {
		return false, fmt.Errorf("compare report %d: %w", r.Seq, err)
	}
	err = s.view(func(tx *bbolt.Tx) error {
		bucket := bucketOf(r.Kind)
		if get(tx, bucket, chunkKey(r.Seq, 0)).value == nil {
			return storage.ErrNotFound
		}
		for i, v := range values {
			old := get(tx, bucket, chunkKey(r.Seq, uint32(i)))
			if old.value == nil {
				differs = true
				return nil
			}
			was, err := s.codec.spelled(ref{r.Kind, r.Seq}, old)
			if err != nil {
				return err
			}
			is, err := s.codec.unpack(v.b[1], v.b[headerBytes+v.stamp:])
			if err != nil {
				return err
			}
			differs = differs || !bytes.Equal(was, is)
		}
		differs = differs || get(tx, bucket, chunkKey(r.Seq, uint32(len(values)))).value != nil
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("compare report %d: %w", r.Seq, err)
	}
	return differs, nil
}

// Replace writes a report anew under its number. Identity and content must be those
// that it has: storage.ErrOtherReport. Number, conflict and message stay.
func (s *Store) Replace(ctx context.Context, r *storage.Report) error {
	p, err := s.prepareReport(r)
	if err == nil {
		err = s.do(ctx, 0, func(t *txn) error { return t.replace(r.Seq, &p) })
	}
	if err != nil {
		return fmt.Errorf("replace report %d: %w", r.Seq, err)
	}
	return nil
}

func (t *txn) replace(seq uint64, p *report) error {
	bucket := bucketOf(p.kind)
	head := get(t.tx, bucket, chunkKey(seq, 0))
	if head.value == nil {
		return storage.ErrNotFound
	}
	old, chunks, err := t.codec.head(ref{p.kind, seq}, head)
	if err != nil {
		return err
	}
	if !bytes.Equal(identityPrefix(&old.Report), p.identity) || !bytes.Equal(old.ContentHash[:identityBytes], p.content) {
		return storage.ErrOtherReport
	}
	if err := t.indexed(seq); err != nil {
		return err
	}
	b, _, _, err := head.unseal(stampBytes)
	if err != nil {
		return err
	}
	mark := bytes.Clone(b)
	for i := range chunks {
		if err := t.takeChunk(ref{p.kind, seq}, i); err != nil {
			return err
		}
	}
	for _, d := range domainKeys(old) {
		if err := t.take(bucketDomain, append(d, seqKey(seq)...)); err != nil {
			return err
		}
	}
	t.counters.Removed++ // a reader between its parts must not mix old and new
	return p.putAgain(t, seq, mark)
}

// putAgain puts the parts of a report and its keys in the index of domains; that of
// identities has not changed.
func (r *report) putAgain(t *txn, seq uint64, mark []byte) error {
	for i, v := range r.chunks {
		var b []byte
		if i == 0 {
			b = mark
		}
		if err := t.put(bucketOf(r.kind), chunkKey(seq, uint32(i)), v, b); err != nil {
			return err
		}
	}
	if err := r.putColumns(t, seq, parseStamp(mark).conflict); err != nil {
		return err
	}
	name := ref{r.kind, seq}.append(nil)
	for _, d := range r.domains {
		if err := t.putSmall(bucketDomain, append(d[:len(d):len(d)], seqKey(seq)...), name); err != nil {
			return err
		}
	}
	return nil
}

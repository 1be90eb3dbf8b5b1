package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
)

// Verify reads all of a file and decodes it: what Examine looks at, each report, each
// message down to its SHA-256, each held message, that each index leads to a
// report, and that there are as many identities as reports. It gives the first thing
// that is wrong, as storage.ErrDamaged.
//
// It belongs in a process of its own, as Examine does.
func Verify(ctx context.Context, path string) error {
	return examine(path, func(s *Store) error {
		if err := s.checkPages(ctx); err != nil {
			return err
		}
		return s.verify(ctx)
	})
}

// verify is Verify but for the pages.
func (s *Store) verify(ctx context.Context) error {
	if err := s.Check(ctx); err != nil {
		return err
	}
	for _, err := range s.HeldMessages(ctx) {
		if err != nil {
			return err
		}
	}
	for _, bucket := range []string{bucketRaw, bucketFailureRaw, bucketHeldRaw} {
		err := s.eachKey(ctx, bucket, func(_ *bbolt.Tx, v stored) error {
			if len(v.key) != 8 {
				return v.damaged("its key is no number")
			}
			_, err := s.raw(binary.BigEndian.Uint64(v.key), bucket)
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, bucket := range []string{bucketIdentity, bucketDomain} {
		if err := s.eachKey(ctx, bucket, leadsToReport); err != nil {
			return err
		}
	}
	if err := s.checkIndexed(); err != nil {
		return err
	}
	return s.eachKey(ctx, bucketHeldHash, func(tx *bbolt.Tx, v stored) error {
		seq, err := v.number()
		if err == nil && get(tx, bucketHeld, seqKey(seq)).value == nil {
			err = v.damaged("held message %d is not there", seq)
		}
		return err
	})
}

// leadsToReport checks a key of an index.
func leadsToReport(tx *bbolt.Tx, v stored) error {
	at, err := v.ref()
	if err == nil && get(tx, bucketOf(at.kind), chunkKey(at.seq, 0)).value == nil {
		err = v.damaged("report %d is not there", at.seq)
	}
	return err
}

// eachKey visits the values of a bucket in short transactions.
func (s *Store) eachKey(ctx context.Context, bucket string, visit func(tx *bbolt.Tx, v stored) error) error {
	from := []byte{}
	for from != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.view(func(tx *bbolt.Tx) error {
			c := tx.Bucket([]byte(bucket)).Cursor()
			k, v := c.Seek(from)
			from = nil
			for range pageValues {
				if k == nil {
					return nil
				}
				if err := visit(tx, stored{bucket, k, v}); err != nil {
					return err
				}
				from = append(bytes.Clone(k), 0)
				k, v = c.Next()
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("check %s: %w", bucket, err)
		}
	}
	return nil
}

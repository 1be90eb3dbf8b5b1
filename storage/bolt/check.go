package bolt

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"go.etcd.io/bbolt"

	"reportmx/reports"
	"reportmx/storage"
)

// Check reads the whole store: that every key is there, in order, where it is looked
// for, and every value what was written. It gives the first thing that is wrong, as storage.ErrDamaged.
// Nothing may be written meanwhile.
//
// It trusts bbolt to find its way through the pages. A file that may be damaged
// there is to be checked in a process of its own: bbolt can run in circles.
func (s *Store) Check(ctx context.Context) error {
	if err := s.checkKeys(ctx); err != nil {
		return err
	}
	if err := s.checkReports(ctx); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return nil
}

// checkReports decodes all reports, and tells whether their columns fit them. In a
// store that is not up to date there may be none.
func (s *Store) checkReports(ctx context.Context) error {
	next, stop := iter.Pull2(s.Digests(ctx, storage.Query{}))
	defer stop()
	for r, err := range s.Reports(ctx, storage.Query{}) {
		if err != nil {
			return err
		}
		if r.Kind != reports.KindAggregate || !s.layout.current() {
			continue
		}
		d, err, more := next()
		if err != nil {
			return err
		}
		if !more || !d.Equal(storage.DigestOf(r)) {
			return fmt.Errorf("%w: the columns of report %d do not fit it", storage.ErrDamaged, r.Seq)
		}
	}
	if !s.layout.current() {
		return nil
	}
	d, err, more := next()
	if more && err == nil {
		err = fmt.Errorf("%w: there are columns of report %d and not the report", storage.ErrDamaged, d.Seq)
	}
	return err
}

// checkKeys is Check but for decoding the values.
func (s *Store) checkKeys(ctx context.Context) error {
	c := s.now()
	for i, bucket := range s.layout.buckets() {
		if bucket == bucketMeta {
			continue
		}
		n, err := s.checkBucket(ctx, bucket)
		if err != nil {
			return fmt.Errorf("check %s: %w", bucket, err)
		}
		if n != c.Keys[i] {
			return fmt.Errorf("check %s: %w: it should have %d keys and shows %d", bucket, storage.ErrDamaged, c.Keys[i], n)
		}
	}
	return nil
}

// checkBucket reads the values of a bucket, page by page, and counts them.
func (s *Store) checkBucket(ctx context.Context, bucket string) (n int64, err error) {
	var last []byte
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		err = s.view(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(bucket))
			c := b.Cursor()
			k, v := c.Seek(append(bytes.Clone(last), 0))
			if last == nil {
				k, v = c.First()
			}
			for i := 0; k != nil && i < pageValues; i++ {
				at := stored{bucket, k, v}
				if last != nil && bytes.Compare(k, last) <= 0 {
					return at.damaged("its key is out of order")
				}
				if err := at.check(); err != nil {
					return err
				}
				if b.Get(k) == nil {
					return at.damaged("the pages above it lead elsewhere")
				}
				last = bytes.Clone(k)
				n++
				k, v = c.Next()
			}
			more = k != nil
			return nil
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// check tells whether a value has its checksum.
func (v stored) check() error {
	stamp := 0
	switch v.bucket {
	case bucketAggregate, bucketTLS, bucketFailure:
		if bytes.HasSuffix(v.key, []byte{0, 0, 0, 0}) {
			stamp = stampBytes
		}
	case bucketColumns:
		stamp = columnStampBytes
	}
	_, _, _, err := v.unseal(stamp)
	return err
}

package bolt

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"reportmx/storage"
)

// deepest bounds the stack while a file is examined, in bytes: pages that point at
// each other in a circle end the process soon, and not when a gigabyte is used.
const deepest = 64 << 20

// Examine looks at all of a file that may be damaged: the pages, the list of free
// ones, that no key is missing, and the checksum of each value. It gives the first
// thing that is wrong, as storage.ErrDamaged. Decoding the values is left to Check:
// it takes five times as long and could only find a mistake of the program.
//
// It belongs in a process of its own, which ends afterwards: what is wrong can make
// bbolt take the process with it, and when ctx ends its walk goes on.
func Examine(ctx context.Context, path string) error {
	return examine(path, func(s *Store) error {
		if err := s.checkPages(ctx); err != nil {
			return err
		}
		return s.checkKeys(ctx)
	})
}

// Glance looks at as little of a file as will show that it can be opened and that
// the way to the ends of each bucket is whole. It belongs in a process of its own,
// as Examine does.
func Glance(path string) error {
	return examine(path, func(s *Store) error { return s.view(s.glance) })
}

func examine(path string, look func(*Store) error) error {
	debug.SetMaxStack(deepest)
	s, err := Open(path, Options{ReadOnly: true, anyLayout: true})
	if err != nil {
		return err
	}
	err = look(s)
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		err = errors.Join(err, s.Close()) // not under the feet of a walk that goes on
	}
	if err != nil {
		return fmt.Errorf("examine store %s: %w", path, err)
	}
	return nil
}

// checkPages runs bbolt's own check: each page has one owner, or is free.
func (s *Store) checkPages(ctx context.Context) error {
	return s.view(func(tx *bbolt.Tx) error {
		faults := tx.Check()
		for {
			select {
			case err, more := <-faults:
				if !more {
					return nil
				}
				return fmt.Errorf("%w: %w", storage.ErrDamaged, err)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
}

func (s *Store) glance(tx *bbolt.Tx) error {
	for _, bucket := range s.layout.buckets()[1:] {
		c := tx.Bucket([]byte(bucket)).Cursor()
		for _, end := range []func() ([]byte, []byte){c.First, c.Last} {
			k, v := end()
			if k == nil {
				continue
			}
			if err := (stored{bucket, k, v}).check(); err != nil {
				return err
			}
		}
	}
	return nil
}

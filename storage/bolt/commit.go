package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"reportmx/storage"
)

var errReadOnly = errors.New("store is open for reading only")

// Commit stores a batch in one transaction and returns when it is on disk. It
// encodes and compresses in the caller's goroutine. A context that ends takes the
// batch back as long as it waits; once it is being written, Commit waits for the
// answer, so that an error always means that nothing was stored.
//
// After storage.ErrUncertain every later Commit fails with it.
func (s *Store) Commit(ctx context.Context, b storage.Batch) (storage.Outcome, error) {
	p, err := s.prepare(&b)
	if err != nil {
		return storage.Outcome{}, fmt.Errorf("commit: %w", err)
	}
	if err := s.do(ctx, p.size, p.apply); err != nil {
		return storage.Outcome{}, fmt.Errorf("commit: %w", err)
	}
	return p.outcome, nil
}

// do has the committer make a change and waits for it.
func (s *Store) do(ctx context.Context, size int, apply func(t *txn) error) error {
	if s.options.ReadOnly {
		return errReadOnly
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{apply: apply, size: size, done: make(chan error, 1)}
	if err := s.queue.add(j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if s.queue.withdraw(j) {
			return ctx.Err()
		}
		return <-j.done
	}
}

// commitLoop is the committer.
func (s *Store) commitLoop() {
	defer close(s.done)
	for {
		group := s.queue.take()
		if len(group) == 0 {
			s.saveDuplicates()
			return
		}
		s.commitGroup(group)
		s.catchUp()
		s.writeAhead()
		s.reopen()
	}
}

// saveDuplicates writes the duplicates that were only counted in memory so far.
func (s *Store) saveDuplicates() {
	if s.broken || s.counters.Duplicates == s.saved.Duplicates {
		return
	}
	if _, err := s.attempt([]*job{{apply: func(t *txn) error { t.dirty = true; return nil }}}); err != nil {
		s.options.Logger.Warn("count of duplicates not saved", "error", err)
	}
}

// commitGroup commits jobs together. One that fails is left out and fails alone.
func (s *Store) commitGroup(group []*job) {
	for len(group) > 0 {
		failed, err := s.attempt(group)
		if err == nil || failed < 0 {
			for _, j := range group {
				j.done <- err
			}
			return
		}
		group[failed].done <- err
		group = slices.Delete(group, failed, failed+1)
	}
}

// attempt commits jobs in one transaction, or changes nothing. If one job is to
// blame it gives its index, else -1.
func (s *Store) attempt(group []*job) (failed int, err error) {
	if s.broken {
		return -1, storage.ErrUncertain
	}
	tx, err := s.db.Begin(true)
	if err != nil {
		return -1, err
	}
	t := &txn{tx: tx, codec: s.codec, counters: s.counters, passed: &s.passed, began: s.counters.Seq, before: &s.late}
	failed = -1
	err = guard(func() error {
		for i, j := range group {
			if err := j.apply(t); err != nil {
				failed = i
				return err
			}
		}
		if t.dirty {
			return t.putCounters()
		}
		return nil
	})
	if err != nil {
		return failed, errors.Join(err, s.rollBack(tx))
	}
	if !t.dirty {
		s.publish(t)
		return -1, s.rollBack(tx)
	}
	return -1, s.finish(t)
}

// finish writes and syncs a transaction, and decides what an error means.
func (s *Store) finish(t *txn) error {
	id := t.tx.ID()
	err := guard(t.tx.Commit)
	if err == nil {
		s.saved = t.counters
		s.publish(t)
		return nil
	}
	rolledBack := s.rollBack(t.tx)
	if rolledBack == nil && beforeSync(err) && !s.visible(id) {
		return err
	}
	return s.giveUp(errors.Join(err, rolledBack))
}

// rollBack ends a transaction without a trace. After an error of Commit bbolt has
// done so already, after its panic it has not.
func (s *Store) rollBack(tx *bbolt.Tx) error {
	err := guard(tx.Rollback)
	if err == nil || errors.Is(err, berrors.ErrTxClosed) {
		return nil
	}
	return s.giveUp(err)
}

// giveUp ends all writing. It is called when it is not known what is on disk.
func (s *Store) giveUp(err error) error {
	err = fmt.Errorf("%w: %w", storage.ErrUncertain, err)
	s.broken = true
	s.queue.fail(err)
	return err
}

// publish lets readers know of a transaction.
func (s *Store) publish(t *txn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters = t.counters
	if t.before != &s.late { // they have been put
		s.late = lateKeys{}
	}
	s.late.join(&t.late)
}

// beforeSync tells whether a commit failed before any sync: no space to write a
// page or to grow the file. All else is taken for the worst. bbolt hands over the
// bare error number of a failed sync, and wraps that of growing as text only.
func beforeSync(err error) bool {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Op == "write"
	}
	return strings.HasPrefix(err.Error(), "file resize error:")
}

// visible tells whether readers see the transaction of that number, as they do
// when the write of the meta page went through and its sync failed.
func (s *Store) visible(id int) bool {
	last := id
	err := s.view(func(tx *bbolt.Tx) error {
		last = tx.ID()
		return nil
	})
	return err != nil || last >= id
}

package bolt

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// reopenAfter is for how many new sequence numbers the file stays open. For each page that
// bbolt takes from its list of free ones it notes by which transaction, and drops the note
// only when the page is free again: 12 bytes a report, for as long as the file is open
// (shared.allocs in its internal/freelist). What it reads anew has no notes.
const reopenAfter = 20_000

// reopen closes the file and opens it again when it has been open for long. It waits for
// nobody: while somebody reads, it is left for the next time. For a moment the file is not
// locked; should another process take it then and keep it, or write to it, nothing more
// can be written here.
func (s *Store) reopen() {
	if s.broken || s.saved.Seq < s.reopenAt || !s.opening.TryLock() {
		return
	}
	defer s.opening.Unlock()
	s.reopenAt = s.saved.Seq + s.options.reopenAfter
	err := s.db.Close()
	if err == nil {
		err = s.openFile()
	}
	if err == nil {
		err = s.untouched()
	}
	if err != nil {
		s.giveUp(fmt.Errorf("open the file again: %w", err))
	}
}

// untouched tells whether the file counts what was written here last.
func (s *Store) untouched() error {
	return guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			c, err := s.loadCounters(tx)
			if err == nil && c != s.saved {
				err = errors.New("another process has written to it")
			}
			return err
		})
	})
}

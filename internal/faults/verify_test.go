package faults

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"go.etcd.io/bbolt"

	"reportmx/storage"
	"reportmx/storage/bolt"
)

// verify holds a store against what was sent and acknowledged: each acknowledged
// report is there, nothing is there twice, and all that is there is what was sent.
// It gives how many reports there are.
func verify(path string, l *ledger) (int, error) {
	return verifyMaps(path, l.sent, l.acked)
}

func verifyMaps(path string, sent map[string][sha256.Size]byte, acked map[string]string) (int, error) {
	s, err := bolt.Open(path, bolt.Options{ReadOnly: true, Timeout: 10 * time.Second})
	if errors.Is(err, fs.ErrNotExist) && len(acked) == 0 {
		return 0, nil // cut while it was made
	}
	if err != nil {
		return 0, err
	}
	found, err := contents(s, sent)
	if err := errors.Join(err, s.Close()); err != nil {
		return 0, err
	}
	lost := 0
	for id := range acked {
		if !found[id] {
			lost++
			err = fmt.Errorf("%d of %d acknowledged reports are lost, as %s", lost, len(acked), id)
		}
	}
	if err != nil {
		return 0, err
	}
	return len(found), check(path)
}

// contents reads all reports, and the message of every tenth.
func contents(s *bolt.Store, sent map[string][sha256.Size]byte) (map[string]bool, error) {
	found := map[string]bool{}
	for r, err := range s.Reports(context.Background(), storage.Query{}) {
		if err != nil {
			return nil, err
		}
		id := r.Aggregate.ReportID
		switch want, ok := sent[id]; {
		case !ok:
			return nil, fmt.Errorf("report %q was never sent", id)
		case r.ContentHash != want:
			return nil, fmt.Errorf("report %q is garbled", id)
		case found[id]:
			return nil, fmt.Errorf("report %q is there twice", id)
		}
		found[id] = true
		if r.Seq%10 == 0 {
			if _, err := s.Raw(r.Seq); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// check runs bbolt's own examination.
func check(path string) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: 10 * time.Second})
	if err != nil {
		return fmt.Errorf("bbolt: %w", err)
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error {
		var first error
		for err := range tx.Check() {
			if first == nil {
				first = fmt.Errorf("bbolt check: %w", err)
			}
		}
		return first
	})
}

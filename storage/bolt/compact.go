package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// compactStep bounds one transaction of a compaction, in bytes of keys and values.
const compactStep = 16 << 20

// Compact writes the file anew without its free pages, and gives its size before and
// after in bytes. It needs the store for itself: storage.ErrLocked when a server has
// it. The new file is read to its end and synced before it takes the place of the
// old one, so that whenever the machine fails there is one of them.
func Compact(ctx context.Context, path string) (before, after int64, err error) {
	if _, err := os.Stat(path); err != nil {
		return 0, 0, fmt.Errorf("compact store: %w", err)
	}
	s, err := Open(path, Options{})
	if err != nil {
		return 0, 0, fmt.Errorf("compact: %w", err)
	}
	defer s.Close() // nothing was written: the lock is all that it lets go of
	temp := path + ".compact"
	if before, err = s.fileBytes(); err == nil {
		after, err = s.compactInto(ctx, temp)
	}
	if err == nil {
		err = replace(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return 0, 0, fmt.Errorf("compact store %s: %w", path, err)
	}
	return before, after, nil
}

func (s *Store) compactInto(ctx context.Context, temp string) (size int64, err error) {
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	db, err := bbolt.Open(temp, 0o600, &bbolt.Options{Timeout: lockWait, NoSync: true, NoStatistics: true, PageSize: pageSize})
	if err != nil {
		return 0, err
	}
	err = guard(func() error { return bbolt.Compact(db, s.db, compactStep) })
	if err == nil {
		err = db.Sync()
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return 0, err
	}
	made, err := Open(temp, Options{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	err = made.checkPages(ctx)
	if err == nil {
		err = made.verify(ctx)
	}
	if err == nil && made.now() != s.now() {
		err = errors.New("the new file counts other things than the old one")
	}
	if err == nil {
		size, err = made.fileBytes()
	}
	return size, errors.Join(err, made.Close())
}

func replace(temp, path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return folder.Sync()
}

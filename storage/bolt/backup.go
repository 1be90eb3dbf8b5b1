package bolt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// Copy gives a copy of the file as of one moment, in a file without a name beside it,
// ready to be read from its start; size is in bytes. With the caller's Close it is
// gone. Copying holds a read transaction for as long as the disk takes, and whoever
// reads the copy, however slowly, holds none.
func (s *Store) Copy() (copied *os.File, size int64, err error) {
	s.copying.Lock() // two at once would only make each other slow
	defer s.copying.Unlock()
	f, err := os.CreateTemp(filepath.Dir(s.path), ".copy.*")
	if err != nil {
		return nil, 0, fmt.Errorf("copy store: %w", err)
	}
	err = os.Remove(f.Name())
	if err == nil {
		err = s.view(func(tx *bbolt.Tx) error {
			size, err = tx.WriteTo(f)
			return err
		})
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("copy store: %w", errors.Join(err, f.Close()))
	}
	return f, size, nil
}

// sameFile tells whether a path still leads to an open file: one that was waiting for
// a lock may have got that of a file that compact has replaced.
func sameFile(path string, f *os.File) (bool, error) {
	var named, open unix.Stat_t
	if err := unix.Stat(path, &named); err != nil {
		return false, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if err := unix.Fstat(int(f.Fd()), &open); err != nil {
		return false, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return named.Dev == open.Dev && named.Ino == open.Ino, nil
}

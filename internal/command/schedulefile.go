package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// compressor puts a compression before w; finish ends it. The same bytes become
// the same bytes: neither a time nor a name is in them.
func compressor(name string, w io.Writer) (out io.Writer, finish func() error, err error) {
	switch name {
	case "gzip":
		z := gzip.NewWriter(w)
		return z, z.Close, nil
	case "zstd":
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return w, func() error { return nil }, nil
}

// lockSchedule makes sure that one run of a schedule is under way at a time: the
// kernel lets go of the lock when the run ends in any way.
func lockSchedule(dir, name string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "."+name+".lock"), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%w: another run is under way (%w)", errTemporary, err)
	}
	return lock, nil
}

// installFile has write fill the file temp, and makes it the file path once it is
// on disk; not if write says that it is not worth keeping. What a killed run left
// in temp is written over.
func installFile(path, temp string, write func(io.Writer) (keep bool, err error)) (kept bool, err error) {
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return false, err
	}
	kept, err = write(f)
	if err == nil && kept {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err != nil || !kept {
		return false, errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, path); err != nil {
		return false, errors.Join(err, os.Remove(temp))
	}
	return true, syncFolder(filepath.Dir(path))
}

// makeFolder makes a folder, and those above it, so that they outlive a power cut.
func makeFolder(dir string) error {
	err := os.Mkdir(dir, 0o750)
	if errors.Is(err, os.ErrNotExist) {
		if err := makeFolder(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o750)
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	// An earlier run may have been killed before it came to this. Who may not read
	// the parent did not make the folder either.
	if err := syncFolder(filepath.Dir(dir)); err != nil && !errors.Is(err, os.ErrPermission) {
		return err
	}
	return nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

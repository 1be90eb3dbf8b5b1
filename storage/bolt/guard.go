package bolt

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"

	"reportmx/storage"
)

// guard runs access, which touches the mapped file, and turns its panic into
// storage.ErrDamaged. On a damaged file bbolt panics where its pages contradict
// each other, and the process faults where they point past the end of the file.
//
// Deliberately a panic of our own is taken for damage, too: both mean that the
// value cannot be had.
func guard(access func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", storage.ErrDamaged, v)
		}
	}()
	return access()
}

// isSystemError tells whether the operating system refused, in contrast to
// content that makes no sense.
func isSystemError(err error) bool {
	var path *os.PathError
	var number syscall.Errno
	return errors.As(err, &path) || errors.As(err, &number)
}

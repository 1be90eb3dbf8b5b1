package command

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The modes of files before the umask.
const (
	plainFile   = 0o666
	privateFile = 0o600 // of personal data
)

// writeOutput lets write fill stdout, or the named file atomically: the old
// content stays until the new is complete and on disk.
func (e *env) writeOutput(name string, mode os.FileMode, write func(io.Writer) error) error {
	if name == "" || name == "-" {
		return write(e.stdout)
	}
	if err := replaceFile(name, mode, write); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// replaceFile is writeOutput for a file. One that is there keeps its mode as far as
// the one given allows; a link leads to the file, and a pipe or device, which cannot
// be replaced, is written into.
func replaceFile(name string, mode os.FileMode, write func(io.Writer) error) error {
	info, err := os.Stat(name)
	there := err == nil
	switch {
	case there && info.IsDir():
		return fmt.Errorf("%w: a folder; name a file in it", errUsage)
	case there && !info.Mode().IsRegular():
		return writeInto(name, write)
	case there:
		mode &= info.Mode().Perm()
	}
	if _, linkErr := os.Readlink(name); linkErr == nil {
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
	}
	dir := filepath.Dir(name)
	// os.CreateTemp would leave the umask out.
	temp := filepath.Join(dir, "."+filepath.Base(name)+"."+rand.Text()[:10])
	tmp, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	err = write(tmp)
	if err == nil && there {
		err = tmp.Chmod(mode)
	}
	if err == nil {
		err = tmp.Sync()
	}
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func writeInto(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

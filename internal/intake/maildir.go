package intake

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"reportmx/smtpd"
)

// errMailboxFull: the Maildir has reached its size.
var errMailboxFull = errors.New("mailbox is full")

// Maildir takes the mail for postmaster and abuse, for a person to read with any
// mail program that knows the format. Its size is bounded; all that lies in it
// counts, read or not, so a person makes room by removing files.
type Maildir struct {
	dir   string
	limit int64 // bytes, as used counts them

	mu   sync.Mutex // one delivery at a time, so that the limit holds
	made uint64     // deliveries of this process: part of the file name
}

// OpenMaildir makes the three folders of a Maildir where they are missing.
func OpenMaildir(dir string, limit int64) (*Maildir, error) {
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("open postmaster's maildir: %w", err)
		}
	}
	return &Maildir{dir: dir, limit: limit}, nil
}

// Deliver writes a message below its Received line and returns when it is on disk:
// temporary file, fsync, rename, fsync of the folder. Nothing that a stranger sent
// is in the file's name.
func (d *Maildir) Deliver(received string, body []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	used, err := d.used()
	if err != nil {
		return fmt.Errorf("deliver to postmaster: %w", err)
	}
	if used+onDisk(int64(len(received)+len(body))) > d.limit {
		return fmt.Errorf("deliver to postmaster: %w: %d of %d bytes used", errMailboxFull, used, d.limit)
	}
	d.made++
	name := fmt.Sprintf("%d.P%dQ%d.reportmx", time.Now().UnixMicro(), os.Getpid(), d.made)
	if err := d.write(name, received, body); err != nil {
		os.Remove(filepath.Join(d.dir, "tmp", name))
		return fmt.Errorf("deliver to postmaster: %w", err)
	}
	return nil
}

func (d *Maildir) write(name, received string, body []byte) error {
	tmp := filepath.Join(d.dir, "tmp", name)
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(received)
	if err == nil {
		_, err = f.Write(body)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(d.dir, "new", name)); err != nil {
		return err
	}
	return syncDir(filepath.Join(d.dir, "new"))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// used adds up what lies in the Maildir. Postmaster's mail is rare enough to look
// each time, and what a person removes is free at once.
func (d *Maildir) used() (int64, error) {
	var sum int64
	err := filepath.WalkDir(d.dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return ignoreGone(err)
		}
		info, err := e.Info()
		if err == nil {
			sum += onDisk(info.Size())
		}
		return ignoreGone(err)
	})
	return sum, err
}

// onDisk is what a file takes at least: a block, however little is in it.
func onDisk(size int64) int64 { return max(size, 4096) }

// ignoreGone forgives a file that a mail program moved while we looked.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func replyForMaildir(err error) smtpd.Reply {
	if errors.Is(err, errMailboxFull) {
		return replyMailbox
	}
	return replyOurFault
}

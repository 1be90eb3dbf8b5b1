package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// backWithin is how long the server may need to take mail again.
const backWithin = 10 * time.Second

var tmpfs = fileSystem{name: "tmpfs"}

// TestFullDisk fills the disk under load: senders are told 452 before anything fails,
// and get 250 again when there is room, from the same process.
func TestFullDisk(t *testing.T) {
	together(t)
	if !need(t, true, "mkfs.ext4", "mount") {
		return
	}
	begun := time.Now()
	var figures []string
	for _, fs := range []fileSystem{ext4, tmpfs} {
		t.Run(fs.name, func(t *testing.T) {
			dir := newFullable(t, fs)
			s := newServer(t, binary, filepath.Join(dir, "data"))
			if err := s.start(); err != nil {
				t.Fatal(err)
			}
			figures = append(figures, fs.name+": "+s.fillUp(t, dir))
		})
	}
	record(t, "full", begun, figures...)
}

// newFullable mounts 200 MiB.
func newFullable(t *testing.T, fs fileSystem) string {
	t.Helper()
	if fs.name != tmpfs.name {
		return newDisk(t, fs, 200).dir
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=200m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// fillUp fills the disk and makes room again, twice: to below what the server keeps
// free, and to the last byte.
func (s *server) fillUp(t *testing.T, dir string) string {
	t.Helper()
	l := newLedger()
	clients := startLoad(s.addr, l, 4)
	if !wait(func() bool { return l.count() >= 30 }) {
		t.Fatal("no report taken on an empty disk")
	}
	var slowest time.Duration
	for _, left := range []int64{40 << 20, 0} {
		ballast := fillTo(t, dir, left)
		before := l.times(452)
		if !wait(func() bool { return l.times(452) >= before+20 }) {
			t.Errorf("with %d bytes left there were %d times 452, %d times 451", left, l.times(452)-before, l.times(451))
		}
		acked := l.count()
		freed := time.Now()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		wait(func() bool { return l.count() > acked })
		slowest = max(slowest, time.Since(freed))
	}
	clients.stop()
	if slowest > backWithin {
		t.Errorf("250 came back after %s, want %s at most", slowest, backWithin)
	}
	if l.times(451) > 0 || s.over() {
		t.Errorf("%d messages were answered 451, ended: %t: something failed before the check of free space", l.times(451), s.over())
	}
	s.end(syscall.SIGKILL)
	n, err := verify(s.store(), l)
	if err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("%d reports, %d times 452, %d times 451; back to 250 within %s of room being made", n, l.times(452), l.times(451), slowest.Round(time.Millisecond))
}

// fillTo takes all space but so many bytes.
func fillTo(t *testing.T, dir string, left int64) (file string) {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	free := int64(st.Bavail)*st.Bsize - left
	for free > 0 {
		if err := unix.Fallocate(int(f.Fd()), 0, 0, free); err == nil {
			break
		}
		free -= 1 << 20
	}
	return f.Name()
}

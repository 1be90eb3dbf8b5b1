package bolt

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"reportmx/storage"
)

// lockedError is storage.ErrLocked with the owner's process id, if the kernel
// tells it.
func lockedError(path string) error {
	if pid := lockOwner(path); pid != "" {
		return fmt.Errorf("%w: process %s", storage.ErrLocked, pid)
	}
	return storage.ErrLocked
}

// lockOwner finds who holds the lock of the file in /proc/locks, whose lines read
//
//	1: FLOCK  ADVISORY  WRITE 1234 08:01:131102 0 EOF
//
// A file with the process id in it would outlive its process; the kernel's table
// cannot. It gives "" where there is no such table (other systems) or the owner is
// not to be seen (another container). The device is not compared when only one
// line fits: btrfs shows another one here than stat does.
func lockOwner(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		return ""
	}
	device := fmt.Sprintf("%02x:%02x", unix.Major(uint64(stat.Dev)), unix.Minor(uint64(stat.Dev)))
	inode := fmt.Sprint(stat.Ino)
	var pids []string
	for lines := bufio.NewScanner(bytes.NewReader(table)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 6 || f[1] != "FLOCK" || !strings.HasSuffix(f[5], ":"+inode) {
			continue
		}
		if f[5] == device+":"+inode {
			return f[4]
		}
		pids = append(pids, f[4])
	}
	if len(pids) == 1 {
		return pids[0]
	}
	return ""
}

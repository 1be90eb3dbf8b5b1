package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shutdownNow is EXT4_IOC_SHUTDOWN, and XFS_IOC_GOINGDOWN, which are one number; with
// noFlush neither data nor journal reach the disk any more: what a power cut does.
const (
	shutdownNow = 0x8004587d
	noFlush     = 2
)

// fileSystem is one that can be cut off.
type fileSystem struct {
	name    string
	mkfs    []string
	options string
}

var (
	ext4      = fileSystem{"ext4", []string{"mkfs.ext4", "-q", "-F"}, "loop"}
	xfs       = fileSystem{"xfs", []string{"mkfs.xfs", "-q", "-f"}, "loop"}
	writeback = fileSystem{"ext4 data=writeback", []string{"mkfs.ext4", "-q", "-F"}, "loop,data=writeback,commit=60"}
)

// TestCut cuts the power of the disk under load, and kills the server.
func TestCut(t *testing.T) {
	together(t)
	if !need(t, true, "mkfs.ext4", "mkfs.xfs", "mount") {
		return
	}
	begun := time.Now()
	var figures []string
	for _, c := range []struct {
		fs   fileSystem
		cuts int
	}{{ext4, size(20, 200)}, {xfs, size(5, 100)}, {writeback, size(5, 50)}} {
		acked, done, err := cutCampaign(t, binary, c.fs, c.cuts)
		if err != nil {
			t.Errorf("%s: %v", c.fs.name, err)
		}
		figures = append(figures, fmt.Sprintf("%s: %d power cuts, %d reports acknowledged, each found once and with its content", c.fs.name, done, acked))
	}
	record(t, "cut", begun, figures...)
}

// cutsPerDisk bounds what a disk collects. The first cut on each falls into the time
// in which the store is made.
const cutsPerDisk = 10

// cutCampaign cuts until something is lost.
func cutCampaign(t *testing.T, program string, fs fileSystem, cuts int) (acked, done int, err error) {
	random := rand.New(rand.NewPCG(2, uint64(cuts)))
	for done < cuts {
		d := newDisk(t, fs, 400)
		s := newServer(t, program, filepath.Join(d.dir, "data"))
		l := newLedger()
		for n := range min(cutsPerDisk, cuts-done) {
			if err := cutOnce(s, d, l, n == 0, random); err != nil {
				return acked + l.count(), done, fmt.Errorf("cut %d: %w", done+1, err)
			}
			done++
			if _, err := verify(s.store(), l); err != nil {
				return acked + l.count(), done, fmt.Errorf("cut %d: %w", done, err)
			}
		}
		acked += l.count()
		d.umount(t)
	}
	return acked, done, nil
}

// cutOnce runs the server under load, cuts the power, and brings the disk back.
func cutOnce(s *server, d *disk, l *ledger, creation bool, random *rand.Rand) error {
	if creation {
		ready, err := s.launch()
		if err != nil {
			return err
		}
		defer ready.Close()
	} else if err := s.start(); err != nil {
		return err
	}
	clients := startLoad(s.addr, l, 8)
	if creation {
		time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond)
	} else {
		enough := l.count() + size(10, 100)
		wait(func() bool { return l.count() >= enough })
		time.Sleep(time.Duration(random.IntN(250)) * time.Millisecond)
	}
	if err := d.cut(); err != nil {
		return err
	}
	s.end(syscall.SIGKILL)
	clients.stop()
	return d.remount()
}

// disk is a file system in a file.
type disk struct {
	fs    fileSystem
	image string
	dir   string
}

// newDisk makes and mounts one of so many MiB, until the test ends.
func newDisk(t *testing.T, fs fileSystem, mib int64) *disk {
	t.Helper()
	base := t.TempDir()
	d := &disk{fs: fs, image: filepath.Join(base, "image"), dir: filepath.Join(base, "mount")}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.image, mib<<20); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	said(t, fs.mkfs[0], append(fs.mkfs[1:len(fs.mkfs):len(fs.mkfs)], d.image)...)
	if err := d.mount(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(d.dir, unix.MNT_DETACH) })
	return d
}

func (d *disk) mount() error {
	out, err := exec.Command("mount", "-o", d.fs.options, d.image, d.dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mount: %w: %s", err, out)
	}
	return nil
}

// cut ends all writing at once.
func (d *disk) cut() error {
	dir, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.IoctlSetPointerInt(int(dir.Fd()), shutdownNow, noFlush); err != nil {
		return fmt.Errorf("shut the file system down: %w", err)
	}
	return nil
}

// remount brings the disk back as it is after the power has come back.
func (d *disk) remount() error {
	if err := d.unmount(); err != nil {
		return err
	}
	if err := d.mount(); err != nil {
		return err
	}
	if _, err := os.ReadDir(d.dir); err != nil {
		return fmt.Errorf("the disk that was cut off is still mounted elsewhere: %w", err)
	}
	return nil
}

func (d *disk) umount(t *testing.T) {
	t.Helper()
	if err := d.unmount(); err != nil {
		t.Fatal(err)
	}
}

// unmount waits while the disk is busy: a process that another campaign starts at this
// moment has our files open until it becomes its program.
func (d *disk) unmount() (err error) {
	wait(func() bool {
		err = unix.Unmount(d.dir, 0)
		return !errors.Is(err, unix.EBUSY)
	})
	if err != nil {
		return fmt.Errorf("umount: %w", err)
	}
	return nil
}

package faults

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
)

// refused starts a server that must not start, and gives its exit code and log.
func refused(t *testing.T, s *server) (int, string) {
	t.Helper()
	if err := s.start(); !errors.Is(err, errStart) {
		t.Fatalf("got %v, want an end at the start", err)
	}
	return s.code(), s.log.String()
}

// TestTwoServers: the second one names the process of the first.
func TestTwoServers(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	first, second := newServer(t, binary, data), newServer(t, binary, data)
	if err := first.start(); err != nil {
		t.Fatal(err)
	}
	code, log := refused(t, second)
	if owner := "process " + strconv.Itoa(first.cmd.Process.Pid); code != 3 || !strings.Contains(log, owner) {
		t.Errorf("got exit code %d and %q, want 3 and %q", code, log, owner)
	}
}

// TestNewerStore: a store of a later version is refused, and a restart would not help.
func TestNewerStore(t *testing.T) {
	s := newServer(t, binary, filepath.Join(t.TempDir(), "data"))
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	s.end(syscall.SIGTERM)
	db, err := bbolt.Open(s.store(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte{0, 0, 0, 0, 0, 0, 0, 99})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	code, log := refused(t, s)
	if want := "newer version"; code != 78 || !strings.Contains(log, want) {
		t.Errorf("got exit code %d and %q, want 78 and %q", code, log, want)
	}
}

// TestReadOnlyDisk: the error of the system is said, whether there is a store or not.
func TestReadOnlyDisk(t *testing.T) {
	if !need(t, true, "mkfs.ext4", "mount") {
		return
	}
	for name, made := range map[string]bool{"no store": false, "a store": true} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t, ext4, 160)
			s := newServer(t, binary, filepath.Join(d.dir, "data"))
			if made {
				if err := s.start(); err != nil {
					t.Fatal(err)
				}
				s.end(syscall.SIGTERM)
			}
			if out, err := exec.Command("mount", "-o", "remount,ro", d.dir).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			code, log := refused(t, s)
			if want := "read-only file system"; code != 75 || !strings.Contains(log, want) {
				t.Errorf("got exit code %d and %q, want 75 and %q", code, log, want)
			}
		})
	}
}

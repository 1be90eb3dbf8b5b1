package bolt

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// TestNoSpace lets the file not grow: the commit fails, nothing of it is there,
// and as soon as there is space again the same batch is taken.
func TestNoSpace(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	small := func(n int) storage.Batch {
		return storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, 1)}}
	}
	// The file grows to some megabytes: the log that the go command has tests write must fit
	// into the limit, too.
	grown := small(1)
	grown.Raw = noise(1 << 20)
	if _, err := s.Commit(t.Context(), grown); err != nil {
		t.Fatal(err)
	}
	if size, err := s.fileBytes(); err != nil || size < 4<<20 {
		t.Fatalf("the file has %d bytes, error %v", size, err)
	}
	limitFileSize(t, s)
	large := small(2)
	large.Raw = noise(40 << 20)
	if _, err := s.Commit(t.Context(), large); err == nil || errors.Is(err, storage.ErrUncertain) {
		t.Fatalf("no space: got error %v, want one that is not %v", err, storage.ErrUncertain)
	}
	if _, err := s.Commit(t.Context(), small(3)); err != nil {
		t.Errorf("what fits, after the failure: got error %v", err)
	}
	checkReports(t, s, 2)
	unlimitFileSize(t)
	if o, err := s.Commit(t.Context(), large); err != nil || o.Reports[0].Duplicate {
		t.Errorf("space again: got %+v and error %v", o, err)
	}
	checkReports(t, s, 3)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// noise gives bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, 0, n)
	for i := 0; len(b) < n; i++ {
		b = append(b, storagetest.Raw(i)[900:]...)
	}
	return b
}

// limitFileSize forbids the process to make any file longer than the store is.
func limitFileSize(t *testing.T, s *Store) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	size, err := s.fileBytes()
	if err != nil {
		t.Fatal(err)
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(size), Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unlimitFileSize(t) })
}

func unlimitFileSize(t *testing.T) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: old.Max, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
}

func checkReports(t *testing.T, s *Store, want int) {
	t.Helper()
	got, err := storagetest.Collect(s.Reports(t.Context(), storage.Query{}))
	if err != nil || len(got) != want {
		t.Errorf("got %d reports and error %v, want %d", len(got), err, want)
	}
}

// TestFailedWrite puts a device in the place of the open file. /dev/full takes no
// byte: nothing has been synced, and the store stays in service. /dev/null takes
// all and cannot be synced: what is on disk is not known, and nothing is taken any
// more.
func TestFailedWrite(t *testing.T) {
	for _, test := range []struct {
		device    string
		uncertain bool
	}{
		{"/dev/full", false},
		{"/dev/null", true},
	} {
		t.Run(test.device, func(t *testing.T) {
			s := openStore(t, t.TempDir(), Options{})
			// Free pages, so that the next commits do not grow the file first.
			for n := range 20 {
				b := storage.Batch{Held: storagetest.Held(n), Raw: storagetest.Raw(n)}
				o, err := s.Commit(t.Context(), b)
				if err == nil {
					err = s.DropHeld(t.Context(), o.Held)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			restore := replaceFile(t, s.db.Path(), test.device)
			b := storage.Batch{Reports: []storage.Report{storagetest.Aggregate(1, 1)}}
			_, err := s.Commit(t.Context(), b)
			t.Log(err)
			if err == nil || errors.Is(err, storage.ErrUncertain) != test.uncertain {
				t.Errorf("got error %v, want it uncertain: %v", err, test.uncertain)
			}
			restore()
			if !test.uncertain {
				checkReports(t, s, 0)
			}
			_, err = s.Commit(t.Context(), b)
			if test.uncertain && !errors.Is(err, storage.ErrUncertain) || !test.uncertain && err != nil {
				t.Errorf("after that: got error %v, want it uncertain: %v", err, test.uncertain)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// replaceFile has the descriptor by which the process holds a file lead to a
// device, until restore is called.
func replaceFile(t *testing.T, path, device string) (restore func()) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != path {
			continue
		}
		fd, err := strconv.Atoi(filepath.Base(link))
		if err != nil {
			t.Fatal(err)
		}
		kept, err := unix.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.OpenFile(device, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		swap := func(from int) {
			if err := unix.Dup3(from, fd, unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
		}
		swap(int(other.Fd()))
		return func() {
			swap(kept)
			unix.Close(kept)
		}
	}
	t.Fatalf("%s is not open", path)
	return nil
}

// TestUncertainForAll has many wait for a commit that fails: all get the error,
// and none hangs.
func TestUncertainForAll(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	restore := replaceFile(t, s.db.Path(), "/dev/null")
	defer restore()
	var group sync.WaitGroup
	for n := range 50 {
		group.Go(func() {
			b := storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, 1)}}
			if _, err := s.Commit(t.Context(), b); !errors.Is(err, storage.ErrUncertain) {
				t.Errorf("got error %v, want %v", err, storage.ErrUncertain)
			}
		})
	}
	group.Wait()
}

// TestJobFailsAlone queues a job that fails halfway between others.
func TestJobFailsAlone(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	bad := errors.New("bad")
	var group []*job
	for n := range 3 {
		p, err := s.prepare(&storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, 1)}})
		if err != nil {
			t.Fatal(err)
		}
		apply := p.apply
		if n == 1 {
			apply = func(tx *txn) error { return errors.Join(p.apply(tx), bad) }
		}
		group = append(group, &job{apply: apply, done: make(chan error, 1)})
	}
	s.queue.mu.Lock() // so that they are taken together
	s.queue.jobs = append(s.queue.jobs, group...)
	s.queue.cond.Signal()
	s.queue.mu.Unlock()
	for n, j := range group {
		want := map[bool]error{true: bad}[n == 1]
		if err := <-j.done; !errors.Is(err, want) {
			t.Errorf("job %d: got error %v, want %v", n, err, want)
		}
	}
	all, err := storagetest.Collect(s.Reports(t.Context(), storage.Query{}))
	if err != nil || len(all) != 2 || all[0].Seq != 1 || all[1].Seq != 2 {
		t.Errorf("got %d reports and error %v, want reports 1 and 2", len(all), err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

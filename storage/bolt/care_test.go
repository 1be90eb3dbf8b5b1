package bolt

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// restore writes a copy of a store to a file and opens it.
func restore(t *testing.T, s *Store) *Store {
	t.Helper()
	f, size, err := s.Copy()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil || int64(len(b)) != size {
		t.Fatalf("copy: got %d bytes and error %v, want %d", len(b), err, size)
	}
	if err := os.WriteFile(filepath.Join(dir, "store", "reports.db"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return openStore(t, dir, Options{})
}

// TestCopyUnderLoad copies a store while much is written: the copy is whole, and has
// all that was acknowledged before it began.
func TestCopyUnderLoad(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	var load sync.WaitGroup
	stop := make(chan struct{})
	var mu sync.Mutex
	acknowledged := 0
	for c := range 4 {
		load.Go(func() {
			for n := c; ; n += 4 {
				select {
				case <-stop:
					return
				default:
				}
				b := storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, 3)}, Raw: storagetest.Raw(n), Held: storagetest.Held(n)}
				if _, err := s.Commit(t.Context(), b); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged++
				mu.Unlock()
			}
		})
	}
	for range 5 {
		mu.Lock()
		least := acknowledged
		mu.Unlock()
		copied := restore(t, s)
		if err := copied.verify(t.Context()); err != nil {
			t.Error(err)
		}
		if got, err := storagetest.Collect(copied.Reports(t.Context(), storage.Query{})); err != nil || len(got) < least {
			t.Errorf("got %d reports and error %v, want at least %d", len(got), err, least)
		}
	}
	close(stop)
	load.Wait()
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(s.db.Path()), ".copy*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestCompact removes most of a store and compacts it.
func TestCompact(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	for n := range 30 {
		b := storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, 3)}, Raw: noise(1 << 20)}
		if _, err := s.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	path := s.db.Path()
	if _, _, err := Compact(t.Context(), path); !errors.Is(err, storage.ErrLocked) {
		t.Errorf("while it is open: got error %v, want %v", err, storage.ErrLocked)
	}
	if _, err := s.Remove(t.Context(), storage.Removal{What: storage.AggregateReports, KeepFrom: 25}); err != nil {
		t.Fatal(err)
	}
	want := s.now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, after, err := Compact(t.Context(), path)
	if err != nil || after >= before/2 {
		t.Errorf("got %d bytes before, %d after, error %v", before, after, err)
	}
	s = openStore(t, dir, Options{})
	if got := s.now(); got != want {
		t.Errorf("got the counts %+v, want %+v", got, want)
	}
	if err := s.verify(t.Context()); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// TestOpenReplaced waits for the lock of a file that is replaced meanwhile: what is
// opened is the file that has the name now.
func TestOpenReplaced(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	path := s.db.Path()
	opened := make(chan *Store)
	go func() {
		other, err := Open(path, Options{Timeout: time.Minute})
		if err != nil {
			t.Error(err)
		}
		opened <- other
	}()
	copied, _, err := s.Copy()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(copied)
	if err == nil {
		err = errors.Join(copied.Close(), os.WriteFile(path+".new", b, 0o600), os.Rename(path+".new", path), s.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	other := <-opened
	defer other.Close()
	if _, err := other.Commit(t.Context(), storage.Batch{Reports: []storage.Report{storagetest.Aggregate(1, 1)}}); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	checkReports(t, openStore(t, dir, Options{}), 1)
}

// TestVerifyFindsWrongIndexes makes indexes that lead nowhere, each value whole.
func TestVerifyFindsWrongIndexes(t *testing.T) {
	for _, bucket := range []string{bucketAggregate, bucketHeld} {
		s := openStore(t, t.TempDir(), Options{})
		b := storage.Batch{Reports: []storage.Report{storagetest.Aggregate(1, 1)}, Held: storagetest.Held(1), Raw: storagetest.Raw(1)}
		if _, err := s.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if err := s.verify(t.Context()); err != nil {
			t.Fatalf("before: %v", err)
		}
		err := s.do(t.Context(), 0, func(t *txn) error {
			t.counters.Aggregate = 0
			if bucket == bucketHeld {
				t.counters.Aggregate = 1
				return t.delete(bucket, seqKey(2))
			}
			return t.delete(bucket, chunkKey(1, 0))
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.verify(t.Context()); !errors.Is(err, storage.ErrDamaged) {
			t.Errorf("%s: got error %v, want %v", bucket, err, storage.ErrDamaged)
		}
	}
}

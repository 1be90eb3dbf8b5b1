package bolt

import (
	"errors"
	"os"
	"sync"
	"testing"

	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// TestReopen commits to a store that is opened again and again, while others read: nothing
// is missing, and nobody is told of it.
func TestReopen(t *testing.T) {
	const reports = 200
	s := openStore(t, t.TempDir(), Options{reopenAfter: 5})
	first := s.db
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for seen := 0; ; {
				select {
				case <-stop:
					return
				default:
				}
				all, err := storagetest.Collect(s.Reports(t.Context(), storage.Query{}))
				if err != nil || len(all) < seen {
					t.Errorf("got %d reports, %v, want no error and %d at least", len(all), err, seen)
				}
				seen = len(all)
			}
		})
	}
	for n := range reports {
		if _, err := s.Commit(t.Context(), storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, 1)}, Raw: storagetest.Raw(n)}); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	readers.Wait()
	if all, err := storagetest.Collect(s.Reports(t.Context(), storage.Query{})); err != nil || len(all) != reports {
		t.Errorf("got %d reports, %v, want %d", len(all), err, reports)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s.db == first {
		t.Error("the file was never opened again")
	}
}

// TestReopenFails holds that a store that cannot be opened again says so to whoever
// commits or reads.
func TestReopenFails(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{reopenAfter: 1})
	if err := os.Rename(s.path, s.path+".away"); err != nil {
		t.Fatal(err)
	}
	commit := func(n int) error {
		_, err := s.Commit(t.Context(), storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, 1)}})
		return err
	}
	if err := commit(1); err != nil {
		t.Errorf("before: got %v", err)
	}
	if err := commit(2); !errors.Is(err, storage.ErrUncertain) {
		t.Errorf("afterwards: got %v, want %v", err, storage.ErrUncertain)
	}
	if _, err := s.Raw(1); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("reading: got %v, want %v", err, storage.ErrClosed)
	}
}

// TestReopenTouched holds that a store that another process wrote to while it was not locked
// is not written any more: sequence numbers would be given twice.
func TestReopenTouched(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	batch := func(n int) storage.Batch {
		return storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, 1)}}
	}
	if _, err := s.Commit(t.Context(), batch(1)); err != nil {
		t.Fatal(err)
	}
	s.queue.close()
	<-s.done // this test is the committer now
	for _, step := range []struct {
		name    string
		between func()
		broken  bool
	}{
		{"nobody was there", func() {}, false},
		{"another wrote a report", func() { commitOnce(t, s.path, batch(2)) }, true},
	} {
		if err := s.db.Close(); err != nil {
			t.Fatal(err)
		}
		step.between()
		s.reopenAt = 0
		if s.reopen(); s.broken != step.broken {
			t.Errorf("%s: got given up: %v, want %v", step.name, s.broken, step.broken)
		}
	}
}

func commitOnce(t *testing.T, path string, b storage.Batch) {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), b); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

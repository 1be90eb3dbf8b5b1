package bolt

import (
	"bytes"
	"os"
	"testing"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// TestWriteAhead holds that after a commit there are written zeros behind the pages in use:
// the next one need not make the file longer, and meets no hole.
func TestWriteAhead(t *testing.T) {
	for _, test := range []struct {
		name    string
		message int // bytes
		commits int
	}{
		{"many small", 2 << 10, 400},
		{"larger than what is written ahead", 3 << 20, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s := openStore(t, dir, Options{})
			for n := range test.commits {
				b := storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, 1)}, Raw: noise(test.message)}
				if _, err := s.Commit(t.Context(), b); err != nil {
					t.Fatal(err)
				}
			}
			used := usedBytes(t, s)
			if err := s.Close(); err != nil { // the committer has ended
				t.Fatal(err)
			}
			checkWrittenAhead(t, s.path, used)
			checkReports(t, openStore(t, dir, Options{}), test.commits)
		})
	}
}

// TestAheadNext holds that a store keeps room for twice what the last commit needed.
func TestAheadNext(t *testing.T) {
	const kib = 1 << 10
	var a ahead
	for _, step := range []struct {
		name            string
		used, from, end int64 // KiB
	}{
		{"the first", 64, 64, 64 + 1024},
		{"room is left", 300, 1088, 1088},
		{"little room is left", 600, 1088, 600 + 600 + 512},
		{"a large commit", 2600, 2600, 2600 + 4000 + 512},
		{"another beside it", 4600, 7112, 4600 + 4000 + 512},
		{"a small one", 4610, 9112, 9112},
		{"one beyond all bounds", 24610, 24610, 24610 + 4096 + 512},
	} {
		from, end := a.next(step.used * kib)
		if from != step.from*kib || end != step.end*kib {
			t.Errorf("%s: got %d to %d, want %d to %d", step.name, from/kib, end/kib, step.from, step.end)
		}
	}
}

// TestWriteAheadAgain holds that a disk that was full for a while does not end it.
func TestWriteAheadAgain(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	n := 0
	commit := func() error {
		n++
		_, err := s.Commit(t.Context(), storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, 1)}, Raw: noise(20 << 10)})
		return err
	}
	if err := commit(); err != nil {
		t.Fatal(err)
	}
	limitFileSize(t, s)
	for commit() == nil {
		if n > 1000 {
			t.Fatal("a full disk was not noticed")
		}
	}
	unlimitFileSize(t)
	for range 100 {
		if err := commit(); err != nil {
			t.Fatal(err)
		}
	}
	used := usedBytes(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkWrittenAhead(t, s.path, used)
}

// usedBytes is up to where the file has pages in use.
func usedBytes(t *testing.T, s *Store) (used int64) {
	t.Helper()
	if err := s.view(func(tx *bbolt.Tx) error { used = tx.Size(); return nil }); err != nil {
		t.Fatal(err)
	}
	return used
}

func checkWrittenAhead(t *testing.T, path string, used int64) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(file)) < used+aheadLeast || len(bytes.Trim(file[used:], "\x00")) > 0 {
		t.Errorf("behind the %d bytes in use the file has %d, want %d zeros at least", used, int64(len(file))-used, aheadLeast)
	}

	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	hole, err := f.Seek(used, unix.SEEK_HOLE)
	if err != nil || hole < used+aheadLeast {
		t.Errorf("after %d bytes there is a hole, %v, want none before %d", hole, err, used+aheadLeast)
	}
}

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

// TestWriteAhead holds that behind the pages in use there are always written zeros: no
// commit has to make the file longer, and none meets a hole.
func TestWriteAhead(t *testing.T) {
	for _, test := range []struct {
		name    string
		message int // bytes
		commits int
	}{
		{"many small", 2 << 10, 400},
		{"larger than what is written ahead", 3 * aheadBytes, 2},
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
			var used int64
			if err := s.view(func(tx *bbolt.Tx) error { used = tx.Size(); return nil }); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil { // the committer has ended
				t.Fatal(err)
			}
			checkWrittenAhead(t, s.path, used)
			checkReports(t, openStore(t, dir, Options{}), test.commits)
		})
	}
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

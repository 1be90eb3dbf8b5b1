package bolt

import (
	"path/filepath"
	"testing"

	"reportmx/storage/storagetest"
)

// TestEngine runs the contract with keys of which some are late, and most are not, on a
// file that is opened again all the time.
func TestEngine(t *testing.T) {
	storagetest.Run(t, func(t *testing.T, dir string) storagetest.Engine {
		return openStore(t, dir, Options{maxLate: 3, reopenAfter: 2})
	})
}

// openStore opens the store in a folder and closes it with the test.
func openStore(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(filepath.Join(dir, "store", "reports.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

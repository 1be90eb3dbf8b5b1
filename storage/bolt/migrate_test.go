package bolt

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.etcd.io/bbolt"

	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// schemaOne unpacks the store that ce8a302 wrote (see fillStore), and gives its path.
func schemaOne(t testing.TB) string {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", "schema1.db.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "reports.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMigrate(t *testing.T) {
	path := schemaOne(t)
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var done, all int64
	s, err := Open(path, Options{migrateStep: 10, Progress: func(d, a int64) error { done, all = d, a; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if done == 0 || done != all {
		t.Errorf("progress: got %d of %d at the end", done, all)
	}
	checkMigrated(t, s)
	kept, err := os.ReadFile(path + backupSuffix)
	if err != nil {
		t.Fatal(err)
	}
	// bbolt writes the meta pages of a copy anew, and leaves out what it has not used.
	if len(kept) > len(old) || string(kept[2*pageSize:]) != string(old[2*pageSize:len(kept)]) {
		t.Errorf("the backup has %d bytes and is not what was there", len(kept))
	}
	if err := Verify(t.Context(), path+backupSuffix); err != nil {
		t.Errorf("verify the backup: %v", err)
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
	o, err := s.Commit(t.Context(), storage.Batch{Reports: []storage.Report{storagetest.Aggregate(5000, 2), storagetest.Aggregate(12, 12%7)}})
	if err != nil || o.Reports[0].Duplicate || !o.Reports[1].Duplicate {
		t.Errorf("commit: got %+v and error %v", o, err)
	}
	for _, r := range []storage.Removal{{What: storage.AggregateReports}, {What: storage.TLSReports}, {What: storage.FailureReports}} {
		if _, err := s.Remove(t.Context(), r); err != nil {
			t.Errorf("remove %s: %v", r.What, err)
		}
	}
	if err := s.verify(t.Context()); err != nil {
		t.Errorf("empty again: %v", err)
	}
}

// checkMigrated compares a store with one that was filled alike by this program.
func checkMigrated(t *testing.T, s *Store) {
	t.Helper()
	same := openStore(t, t.TempDir(), Options{})
	fillStore(t, same)
	want, err := storagetest.Collect(same.Reports(t.Context(), storage.Query{}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := storagetest.Collect(s.Reports(t.Context(), storage.Query{}))
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(reports.Record{}.SourceIP), cmpopts.EquateEmpty()); err != nil || d != "" {
		t.Errorf("reports: error %v (-want +got):\n%s", err, d)
	}
	if got, want := s.now(), same.now(); got != want {
		t.Errorf("counts: got %+v, want %+v", got, want)
	}
	digests := collectDigests(t, s)
	for i, d := range collectDigests(t, same) {
		if i >= len(digests) || !d.Equal(&digests[i]) {
			t.Errorf("columns of report %d differ", d.Seq)
		}
	}
	if err := s.verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func collectDigests(t *testing.T, s *Store) (all []storage.Digest) {
	t.Helper()
	for d, err := range s.Digests(t.Context(), storage.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		one := *d
		one.Rows = append([]storage.DigestRow(nil), d.Rows...)
		all = append(all, one)
	}
	return all
}

// TestMigrateInterrupted stops a migration at each of its steps, some of them with
// kill -9, and looks at what is there in between.
func TestMigrateInterrupted(t *testing.T) {
	path := schemaOne(t)
	errStop := errors.New("stop")
	var steps int
	for n := 0; ; n++ {
		left := n%3 + 1 // how far this life goes
		s, err := Open(path, Options{migrateStep: 20, Progress: func(done, all int64) error {
			if left--; left < 0 {
				return errStop
			}
			return nil
		}})
		if err == nil {
			checkMigrated(t, s)
			s.Close()
			break
		}
		if !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		steps++
		if _, err := Open(path, Options{ReadOnly: true}); !errors.Is(err, storage.ErrOlder) {
			t.Fatalf("half migrated, to read: got error %v, want %v", err, storage.ErrOlder)
		}
		if err := Verify(t.Context(), path); err != nil {
			t.Errorf("half migrated: %v", err)
		}
		killMigration(t, path)
	}
	if steps < 2 {
		t.Errorf("it was stopped %d times only", steps)
	}
}

// killMigration goes one step further, and dies.
func killMigration(t *testing.T, path string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], path)
	cmd.Env = append(os.Environ(), roleVariable+"=migrator")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range 2 { // before the first step, and after it
		if !lines.Scan() {
			break // there was nothing left to do
		}
	}
	cmd.Process.Signal(syscall.SIGKILL)
	cmd.Wait()
}

// migrateUntilKilled tells of each step.
func migrateUntilKilled(path string) error {
	s, err := Open(path, Options{migrateStep: 5, Progress: func(done, all int64) error {
		_, err := fmt.Println(done, all)
		return err
	}})
	if err != nil {
		return err
	}
	return s.Close()
}

// TestMigrateRefuses: what is damaged is not brought up to date, and the backup is
// there.
func TestMigrateRefuses(t *testing.T) {
	path := schemaOne(t)
	if _, err := Open(path, Options{ReadOnly: true}); !errors.Is(err, storage.ErrOlder) {
		t.Errorf("to read: got error %v, want %v", err, storage.ErrOlder)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	spoilValues(t, path)
	for range 2 {
		if _, err := Open(path, Options{}); !errors.Is(err, storage.ErrDamaged) {
			t.Errorf("damaged: got error %v, want %v", err, storage.ErrDamaged)
		}
	}
	if err := os.Rename(path+backupSuffix, path); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path+backupSuffix, 0o700); err != nil { // no copy can be made
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); err == nil || errors.Is(err, storage.ErrDamaged) {
		t.Errorf("no backup: got error %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(b) {
		t.Errorf("no backup: the store was changed (error %v)", err)
	}
}

// spoilValues flips a bit in the value of a report.
func spoilValues(t *testing.T, path string) {
	t.Helper()
	change(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(bucketAggregate))
		k, v := b.Cursor().Last()
		v = append([]byte(nil), v...)
		v[len(v)-1] ^= 1
		return b.Put(k, v)
	})(t, path)
}

func TestVerifyFindsWrongColumns(t *testing.T) {
	tests := map[string]func(t *txn, key []byte) error{
		"another row": func(t *txn, key []byte) error {
			r := storagetest.Aggregate(1, 3)
			r.Aggregate.Records[1].Count++
			return t.putColumnsOf(key, &r, false)
		},
		"another mark": func(t *txn, key []byte) error {
			r := storagetest.Aggregate(1, 3)
			return t.putColumnsOf(key, &r, true)
		},
		"none": func(t *txn, key []byte) error { return nil },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, t.TempDir(), Options{})
			o, err := s.Commit(t.Context(), storage.Batch{Reports: []storage.Report{storagetest.Aggregate(0, 1), storagetest.Aggregate(1, 3)}})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.verify(context.Background()); err != nil {
				t.Fatalf("before: %v", err)
			}
			key := chunkKey(o.Reports[1].Seq, 0)
			err = s.do(t.Context(), 0, func(t *txn) error {
				if err := t.delete(bucketColumns, key); err != nil {
					return err
				}
				return spoil(t, key)
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.verify(context.Background()); !errors.Is(err, storage.ErrDamaged) {
				t.Errorf("got error %v, want %v", err, storage.ErrDamaged)
			}
		})
	}
}

func (t *txn) putColumnsOf(key []byte, r *storage.Report, conflict bool) error {
	r.Last = true
	v, err := t.codec.columnsOf(r)
	if err != nil {
		return err
	}
	return t.put(bucketColumns, key, v, columnStamp(conflict))
}

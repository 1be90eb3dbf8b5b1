package bolt

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"reportmx/storage"
	"reportmx/storage/storagetest"
)

func TestOpenMakesStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "reports.db")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// What a power cut in the middle of the first start leaves behind.
	if err := os.WriteFile(path+".new", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, want := range map[string]fs.FileMode{dir: 0o700 | fs.ModeDir, path: 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("mode of %s: got %v, want %v", name, info.Mode(), want)
		}
	}
	if _, err := os.Stat(path + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary file is still there: error %v", err)
	}
}

func TestOpenLocked(t *testing.T) {
	dir := t.TempDir()
	first := openStore(t, dir, Options{})
	for _, o := range []Options{{}, {ReadOnly: true}} {
		o.Timeout = 100 * time.Millisecond
		_, err := Open(first.db.Path(), o)
		if !errors.Is(err, storage.ErrLocked) {
			t.Fatalf("%+v: got error %v, want %v", o, err, storage.ErrLocked)
		}
		if !strings.HasSuffix(err.Error(), "process "+strconv.Itoa(os.Getpid())) {
			t.Errorf("%+v: got error %q, want it to name process %d", o, err, os.Getpid())
		}
	}
}

func TestOpenReadOnly(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	path := s.db.Path()
	b := storage.Batch{Reports: []storage.Report{storagetest.Aggregate(1, 1)}, Held: storagetest.Held(1), Raw: storagetest.Raw(1)}
	if _, err := s.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // two at a time
		r := openStore(t, dir, Options{ReadOnly: true})
		got, err := storagetest.Collect(r.Reports(t.Context(), storage.Query{}))
		if err != nil || len(got) != 1 {
			t.Errorf("got %d reports and error %v, want 1", len(got), err)
		}
		if _, err := r.Commit(t.Context(), b); !errors.Is(err, errReadOnly) {
			t.Errorf("commit: got error %v, want %v", err, errReadOnly)
		}
		if err := r.DropHeld(t.Context(), 2); !errors.Is(err, errReadOnly) {
			t.Errorf("drop: got error %v, want %v", err, errReadOnly)
		}
	}
	if _, err := Open(path+".missing", Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no store: got error %v, want %v", err, fs.ErrNotExist)
	}
}

func TestOpenRefuses(t *testing.T) {
	schema := func(v uint64) func(tx *bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bucketMeta)).Put(keySchema, binary.BigEndian.AppendUint64(nil, v))
		}
	}
	tests := []struct {
		name  string
		spoil func(t *testing.T, path string)
		want  error
	}{
		{"newer schema", change(schema(schemaVersion + 1)), storage.ErrNewer},
		{"no such schema", change(schema(0)), storage.ErrDamaged},
		{"no schema", change(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Delete(keySchema) }), storage.ErrDamaged},
		{"bucket gone", change(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucketTLS)) }), storage.ErrDamaged},
		{"another program's", change(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucketMeta)) }), storage.ErrDamaged},
		{"empty", truncate(0), storage.ErrDamaged},
		{"one byte", truncate(1), storage.ErrDamaged},
		{"one page", truncate(pageSize), storage.ErrDamaged},
		{"three pages", truncate(3 * pageSize), storage.ErrDamaged},
		{"text", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("no database\n", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, storage.ErrDamaged},
		{"a folder", func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, fs.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := openStore(t, t.TempDir(), Options{})
			path := s.db.Path()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			test.spoil(t, path)
			before, _ := os.ReadFile(path)
			for _, o := range []Options{{}, {ReadOnly: true}} {
				o.Timeout = 100 * time.Millisecond
				s, err := Open(path, o)
				if err == nil {
					s.Close()
				}
				if test.want == fs.ErrInvalid {
					if err == nil {
						t.Errorf("%+v: got no error", o)
					}
				} else if !errors.Is(err, test.want) {
					t.Errorf("%+v: got error %v, want %v", o, err, test.want)
				}
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file has been changed")
			}
		})
	}
}

// change gives what changes the file behind the engine's back.
func change(update func(tx *bbolt.Tx) error) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		db, err := bbolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(update), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func truncate(size int64) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
	}
}

package command

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reportmx/internal/config"
	"reportmx/storage/bolt"
)

// TestLeftClean: the mark of a clean stop fits as long as nobody touches the store.
func TestLeftClean(t *testing.T) {
	tests := map[string]struct {
		change func(path string) error
		want   bool
	}{
		"untouched": {func(string) error { return nil }, true},
		"a byte behind the meta pages": {func(path string) error {
			return overwrite(path, 20<<10)
		}, false},
		"a byte in a meta page, at the same time": {func(path string) error {
			info, err := os.Stat(path)
			if err == nil {
				err = overwrite(path, 100)
			}
			if err == nil {
				err = os.Chtimes(path, info.ModTime(), info.ModTime())
			}
			return err
		}, false},
		"another size":              {func(path string) error { return os.Truncate(path, 64<<20) }, false},
		"cut within the meta pages": {func(path string) error { return os.Truncate(path, 100) }, false},
		"no mark": {func(path string) error {
			return os.Remove(filepath.Join(filepath.Dir(path), cleanFile))
		}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := &config.Config{Storage: config.Storage{Dir: t.TempDir()}}
			store, err := openStore(cfg, bolt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			leave(slog.New(slog.DiscardHandler), cfg, store, nil)
			path := filepath.Join(cfg.Storage.Dir, storeFile)
			if err := tt.change(path); err != nil {
				t.Fatal(err)
			}
			if got := leftClean(path); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

// overwrite changes one byte, at a time that is not that of the mark.
func overwrite(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte{0xa5}, at); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	later := time.Now().Add(time.Second)
	return os.Chtimes(path, later, later)
}

// TestExamine: each answer has its exit code, which the server decides on.
func TestExamine(t *testing.T) {
	dir := t.TempDir()
	cfg := &config.Config{Storage: config.Storage{Dir: dir}}
	path := filepath.Join(dir, storeFile)
	store, err := openStore(cfg, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := runExamine(t, "--whole", "--within", "1ns", path); got.code != exitTemporary {
		t.Errorf("in use: got %+v, want exit code %d", got, exitTemporary)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := runExamine(t, "--whole", path); got.code != exitOK {
		t.Errorf("whole: got %+v, want exit code %d", got, exitOK)
	}
	if err := os.Truncate(path, 9000); err != nil {
		t.Fatal(err)
	}
	if got := runExamine(t, path); got.code != exitDamaged || !strings.Contains(got.said, "store is damaged") {
		t.Errorf("cut: got %+v, want exit code %d", got, exitDamaged)
	}
}

type examined struct {
	code int
	said string
}

func runExamine(t *testing.T, args ...string) examined {
	t.Helper()
	var stderr bytes.Buffer
	code := Run(t.Context(), append([]string{"examine"}, args...), nil, nil, &stderr)
	return examined{code, stderr.String()}
}

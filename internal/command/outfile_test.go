package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"reportmx/storage/bolt"
)

func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out.csv")
	write := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			io.WriteString(w, text)
			return err
		}
	}
	if err := replaceFile(name, plainFile, write("old", nil)); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("cut short")
	if err := replaceFile(name, plainFile, write("half of the new", failure)); !errors.Is(err, failure) {
		t.Errorf("got %v, want %v", err, failure)
	}
	got, err := os.ReadFile(name)
	if err != nil || string(got) != "old" {
		t.Errorf("after a failed export: got %q (%v), want the old content", got, err)
	}
	if err := replaceFile(name, plainFile, write("new", nil)); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(name); string(got) != "new" {
		t.Errorf("got %q, want the new content", got)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("got %d files (%v), want no temporary ones left", len(entries), err)
	}
}

// TestReplaceFolder: a folder is wrong usage, and known before anything is written.
func TestReplaceFolder(t *testing.T) {
	dir := t.TempDir()
	err := replaceFile(dir, plainFile, func(io.Writer) error {
		t.Error("something was written")
		return nil
	})
	if !errors.Is(err, errUsage) || err.Error() != "wrong usage: a folder; name a file in it" {
		t.Errorf("got %v, want %v", err, errUsage)
	}
}

// TestReplaceFileMode: the umask and the mode of the file before decide who reads it,
// and nobody else reads personal data.
func TestReplaceFileMode(t *testing.T) {
	defer unix.Umask(unix.Umask(0o027))
	for name, tt := range map[string]struct{ before, mode, want os.FileMode }{
		"new":                  {0, plainFile, 0o640},
		"new, private":         {0, privateFile, 0o600},
		"there":                {0o664, plainFile, 0o664},
		"there, for few":       {0o600, plainFile, 0o600},
		"there, now private":   {0o644, privateFile, 0o600},
		"there, and a program": {0o755, plainFile, 0o644},
	} {
		file := filepath.Join(t.TempDir(), "out.csv")
		if tt.before != 0 {
			if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chmod(file, tt.before)); err != nil {
				t.Fatal(err)
			}
		}
		if err := replaceFile(file, tt.mode, func(io.Writer) error { return nil }); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != tt.want {
			t.Errorf("%s: got %o, want %o", name, got, tt.want)
		}
	}
}

// TestExportMode: of the three kinds, failure reports hold personal data.
func TestExportMode(t *testing.T) {
	defer unix.Umask(unix.Umask(0o022))
	dir := t.TempDir()
	t.Setenv("RUNTIME_DIRECTORY", "") // a server elsewhere is not asked
	e := &env{configFile: filepath.Join(dir, "config.toml")}
	if err := os.WriteFile(e.configFile, fmt.Appendf(nil, serveConfig, filepath.Join(dir, "data")), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := e.load()
	if err != nil {
		t.Fatal(err)
	}
	store, err := openStore(cfg, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]os.FileMode{"aggregate": 0o644, "failure": 0o600, "tls": 0o644} {
		file := filepath.Join(dir, kind)
		var stderr bytes.Buffer
		if code := Run(t.Context(), []string{"export", kind, "--output", file, "--config", e.configFile}, nil, nil, &stderr); code != 0 {
			t.Fatalf("%s: got exit code %d: %s", kind, code, stderr.String())
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v (%v), want %o", kind, info, err, want)
		}
	}
}

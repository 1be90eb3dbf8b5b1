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

// TestReplaceFileOther: a link stays one, and leads to the file; a pipe stays one, and
// takes the text.
func TestReplaceFileOther(t *testing.T) {
	dir := t.TempDir()
	file, link, nowhere, pipe := filepath.Join(dir, "out.csv"), filepath.Join(dir, "link"), filepath.Join(dir, "nowhere"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.WriteFile(file, []byte("old"), 0o600), os.Symlink("out.csv", link), os.Symlink("none", nowhere), unix.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDWR, 0) // which waits for no writer
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	write := func(w io.Writer) error {
		_, err := io.WriteString(w, "new")
		return err
	}
	for _, name := range []string{link, pipe} {
		if err := replaceFile(name, plainFile, write); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := replaceFile(nowhere, plainFile, write); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a link to nothing: got %v, want %v", err, os.ErrNotExist)
	}
	for name, want := range map[string]os.FileMode{link: os.ModeSymlink, nowhere: os.ModeSymlink, pipe: os.ModeNamedPipe} {
		if info, err := os.Lstat(name); err != nil || info.Mode().Type() != want {
			t.Fatalf("%s: got %v (%v), want it to stay %v", name, info, err, want)
		}
	}
	if got, err := os.ReadFile(file); string(got) != "new" {
		t.Errorf("behind the link: got %q (%v), want the new content", got, err)
	}
	got := make([]byte, 3)
	if _, err := io.ReadFull(reader, got); err != nil || string(got) != "new" {
		t.Errorf("from the pipe: got %q (%v), want the new content", got, err)
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
			t.Errorf("%s: got %v (%v), want mode %o", kind, info, err, want)
		}
	}
}

package command

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
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
	if err := replaceFile(name, write("old", nil)); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("cut short")
	if err := replaceFile(name, write("half of the new", failure)); !errors.Is(err, failure) {
		t.Errorf("got %v, want %v", err, failure)
	}
	got, err := os.ReadFile(name)
	if err != nil || string(got) != "old" {
		t.Errorf("after a failed export: got %q (%v), want the old content", got, err)
	}
	if err := replaceFile(name, write("new", nil)); err != nil {
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
	err := replaceFile(dir, func(io.Writer) error {
		t.Error("something was written")
		return nil
	})
	if !errors.Is(err, errUsage) || err.Error() != "wrong usage: a folder; name a file in it" {
		t.Errorf("got %v, want %v", err, errUsage)
	}
}

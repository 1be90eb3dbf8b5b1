package command

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"reportmx/internal/config"
)

func TestRedactionKey(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	token := func(f config.Failure) (string, error) {
		f.Redact = true
		r, err := redaction(&config.Config{Failure: f, Storage: config.Storage{Dir: dir}})()
		if err != nil {
			return "", err
		}
		return r.Token("jo"), nil
	}
	if redaction(&config.Config{}) != nil {
		t.Error("redacts although it is switched off")
	}
	own, err := token(config.Failure{})
	if err != nil || len(own) != 20 {
		t.Fatalf("got the token %q (%v), want 20 letters", own, err)
	}
	if again, err := token(config.Failure{}); again != own {
		t.Errorf("got the token %q (%v) after a restart, want %q", again, err, own)
	}
	info, err := os.Stat(filepath.Join(dir, redactionKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got the key with mode %v (%v), want 0600", info.Mode(), err)
	}
	configured := config.Failure{RedactKey: file("a", "sixteen bytes or more\n")}
	if other, err := token(configured); err != nil || other == own || other == "" {
		t.Errorf("with a key of the configuration: got the token %q (%v)", other, err)
	}
	if _, err := token(config.Failure{RedactKey: file("b", "fifteen bytes..\n")}); !errors.Is(err, errConfig) {
		t.Errorf("a short key: got %v, want %v", err, errConfig)
	}
	if _, err := token(config.Failure{RedactKey: filepath.Join(dir, "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no key: got %v, want %v", err, os.ErrNotExist)
	}
	if err := os.Truncate(filepath.Join(dir, redactionKeyFile), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := token(config.Failure{}); err == nil {
		t.Error("an empty key is taken, or made anew: tokens would change")
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

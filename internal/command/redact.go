package command

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"reportmx/internal/config"
	"reportmx/internal/intake"
)

// redactionKeyFile is the name of our own key below storage.dir.
const redactionKeyFile = "redaction.key"

// redaction gives what makes tokens of local parts, nil when none are to be made. The
// key is read when it is first needed: many commands need none, and a credential is
// there only while the service runs.
func redaction(cfg *config.Config) func() (*intake.Redactor, error) {
	if !cfg.Failure.Redact {
		return nil
	}
	return sync.OnceValues(func() (*intake.Redactor, error) {
		path := cfg.Failure.RedactKey
		if path == "" {
			path = filepath.Join(cfg.Storage.Dir, redactionKeyFile)
			if err := ensureRedactionKey(path); err != nil {
				return nil, fmt.Errorf("make redaction key: %w", err)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read redaction key: %w", err)
		}
		redactor, err := intake.NewRedactor([]byte(strings.TrimSpace(string(text))))
		if err != nil {
			return nil, fmt.Errorf("%w: failure.redact_key: %s: %w", errConfig, path, err)
		}
		return redactor, nil
	})
}

// makeRedactionKey reads the key at the start of the server, which makes it at the
// first: a failure report that came later could only be put off.
func (a *app) makeRedactionKey() error {
	if a.intake.Redact == nil {
		return nil
	}
	_, err := a.intake.Redact()
	return err
}

// ensureRedactionKey makes a key where there is none. It comes into place whole and on
// disk: tokens that were made with a lost key would never be found again.
func ensureRedactionKey(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	var key [32]byte
	rand.Read(key[:]) // never fails
	_, err = fmt.Fprintln(tmp, base64.StdEncoding.EncodeToString(key[:]))
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) { // never over another
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

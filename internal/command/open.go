package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"reportmx/internal/config"
	"reportmx/internal/control"
	"reportmx/storage"
	"reportmx/storage/bolt"
)

// storeFile is the name of the store below storage.dir.
const storeFile = "reports.db"

// load reads the configuration.
func (e *env) load() (*config.Config, error) {
	cfg, err := config.Load(e.configFile)
	if err != nil {
		return nil, fmt.Errorf("%w\n%w", errConfig, err)
	}
	return cfg, nil
}

// reader gives a client that can read: of the running server, or of the file when
// no server runs.
func (e *env) reader(ctx context.Context) (*session, error) {
	cfg, err := e.load()
	if err != nil {
		return nil, err
	}
	if c, err := control.Dial(cfg.Control.Socket); err == nil {
		return &session{Client: c}, nil
	}
	return openFile(cfg, bolt.Options{ReadOnly: true, Timeout: time.Second})
}

// needStore tells where there is no store: a relative storage.dir is easily taken
// for another folder.
func needStore(cfg *config.Config) error {
	path, err := filepath.Abs(filepath.Join(cfg.Storage.Dir, storeFile))
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no store at %s yet, and no server answers at %s: has reportmx serve run with this configuration, in this folder", path, cfg.Control.Socket)
	}
	return nil
}

// writer gives a client that can change what is there: of the running server, or
// of the file with an intake of its own when no server runs.
func (e *env) writer(ctx context.Context) (*session, error) {
	cfg, err := e.load()
	if err != nil {
		return nil, err
	}
	if c, err := control.Dial(cfg.Control.Socket); err == nil {
		return &session{Client: c}, nil
	}
	if err := needStore(cfg); err != nil {
		return nil, err
	}
	return openWriter(cfg, e.stderr)
}

// taker is a writer that makes the store where there is none, for what brings
// reports.
func (e *env) taker(ctx context.Context) (*session, error) {
	cfg, err := e.load()
	if err != nil {
		return nil, err
	}
	if c, err := control.Dial(cfg.Control.Socket); err == nil {
		return &session{Client: c}, nil
	}
	return openWriter(cfg, e.stderr)
}

func openWriter(cfg *config.Config, stderr io.Writer) (*session, error) {
	log := newLogger(stderr, config.Log{Level: slog.LevelError})
	store, err := openStore(cfg, bolt.Options{Timeout: time.Second, Logger: log})
	if err != nil {
		return nil, err
	}
	app, err := newApp(cfg, store, log)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	server := &control.Server{
		Store: store, Importer: importer{app.intake}, Schedules: store, Retrier: importer{app.intake},
		Reparser: app, Pruner: app.aging, Copier: app, Enrich: app.sources,
	}
	return &session{Client: control.Local(server.Handler()), store: store}, nil
}

// openStore opens the store to write; it is made where there is none.
func openStore(cfg *config.Config, o bolt.Options) (*bolt.Store, error) {
	return bolt.Open(filepath.Join(cfg.Storage.Dir, storeFile), o)
}

// session is a client, with the store behind it when no server runs.
type session struct {
	*control.Client
	store *bolt.Store
}

// Close lets go of the server or the file.
func (s *session) Close() error {
	s.Client.Close()
	if s.store == nil {
		return nil
	}
	return s.store.Close()
}

func openFile(cfg *config.Config, o bolt.Options) (*session, error) {
	tuneMemory()
	path := filepath.Join(cfg.Storage.Dir, storeFile)
	if err := needStore(cfg); err != nil {
		return nil, err
	}
	store, err := bolt.Open(path, o)
	if errors.Is(err, storage.ErrLocked) {
		return nil, fmt.Errorf("%w, and no server answers at %s", err, cfg.Control.Socket)
	}
	if err != nil {
		return nil, err
	}
	sources, err := enrichment(cfg)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	server := &control.Server{Store: store, Copier: store, Enrich: sources}
	return &session{Client: control.Local(server.Handler()), store: store}, nil
}

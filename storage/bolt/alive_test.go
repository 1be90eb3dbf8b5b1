package bolt

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"reportmx/storage"
)

func TestAlive(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "reports.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Alive(t.Context()); err != nil {
		t.Errorf("got %v of an open store, want nil", err)
	}

	stuck, started := make(chan struct{}), make(chan struct{})
	go s.do(context.Background(), 0, func(*txn) error {
		close(started)
		<-stuck
		return nil
	})
	<-started
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.Alive(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v of a committer that is stuck, want %v", err, context.DeadlineExceeded)
	}
	close(stuck)

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Alive(t.Context()); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("got %v of a closed store, want %v", err, storage.ErrClosed)
	}
}

package bolt

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"
)

// Alive asks the committer for a change of nothing, and reads: it fails when
// either gives no answer before ctx ends, or when commits have ended for good. The
// disk is deliberately not touched: one that stalls is not mended by a restart.
func (s *Store) Alive(ctx context.Context) error {
	if err := s.do(ctx, 0, func(*txn) error { return nil }); err != nil {
		return fmt.Errorf("ask committer: %w", err)
	}
	if err := s.view(func(*bbolt.Tx) error { return nil }); err != nil {
		return fmt.Errorf("read store: %w", err)
	}
	return nil
}

package command

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// startExtension is for how long systemd is asked to wait for the start of the server, from
// each sign of progress on. The copy of a large store gives none for minutes.
const startExtension = 30 * time.Minute

// migrating has systemd wait while a store of an older version is brought up to date,
// and ends that when the server is to stop; the next start goes on.
func migrating(ctx context.Context, log *slog.Logger) func(done, all int64) error {
	return func(int64, int64) error {
		notify(log, fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", startExtension.Microseconds()))
		return ctx.Err()
	}
}

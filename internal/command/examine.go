package command

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"reportmx/internal/config"
	"reportmx/storage"
	"reportmx/storage/bolt"
)

// examineTime bounds the examination of a store that was not left clean; what it has
// found no fault in by then is served. examineGrace is added for its end: a process
// that is late even then runs in circles on a damaged file.
const (
	examineTime  = 10 * time.Second
	examineGrace = 10 * time.Second
)

// examine is the process in which the server looks at a store before it opens it: on
// a damaged file bbolt can take its process with it.
func (e *env) examine() *cobra.Command {
	var whole bool
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "examine FILE",
		Short: "look for damage in a store that no server has open",
		Long: `examine reads a store and says whether it can be opened, with --whole whether each
page and each value in it is what was written. Exit 0: it is; 65: it is damaged;
3: could not tell, because the time was up or the store is in use.`,
		Hidden: true,
		Args:   wrongUsage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !whole {
				return bolt.Glance(args[0])
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), within)
			defer cancel()
			err := bolt.Examine(ctx, args[0])
			if errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("%w: no fault found within %s", errTemporary, within)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&whole, "whole", false, "read all of it")
	cmd.Flags().DurationVar(&within, "within", 24*time.Hour, "with --whole: end after this time")
	return cmd
}

// examineFirst has a process of its own look at the store: at its ends after a clean
// stop, at all of it otherwise. There may be no store yet.
func examineFirst(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	path := filepath.Join(cfg.Storage.Dir, storeFile)
	if _, err := os.Stat(path); err != nil {
		return nil // opening it will tell
	}
	args := []string{"examine", path}
	if !leftClean(path) {
		args = append(args, "--whole", "--within", examineTime.String())
	}
	start := time.Now()
	code, complaint, err := runSelf(ctx, args)
	if err != nil {
		return fmt.Errorf("examine store: %w", err)
	}
	log.Debug("store examined", "store", path, "whole", len(args) > 2, "exit_code", code, "seconds", time.Since(start).Seconds())
	switch code {
	case exitOK, exitFailed, exitConfig: // of another sort, and opening it will tell
		return nil
	case exitTemporary:
		if strings.Contains(complaint, storage.ErrLocked.Error()) {
			return &answer{storage.ErrLocked, complaint}
		}
		log.Warn("store not examined to its end", "store", path, "reason", complaint)
		return nil
	default:
		return damaged(complaint)
	}
}

// answer is what another process said, and which error that is here.
type answer struct {
	kind error
	said string
}

func (a *answer) Error() string { return a.said }
func (a *answer) Unwrap() error { return a.kind }

// damaged says what can be done, too.
func damaged(said string) error {
	return &answer{storage.ErrDamaged, said + `; nothing was changed. Put your last backup in its place ("reportmx verify FILE" tells whether one is whole), or move the store away to begin a new one`}
}

// runSelf runs this program and gives its exit code, -1 when a signal or the time
// ended it, and the gist of what it complained of.
func runSelf(ctx context.Context, args []string) (code int, complaint string, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, "", err
	}
	bounded, cancel := context.WithTimeout(ctx, examineTime+examineGrace)
	defer cancel()
	cmd := exec.CommandContext(bounded, self, args...)
	cmd.WaitDelay = time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err = cmd.Run()
	if ctx.Err() != nil {
		return 0, "", ctx.Err()
	}
	gist, _, _ := strings.Cut(strings.TrimPrefix(stderr.String(), "reportmx: "), "\n")
	if cmd.ProcessState == nil {
		return 0, "", err
	}
	code = cmd.ProcessState.ExitCode()
	if code == -1 {
		gist = fmt.Sprintf("its examination ended with %s %s", cmd.ProcessState, gist)
	}
	return code, gist, nil
}

// cleanFile stands beside the store after a clean stop, and says how it looked then.
const cleanFile = "reports.clean"

// leftClean tells whether the store is as it was at the last clean stop. Nothing takes
// the mark away: with the first commit, or any other change of the file, it no longer
// fits. What a disk forgets by itself is found later, by the checksum of each value.
func leftClean(path string) bool {
	mark, err := os.ReadFile(filepath.Join(filepath.Dir(path), cleanFile))
	if err != nil {
		return false
	}
	now, err := cleanMark(path)
	return err == nil && now == string(mark)
}

// markedBytes is the start of the file, which holds both meta pages: each commit
// changes one of them.
const markedBytes = 16 << 10

func cleanMark(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	start := make([]byte, markedBytes)
	if _, err := io.ReadFull(f, start); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %d %x\n", info.Size(), info.ModTime().UnixNano(), sha256.Sum256(start)), nil
}

// leave closes the store, and marks it as clean if nothing went wrong. The mark need
// not be synced: without it the next start only takes longer.
func leave(log *slog.Logger, cfg *config.Config, store *bolt.Store, failed error) {
	if err := store.Close(); err != nil {
		log.Error("close store", "error", err)
		return
	}
	if failed != nil {
		return
	}
	mark, err := cleanMark(filepath.Join(cfg.Storage.Dir, storeFile))
	if err == nil {
		err = os.WriteFile(filepath.Join(cfg.Storage.Dir, cleanFile), []byte(mark), 0o600)
	}
	if err != nil {
		log.Warn("mark store as clean", "error", err)
	}
}

// unusable sorts the errors of opening a store to write: what the file system refuses
// may go better after a restart, and a damaged store needs a person.
func unusable(err error) error {
	var path *fs.PathError
	var number syscall.Errno
	switch {
	case errors.Is(err, storage.ErrDamaged):
		return damaged(err.Error())
	case errors.As(err, &path), errors.As(err, &number):
		return fmt.Errorf("%w: %w", errDisk, err)
	}
	return err
}

package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"reportmx/internal/config"
	"reportmx/internal/control"
	"reportmx/internal/intake"
	"reportmx/storage"
	"reportmx/storage/bolt"
)

// Copy copies the store for a backup, if enough space stays for the mail that comes
// meanwhile. It implements control.Copier.
func (a *app) Copy() (*os.File, int64, error) {
	stats, err := a.store.Stats()
	if err != nil {
		return nil, 0, err
	}
	free, err := freeSpace(a.cfg.Storage.Dir)
	if err != nil {
		return nil, 0, err
	}
	if need := stats.FileBytes + intake.LeastFree(int64(a.cfg.Limits.Message)); free < need {
		return nil, 0, fmt.Errorf("copy store: %s has %s free, a copy needs %s", a.cfg.Storage.Dir, humanize.IBytes(uint64(free)), humanize.IBytes(uint64(need)))
	}
	return a.store.Copy()
}

func (e *env) backup() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE|-",
		Short: "write a copy of the store, also while the server runs",
		Long: `backup writes the store as it is at one moment, with all that was acknowledged
before, to a file or to standard output. The server goes on meanwhile; it needs as
much free space in storage.dir as the store has.

To restore: stop the server, put the copy at reports.db in storage.dir, let it
belong to the service's user, "reportmx verify", start the server. Reports that
came after the backup are not in it; those that senders repeat are taken again.`,
		Args: wrongUsage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.reader(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			var n int64
			write := func(w io.Writer) error {
				n, err = c.Backup(cmd.Context(), w)
				return err
			}
			if args[0] == "-" {
				err = write(e.stdout)
			} else {
				err = replaceFile(args[0], privateFile, write)
			}
			if err != nil {
				return fmt.Errorf("backup: %w", err)
			}
			fmt.Fprintf(e.stderr, "wrote %d bytes\n", n)
			return nil
		},
	}
}

func (e *env) compact() *cobra.Command {
	return &cobra.Command{
		Use:   "compact",
		Short: "write the store anew without its unused space, while no server runs",
		Long: `compact gives space that was freed by retention or prune back to the file system.
The server reuses that space by itself: compact only after much was removed for
good. It needs the free space of a second store, and the server must be stopped.`,
		Args: wrongUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := e.load()
			if err != nil {
				return err
			}
			if c, err := control.Dial(cfg.Control.Socket); err == nil {
				c.Close()
				return fmt.Errorf("%w: a server is running: stop it, compact, and start it again", storage.ErrLocked)
			}
			before, after, err := bolt.Compact(cmd.Context(), filepath.Join(cfg.Storage.Dir, storeFile))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(e.stdout, "%d bytes before, %d bytes after\n", before, after)
			return err
		},
	}
}

func (e *env) verify() *cobra.Command {
	var here bool
	cmd := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "read the whole store, or a backup, and say whether it is what was written",
		Long: `verify checks the structure of the store, the checksum of every value, decodes
every report and message, and follows every index. Of a running server it verifies
a copy, for which it needs the space. Exit code 65: it is damaged.`,
		Args: wrongUsage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if here {
				return bolt.Verify(cmd.Context(), args[0])
			}
			if len(args) == 1 {
				return e.verifyFile(cmd.Context(), args[0])
			}
			return e.verifyStore(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&here, "here", false, "in this process, which a damaged file can take with it")
	cmd.Flags().Lookup("here").Hidden = true
	return cmd
}

// verifyStore verifies the configured store: the file itself, or a copy when a server
// has it.
func (e *env) verifyStore(ctx context.Context) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	c, err := control.Dial(cfg.Control.Socket)
	if err != nil {
		return e.verifyFile(ctx, filepath.Join(cfg.Storage.Dir, storeFile))
	}
	defer c.Close()
	name, err := copyOf(ctx, c, cfg)
	if err != nil {
		return fmt.Errorf("copy the store of the running server: %w", err)
	}
	defer os.Remove(name)
	return e.verifyFile(ctx, name)
}

func copyOf(ctx context.Context, c *control.Client, cfg *config.Config) (name string, err error) {
	f, err := os.CreateTemp(cfg.Storage.Dir, ".verify.*")
	if err != nil {
		return "", err
	}
	_, err = c.Backup(ctx, f)
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// verifyFile has a process of its own read the file: on damaged pages bbolt can run
// in circles until its stack is used up, and that ends a process.
func (e *env) verifyFile(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("verify store: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, self, "verify", "--here", "--", path)
	child.Stderr = &boundedText{out: e.stderr, left: 4 << 10}
	err = child.Run()
	var exit *exec.ExitError
	switch code := child.ProcessState.ExitCode(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		_, err = fmt.Fprintf(e.stdout, "all of it is what was written: %d bytes\n", info.Size())
		return err
	case !errors.As(err, &exit):
		return fmt.Errorf("verify store: %w", err)
	case code == exitDamaged:
		return fmt.Errorf("%w: put a backup in its place", storage.ErrDamaged)
	case code == exitFailed, code == exitTemporary, code == exitStorage:
		return fmt.Errorf("%w: the store could not be verified", errTemporary)
	default:
		return fmt.Errorf("%w: reading it ended the process", storage.ErrDamaged)
	}
}

// boundedText passes the first bytes on: a process that dies tells more than a
// person wants.
type boundedText struct {
	out  io.Writer
	left int
}

func (b *boundedText) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.left -= n
	_, err := b.out.Write(p[:n])
	return len(p), err
}

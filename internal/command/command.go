// Package command is the command line: one file per subcommand. Machine output
// goes to stdout, everything else to stderr; what a script may read has --json.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"reportmx/internal/config"
	"reportmx/storage"
)

// Exit codes (design, "Commands"). Never 2: the Go runtime exits with it on a
// panic, and systemd must restart the service then.
const (
	exitOK        = 0
	exitFailed    = 1
	exitTemporary = 3  // try again later, or: could not tell
	exitUsage     = 64 // sysexits.h EX_USAGE
	exitDamaged   = 65 // EX_DATAERR
	exitStorage   = 75 // EX_TEMPFAIL: the disk failed, a restart may help
	exitConfig    = 78 // EX_CONFIG
)

var (
	errUsage  = errors.New("wrong usage")
	errConfig = errors.New("wrong configuration")
	// errTemporary: another try may go better.
	errTemporary = errors.New("try again later")
	// errDisk: the file system refuses what the store needs.
	errDisk = errors.New("the disk refuses")
	// errSilent: all has been said, only the exit code is left.
	errSilent = errors.New("")
)

// env is what a command works with: its streams and the configuration file.
type env struct {
	stdin      io.Reader
	stdout     io.Writer
	stderr     io.Writer
	configFile string
}

// Run runs the command line and gives the exit code of the process.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	e := &env{stdin: stdin, stdout: stdout, stderr: stderr}
	root := e.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errSilent) {
		fmt.Fprintf(stderr, "reportmx: %v\n", err)
	}
	if errors.Is(err, errUsage) {
		fmt.Fprintln(stderr, `"reportmx help" shows the commands, "reportmx COMMAND --help" one of them`)
	}
	return exitCode(err)
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, errConfig), errors.Is(err, storage.ErrNewer):
		return exitConfig
	case errors.Is(err, storage.ErrDamaged):
		return exitDamaged
	case errors.Is(err, storage.ErrUncertain), errors.Is(err, errDisk):
		return exitStorage
	case errors.Is(err, errTemporary), errors.Is(err, storage.ErrLocked), errors.Is(err, context.Canceled):
		return exitTemporary
	default:
		return exitFailed
	}
}

func (e *env) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "reportmx",
		Short: "an MX for DMARC reports",
		Long: `reportmx is a mail server that does one thing: it is the MX of a domain that
exists to receive DMARC reports. It takes them straight from the reporting mail
servers, keeps them in one file, and exports them as CSV and JSON.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          wrongUsage(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringVarP(&e.configFile, "config", "c", "", "configuration file (default "+config.DefaultPath+" where it exists)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	root.AddCommand(
		e.serve(),
		e.check(),
		e.records(),
		e.importCommand(),
		e.export(),
		e.summary(),
		e.held(),
		e.prune(),
		e.reparse(),
		e.verify(),
		e.backup(),
		e.compact(),
		e.status(),
		e.config(),
		e.version(),
		e.man(),
		e.examine(),
	)
	return root
}

// wrongUsage makes the complaint of an argument check one of usage.
func wrongUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		return nil
	}
}

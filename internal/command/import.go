package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"reportmx/internal/control"
)

// importAtOnce is how many messages are under way: enough to share commits, few
// beside the sessions of a running server.
const importAtOnce = 8

func (e *env) importCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import PATH…",
		Short: "take in reports from files: messages, mbox, Maildir, .xml, .gz, .zip, .json",
		Long: `import reads files, folders with all that is below them, Maildirs, and "-" for
standard input, and sends each message or document the same way as received
mail. What is known already is not stored again: an import may be repeated.

Exit code 1: something could not be read or was refused. The rest is stored.`,
		Args: wrongUsage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.taker(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			job := &importJob{ctx: cmd.Context(), client: c.Client, stderr: e.stderr, bar: progressOn(e.stderr), slots: make(chan struct{}, importAtOnce)}
			for _, path := range args {
				job.addPath(path, e.stdin)
			}
			return job.finish()
		},
	}
}

// progressOn is a line on a terminal, and nothing elsewhere. It moves only when
// something was done: the library's own ticking reads the bar without its lock.
func progressOn(w io.Writer) *progressbar.ProgressBar {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		w = io.Discard
	}
	return progressbar.NewOptions(-1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("importing"),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish(), progressbar.OptionSetSpinnerChangeInterval(0))
}

// importJob sends messages to the server and counts what became of them.
type importJob struct {
	ctx    context.Context
	client *control.Client
	stderr io.Writer
	bar    *progressbar.ProgressBar

	sending sync.WaitGroup
	slots   chan struct{}
	mu      sync.Mutex
	stored  int
	known   int
	held    int
	sent    int
	bad     int
}

func (j *importJob) addPath(path string, stdin io.Reader) {
	if path == "-" {
		j.addStream("standard input", stdin)
		return
	}
	if err := walkFiles(path, j.addFile); err != nil {
		j.complain(path, err.Error())
	}
}

func (j *importJob) addFile(path string) {
	f, err := os.Open(path)
	if err != nil {
		j.complain(path, err.Error())
		return
	}
	defer f.Close()
	j.addStream(path, f)
}

func (j *importJob) addStream(name string, r io.Reader) {
	if err := splitMessages(r, name, j.send); err != nil {
		j.complain(name, err.Error())
	}
}

// send sends one message beside the reading of the next ones.
func (j *importJob) send(name string, message []byte) error {
	select {
	case j.slots <- struct{}{}:
	case <-j.ctx.Done():
		return j.ctx.Err()
	}
	j.sending.Go(func() {
		defer func() { <-j.slots }()
		var res control.Imported
		err := j.client.Send(j.ctx, http.MethodPost, "/v1/import", url.Values{"name": {name}}, bytes.NewReader(message), &res)
		if err != nil {
			res = control.Imported{Reason: err.Error()}
		}
		j.count(name, res)
	})
	return nil
}

func (j *importJob) count(name string, res control.Imported) {
	switch {
	case res.Held > 0:
		j.complain(name, "kept in the hold: "+res.Reason)
	case res.Reason != "":
		j.complain(name, res.Reason)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sent++
	j.stored += res.Stored
	j.known += res.Known
	j.held += res.Held
	j.bar.Add(1) // an error is of the terminal, and not worth stopping for
}

// complain writes the one line that a file gets which was not all stored.
func (j *importJob) complain(name, reason string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.bad++
	j.bar.Clear()
	fmt.Fprintf(j.stderr, "%s: %s\n", printable(name), printable(reason))
}

func (j *importJob) finish() error {
	j.sending.Wait()
	j.bar.Finish()
	fmt.Fprintf(j.stderr, "messages read: %d; reports stored: %d, known already: %d; messages held: %d; problems: %d\n", j.sent, j.stored, j.known, j.held, j.bad)
	if err := j.ctx.Err(); err != nil {
		return err
	}
	if j.bad > 0 {
		return errSilent
	}
	return nil
}

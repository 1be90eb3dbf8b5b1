package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"reportmx/internal/control"
)

func (e *env) heldRetry() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "retry [NUMBER…]",
		Short: "take in what can be read now, after an upgrade or a change of the targets",
		Long: `retry sends held messages through the intake again, with the sender, the
envelope and the time that were recorded when they came. What gives reports leaves
the hold; what still cannot be read, or is still not trusted, stays as it is.

Exit code 1: something stayed in the hold.`,
		Args: wrongUsage(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return fmt.Errorf("%w: name the numbers, or --all", errUsage)
			}
			return e.release(cmd.Context(), "retry", args)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every held message")
	return cmd
}

func (e *env) heldAccept() *cobra.Command {
	return &cobra.Command{
		Use:   "accept NUMBER…",
		Short: "store the reports of held messages in spite of the reason",
		Long: `accept stores what a held message reports although its sender did not
authenticate, no external authorization exists, or the report does not say which
domain it is about. The warning "accepted" of each report tells who said so. What
cannot be read, or is about a domain that is no target, cannot be accepted.`,
		Args: wrongUsage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.release(cmd.Context(), "accept", args)
		},
	}
}

// release asks for one held message after the other, or for all of them.
func (e *env) release(ctx context.Context, how string, args []string) error {
	c, err := e.writer(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	var seqs []uint64
	for _, arg := range args {
		seq, err := heldNumber(arg)
		if err != nil {
			return err
		}
		seqs = append(seqs, seq)
	}
	names, err := heldNames(ctx, c.Client)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		seqs = slices.Sorted(maps.Keys(names))
	}
	stayed := 0
	for _, seq := range seqs {
		var res control.Imported
		if err := c.Send(ctx, http.MethodPost, fmt.Sprintf("/v1/held/%d/%s", seq, how), nil, nil, &res); err != nil {
			return fmt.Errorf("%s held message %d: %w", how, seq, err)
		}
		if sayReleased(e.stderr, names[seq], res) {
			stayed++
		}
	}
	if stayed > 0 {
		return errSilent
	}
	return nil
}

// heldNames tells how each held message is called in front of people.
func heldNames(ctx context.Context, c *control.Client) (map[uint64]string, error) {
	names := make(map[uint64]string)
	err := c.List(ctx, "/v1/held", nil, func(line json.RawMessage) error {
		var h control.Held
		err := json.Unmarshal(line, &h)
		names[h.Seq] = heldName(h)
		return err
	})
	return names, err
}

// heldName reads: 7 (of 2026-11-20 from reports@receiver.example, "Report Domain: …")
func heldName(h control.Held) string {
	name := fmt.Sprintf("%d (of %s", h.Seq, h.ReceivedAt.Format(time.DateOnly))
	if h.MailFrom != "" {
		name += " from " + h.MailFrom
	}
	switch {
	case h.Subject != "":
		name += fmt.Sprintf(", %q", shortened(h.Subject))
	case h.MessageID != "":
		name += ", <" + h.MessageID + ">"
	}
	return printable(name) + ")"
}

// shortened is a text that fits on a line beside others.
func shortened(text string) string {
	const most = 70
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// sayReleased tells what became of a held message, and whether it is still there.
func sayReleased(w io.Writer, name string, res control.Imported) (stayed bool) {
	got := res.Stored + res.Known
	switch {
	case got == 0:
		fmt.Fprintf(w, "%s stays in the hold: %s\n", name, printable(res.Reason))
		return true
	case res.Held > 0:
		fmt.Fprintf(w, "%s: %d reports stored, %d known already; the rest stays in the hold: %s\n", name, res.Stored, res.Known, printable(res.Reason))
		return true
	}
	fmt.Fprintf(w, "%s: %d reports stored, %d known already\n", name, res.Stored, res.Known)
	return false
}

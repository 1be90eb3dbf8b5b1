package command

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"reportmx/export"
	"reportmx/internal/control"
)

func (e *env) held() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "held",
		Short: "look at messages that were kept aside",
		Long: `A message that looks like a report and cannot be read, or must not be trusted,
is answered with 250 and kept in the hold for a person to look at.`,
		Args: wrongUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.heldList(), e.heldShow(), e.heldRetry(), e.heldAccept(), e.heldDrop())
	return cmd
}

func (e *env) heldList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the held messages, oldest first",
		Args:  wrongUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return e.eachHeld(cmd, func(line json.RawMessage, _ control.Held) error {
					_, err := e.stdout.Write(plainJSON(line))
					return err
				})
			}
			t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "NUMBER\tRECEIVED\tFROM\tSENDER\tBYTES\tREASON")
			err := e.eachHeld(cmd, func(_ json.RawMessage, h control.Held) error {
				_, err := fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%d\t%s\n", h.Seq, h.ReceivedAt.Format(time.RFC3339),
					printable(orDash(h.MailFrom)), printable(orDash(h.SenderResult)), h.Bytes, printable(h.Reason))
				return err
			})
			if err != nil {
				return err
			}
			return t.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func (e *env) eachHeld(cmd *cobra.Command, each func(json.RawMessage, control.Held) error) error {
	c, err := e.reader(cmd.Context())
	if err != nil {
		return err
	}
	defer c.Close()
	return c.List(cmd.Context(), "/v1/held", nil, func(line json.RawMessage) error {
		var h control.Held
		if err := json.Unmarshal(line, &h); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		return each(line, h)
	})
}

func (e *env) heldShow() *cobra.Command {
	var raw, asJSON bool
	cmd := &cobra.Command{
		Use:   "show NUMBER",
		Short: "show why a message is held, or the message itself",
		Args:  wrongUsage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			seq, err := heldNumber(args[0])
			if err != nil {
				return err
			}
			if raw {
				return e.showRaw(cmd, seq)
			}
			found := false
			err = e.eachHeld(cmd, func(line json.RawMessage, h control.Held) error {
				if h.Seq != seq {
					return nil
				}
				found = true
				if asJSON {
					_, err := e.stdout.Write(plainJSON(line))
					return err
				}
				return showHeld(e.stdout, h)
			})
			if err == nil && !found {
				err = fmt.Errorf("no held message has the number %d", seq)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "the message as it was received; a stranger wrote it, so send it to a file or a pager")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the facts as one JSON object")
	return cmd
}

func (e *env) showRaw(cmd *cobra.Command, seq uint64) error {
	c, err := e.reader(cmd.Context())
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Render(cmd.Context(), fmt.Sprintf("/v1/held/%d/raw", seq), nil, e.stdout)
	return err
}

func showHeld(w io.Writer, h control.Held) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"number", strconv.FormatUint(h.Seq, 10)},
		{"received", h.ReceivedAt.Format(time.RFC3339)},
		{"held because", h.Reason},
		{"code", h.Code},
		{"client", h.ClientIP + " " + h.Helo},
		{"mail from", orDash(h.MailFrom)},
		{"to", fmt.Sprint(h.RcptTo)},
		{"tls", orDash(h.TLS)},
		{"sender", orDash(h.SenderDomain) + " " + h.SenderResult},
		{"subject", h.Subject},
		{"message id", h.MessageID},
		{"size", strconv.FormatInt(h.Bytes, 10) + " bytes"},
	} {
		fmt.Fprintf(t, "%s\t%s\n", row[0], printable(row[1]))
	}
	return t.Flush()
}

func (e *env) heldDrop() *cobra.Command {
	return &cobra.Command{
		Use:   "drop NUMBER…",
		Short: "delete held messages for good",
		Args:  wrongUsage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.writer(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			for _, arg := range args {
				seq, err := heldNumber(arg)
				if err != nil {
					return err
				}
				if err := c.Send(cmd.Context(), http.MethodDelete, fmt.Sprintf("/v1/held/%d", seq), nil, nil, nil); err != nil {
					return err
				}
				fmt.Fprintf(e.stderr, "dropped %d\n", seq)
			}
			return nil
		},
	}
}

func heldNumber(arg string) (uint64, error) {
	seq, err := strconv.ParseUint(arg, 10, 64)
	if err != nil {
		return 0, fmt.Errorf(`%w: %q is not a number of a held message; "reportmx held list" shows them`, errUsage, arg)
	}
	return seq, nil
}

// printable makes a stranger's text fit for a terminal.
func printable(s string) string { return export.Printable(s) }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

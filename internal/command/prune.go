package command

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"reportmx/internal/control"
	"reportmx/reports"
)

func (e *env) prune() *cobra.Command {
	var o control.PruneOrder
	var before moment
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "remove what is too old, or all about a target",
		Long: `prune removes now what retention would remove within the hour. With --target it
removes all reports about a domain and what is below it, with the messages that
they came in, also where such a message held a report about another domain; with
--before all that arrived before a time, what is in the hold included; with both
the reports that are both. What scheduled exports have not written yet goes, too.

Held messages could not be read, so none can be said to be about a target: look
at "reportmx held list". The file does not become smaller, its space is used
again; "reportmx compact" shrinks it.`,
		Args: wrongUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Before = before.at
			if cmd.Flags().Changed("target") && reports.NormalDomain(o.Target) == "" {
				return fmt.Errorf("%w: --target %q is no domain", errUsage, o.Target)
			}
			if (o.Target != "" || !o.Before.IsZero()) && !yes && !o.DryRun {
				return fmt.Errorf("%w: this deletes for good: see how much with --dry-run, then add --yes", errUsage)
			}
			c, err := e.writer(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			p, err := c.Prune(cmd.Context(), o)
			if err != nil {
				return fmt.Errorf("prune: %w", err)
			}
			if asJSON {
				return printJSON(e.stdout, p)
			}
			return printPruned(e.stdout, p)
		},
	}
	cmd.Flags().StringVar(&o.Target, "target", "", "all reports about this domain and below")
	cmd.Flags().Var(&before, "before", "what arrived before: a date, a time, or a span before now (90d)")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only say how much it is")
	cmd.Flags().BoolVar(&yes, "yes", false, "needed with --target and --before")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

func printPruned(w io.Writer, p control.Pruned) error {
	verb := "removed"
	if p.DryRun {
		verb = "would remove"
	}
	_, err := fmt.Fprintf(w, "%s %d aggregate, %d failure and %d TLS reports, %d messages of reports that stay, %d held messages\n",
		verb, p.Aggregate, p.Failure, p.TLS, p.Messages, p.Held)
	return err
}

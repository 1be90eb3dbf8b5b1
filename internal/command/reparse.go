package command

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"reportmx/internal/control"
	"reportmx/storage"
)

// Reparse goes through all reports whose message is still kept. It implements
// control.Reparser.
func (a *app) Reparse(ctx context.Context, o control.ReparseOrder) iter.Seq2[control.Reparsed, error] {
	return func(yield func(control.Reparsed, error) bool) {
		var whole storage.Report
		for part, err := range a.store.Reports(ctx, storage.Query{}) {
			if err != nil {
				yield(control.Reparsed{}, err)
				return
			}
			if part.Chunk == 0 {
				whole = *part
			} else {
				records := append(whole.Aggregate.Records, part.Aggregate.Records...)
				aggregate := *whole.Aggregate
				aggregate.Records, whole.Aggregate = records, &aggregate
			}
			if !part.Last {
				continue
			}
			res, kept, err := a.reparse(ctx, &whole, o)
			if err == nil && !kept {
				continue
			}
			if !yield(res, err) || err != nil {
				return
			}
		}
	}
}

// reparse reads one report again. kept: its message is there.
func (a *app) reparse(ctx context.Context, old *storage.Report, o control.ReparseOrder) (res control.Reparsed, kept bool, err error) {
	res = control.Reparsed{Seq: old.Seq, Kind: string(old.Kind)}
	raw, err := a.store.Raw(old.Seq)
	if errors.Is(err, storage.ErrNotFound) {
		return res, false, nil
	}
	if err != nil {
		return res, true, err
	}
	r, err := a.intake.Reparse(ctx, old, raw)
	if err == nil {
		res.Changed, err = a.store.Differs(r)
	}
	if err == nil && res.Changed && !o.CheckOnly {
		err = a.store.Replace(ctx, r)
	}
	switch {
	case errors.Is(err, storage.ErrOtherReport):
		res.Problem = "its message gives no report of this identity and content any more"
		return res, true, nil
	case errors.Is(err, storage.ErrNotFound): // removed meanwhile
		return res, false, nil
	}
	return res, true, err
}

func (e *env) reparse() *cobra.Command {
	var checkOnly bool
	cmd := &cobra.Command{
		Use:   "reparse",
		Short: "read the stored messages again, after an upgrade",
		Long: `reparse reads each report again from the message that it came in, as long as
retention.raw keeps that, and replaces it under its number when this version reads
it otherwise. Who sent it, when it came and its external authorization stay.

Exit code 1: a message gave another report than the one that is stored; that one
stays as it is.`,
		Args: wrongUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := e.writer(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			read, changed, problems := 0, 0, 0
			err = c.Reparse(cmd.Context(), control.ReparseOrder{CheckOnly: checkOnly}, func(r control.Reparsed) error {
				read++
				switch {
				case r.Problem != "":
					problems++
					fmt.Fprintf(e.stderr, "%s report %d: %s\n", r.Kind, r.Seq, r.Problem)
				case r.Changed:
					changed++
					fmt.Fprintf(e.stdout, "%s report %d is read otherwise\n", r.Kind, r.Seq)
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("reparse: %w", err)
			}
			fmt.Fprintf(e.stderr, "%d reports read again, %d differ, %d problems\n", read, changed, problems)
			if problems > 0 {
				return errSilent
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&checkOnly, "check", false, "only say which would be replaced")
	return cmd
}

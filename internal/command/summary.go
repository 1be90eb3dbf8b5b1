package command

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"reportmx/export"
	"reportmx/internal/control"
)

func (e *env) summary() *cobra.Command {
	var sel selection
	var by, format, output string
	var all bool
	var top int
	cmd := &cobra.Command{
		Use:   "summary",
		Short: "sum aggregate reports up by target, source, reporting organization or day",
		Long: `summary counts messages: how many passed DMARC, by DKIM and by SPF, and what was
done to them. Reports that contradict an earlier one or cannot be true are left
out and counted apart, unless --all is given. A day is the UTC day on which a
report's period begins.`,
		Example: `  reportmx summary --since 7d
  reportmx summary --by source --target example.com --top 20`,
		Args: wrongUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"target", "source", "org", "day"}, by) {
				return fmt.Errorf("%w: --by %q: target, source, org or day", errUsage, by)
			}
			if !slices.Contains([]export.Format{export.FormatTable, export.FormatCSV, export.FormatJSON}, export.Format(format)) {
				return fmt.Errorf("%w: --format %q: table, csv or json", errUsage, format)
			}
			if top < 0 {
				return fmt.Errorf("%w: --top %d: 0 or more", errUsage, top)
			}
			if err := sel.check(); err != nil {
				return err
			}
			c, err := e.reader(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			v := control.EncodeQuery(sel.query())
			v.Set("by", by)
			v.Set("format", format)
			v.Set("top", strconv.Itoa(top))
			v.Set("all", strconv.FormatBool(all))
			return e.writeOutput(output, func(w io.Writer) error {
				_, err := c.Render(cmd.Context(), "/v1/summary", v, w)
				return err
			})
		},
	}
	sel.flags(cmd)
	cmd.Flags().StringVar(&by, "by", "target", "target, source, org or day")
	cmd.Flags().StringVarP(&format, "format", "f", "table", "table, csv or json")
	cmd.Flags().BoolVar(&all, "all", false, "count conflicting and implausible reports, too")
	cmd.Flags().IntVar(&top, "top", 0, "show the `N` largest and sum the rest up; 0 shows all")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this `file`, atomically, instead of stdout")
	return cmd
}

package command

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"reportmx/export"
	"reportmx/internal/control"
	"reportmx/reports"
)

// groupings are what a summary of each kind can be by.
var groupings = map[reports.Kind][]export.By{
	reports.KindAggregate: {export.ByTarget, export.BySource, export.ByOrg, export.ByDay},
	reports.KindTLS:       {export.ByTarget, export.ByPolicyType, export.ByResultType, export.ByOrg, export.ByDay},
}

// summaryOrder is what the command line of summary says.
type summaryOrder struct {
	selection
	kind, by, format, output string
	all                      bool
	top                      int
}

func (e *env) summary() *cobra.Command {
	var o summaryOrder
	cmd := &cobra.Command{
		Use:   "summary",
		Short: "sum reports up by target, source, reporting organization, day or kind of failure",
		Long: `summary counts messages: how many passed DMARC, by DKIM and by SPF, and what was
done to them. With --kind tls it counts sessions of SMTP with TLS, by target,
policy_type, result_type (the kinds of failure), org or day. Reports that
contradict an earlier one or cannot be true are left out and counted apart,
unless --all is given. A day is the UTC day on which a report's period begins.`,
		Example: `  reportmx summary --since 7d
  reportmx summary --by source --target example.com --top 20
  reportmx summary --kind tls --by result_type --target example.com`,
		Args: wrongUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			kind, err := o.check()
			if err != nil {
				return err
			}
			c, err := e.reader(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			v := control.EncodeQuery(o.query())
			v.Set("kind", string(kind))
			v.Set("by", o.by)
			v.Set("format", o.format)
			v.Set("top", strconv.Itoa(o.top))
			v.Set("all", strconv.FormatBool(o.all))
			return e.writeOutput(o.output, plainFile, func(w io.Writer) error {
				_, err := c.Render(cmd.Context(), "/v1/summary", v, w)
				return err
			})
		},
	}
	o.flags(cmd)
	return cmd
}

func (o *summaryOrder) flags(cmd *cobra.Command) {
	o.selection.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.kind, "kind", "aggregate", "aggregate or tls")
	f.StringVar(&o.by, "by", "target", "target, source, org or day; of TLS reports target, policy_type, result_type, org or day")
	f.StringVarP(&o.format, "format", "f", "table", "table, csv or json")
	f.BoolVar(&o.all, "all", false, "count conflicting and implausible reports, too")
	f.IntVar(&o.top, "top", 0, "show the `N` largest and sum the rest up; 0 shows all")
	f.StringVarP(&o.output, "output", "o", "", "write to this `file`, atomically, instead of stdout")
}

// check finds what cannot be asked for.
func (o *summaryOrder) check() (reports.Kind, error) {
	kind := kindNames[strings.ToLower(o.kind)]
	by, ok := groupings[kind]
	switch {
	case !ok:
		return "", fmt.Errorf("%w: --kind %q: aggregate or tls", errUsage, o.kind)
	case !slices.Contains(by, export.By(o.by)):
		return "", fmt.Errorf("%w: --by %q: %s", errUsage, o.by, orList(by))
	case !slices.Contains([]export.Format{export.FormatTable, export.FormatCSV, export.FormatJSON}, export.Format(o.format)):
		return "", fmt.Errorf("%w: --format %q: table, csv or json", errUsage, o.format)
	case o.top < 0:
		return "", fmt.Errorf("%w: --top %d: 0 or more", errUsage, o.top)
	}
	return kind, o.selection.check()
}

// orList spells "a, b or c".
func orList(list []export.By) string {
	var text strings.Builder
	for i, by := range list {
		switch i {
		case 0:
		case len(list) - 1:
			text.WriteString(" or ")
		default:
			text.WriteString(", ")
		}
		text.WriteString(string(by))
	}
	return text.String()
}

package command

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"reportmx/export"
	"reportmx/internal/control"
	"reportmx/reports"
	"reportmx/storage"
)

// kindNames are the spellings of the kinds on the command line.
var kindNames = map[string]reports.Kind{
	"aggregate": reports.KindAggregate, "rua": reports.KindAggregate,
	"failure": reports.KindFailure, "ruf": reports.KindFailure, "forensic": reports.KindFailure, "afrf": reports.KindFailure,
	"tls": reports.KindTLS, "tlsrpt": reports.KindTLS,
}

// selection is the flags that choose reports.
type selection struct {
	since, until               moment
	arrivedSince, arrivedUntil moment
	target, org                string
	authenticated              bool
}

func (s *selection) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(&s.since, "since", "periods that begin at or after this `time`: a date, a time, or a span before now (7d)")
	f.Var(&s.until, "until", "periods that begin before this `time`")
	f.Var(&s.arrivedSince, "arrived-since", "reports that arrived at or after this `time`")
	f.Var(&s.arrivedUntil, "arrived-until", "reports that arrived before this `time`")
	f.StringVar(&s.target, "target", "", "reports about this `domain` and those below it")
	f.StringVar(&s.org, "org", "", "reports of this reporting organization (`name` as in org_name)")
	f.BoolVar(&s.authenticated, "authenticated", false, "only reports whose sender passed SPF or DKIM, aligned")
}

// check finds a selection that can choose nothing.
func (s *selection) check() error {
	for _, p := range []struct {
		from, to     moment
		since, until string
	}{{s.since, s.until, "--since", "--until"}, {s.arrivedSince, s.arrivedUntil, "--arrived-since", "--arrived-until"}} {
		if !p.from.at.IsZero() && !p.to.at.IsZero() && !p.from.at.Before(p.to.at) {
			return fmt.Errorf("%w: %s is not before %s", errUsage, p.since, p.until)
		}
	}
	return nil
}

func (s *selection) query() storage.Query {
	return storage.Query{
		Since: s.since.at, Until: s.until.at, ArrivedSince: s.arrivedSince.at, ArrivedUntil: s.arrivedUntil.at,
		Target: reports.NormalDomain(s.target), OrgName: s.org, Authenticated: s.authenticated,
	}
}

// exportOrder is what the command line of export says.
type exportOrder struct {
	selection
	format, output, scheduled string
	flat, raw, enriched       bool
}

func (e *env) export() *cobra.Command {
	var o exportOrder
	cmd := &cobra.Command{
		Use:   "export KIND | export --scheduled NAME",
		Short: "write reports as CSV, JSON or NDJSON",
		Long: `export writes the reports of one kind: aggregate, failure or tls. (failure reports
are also known as forensic reports or AFRF, and these words are understood.)

Times are UTC. Cells that a spreadsheet would run as a formula get a ' in front.
A file of failure reports is readable by its owner alone.

parsedmarc-csv and parsedmarc-json are the files of parsedmarc, for what was
built on them; docs/exports.md tells where they differ.

With --enrich the country, the network and the name in the reverse DNS of each
source are added, as far as [enrich] of the configuration says where to look.

With --scheduled it does what [[schedule]] of the configuration says, all other
options apart: each report is written once, also when a run is killed.`,
		Example: `  reportmx export aggregate --format csv --since 7d --output last-week.csv
  reportmx export failure --format ndjson --target example.com
  reportmx export --scheduled all`,
		ValidArgs: []string{"aggregate", "failure", "tls"},
		Args:      wrongUsage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := scheduledAlone(cmd, args); err != nil {
				return err
			}
			if o.scheduled != "" {
				return e.exportScheduled(cmd.Context(), o.scheduled)
			}
			return e.exportOnce(cmd.Context(), args[0], &o)
		},
	}
	o.selection.flags(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.format, "format", "f", "csv", formatNames)
	f.BoolVar(&o.flat, "flat", false, "with ndjson: one record a line instead of one report")
	f.BoolVar(&o.raw, "raw-cells", false, "with csv and parsedmarc-csv: leave cells that look like formulas as they are")
	f.BoolVar(&o.enriched, "enrich", false, "add what is known of each source: country, network, reverse DNS")
	f.StringVarP(&o.output, "output", "o", "", "write to this `file`, atomically, instead of stdout")
	f.StringVar(&o.scheduled, "scheduled", "", "run the [[schedule]] of this `name`, or all")
	return cmd
}

// exportOnce writes the reports of one kind.
func (e *env) exportOnce(ctx context.Context, kindName string, o *exportOrder) error {
	kind, ok := kindNames[strings.ToLower(kindName)]
	if !ok {
		return fmt.Errorf("%w: %q is no kind of report: aggregate, failure or tls", errUsage, kindName)
	}
	if o.enriched && kind == reports.KindTLS {
		return fmt.Errorf("%w: --enrich: TLS reports name no source", errUsage)
	}
	v, err := o.parameters()
	if err != nil {
		return err
	}
	c, err := e.reader(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	c.Note = e.note
	mode := os.FileMode(plainFile)
	if kind == reports.KindFailure {
		mode = privateFile
	}
	return e.writeOutput(o.output, mode, func(w io.Writer) error {
		_, err := c.Render(ctx, "/v1/reports/"+string(kind), v, w)
		return err
	})
}

// note says what a person should know of an export that is whole.
func (e *env) note(text string) { fmt.Fprintf(e.stderr, "reportmx: %s\n", printable(text)) }

// parameters spells the order for the control socket.
func (o *exportOrder) parameters() (url.Values, error) {
	f, err := exportFormat(o.format, o.flat)
	if err != nil {
		return nil, err
	}
	if err := o.selection.check(); err != nil {
		return nil, err
	}
	v := control.EncodeQuery(o.query())
	v.Set("format", string(f))
	if o.raw {
		v.Set("raw_cells", "true")
	}
	if o.enriched {
		control.Enriched(v)
	}
	return v, nil
}

// scheduledAlone tells whether either a kind or --scheduled was given, and with the
// latter nothing that its schedule decides.
func scheduledAlone(cmd *cobra.Command, args []string) error {
	if !cmd.Flags().Changed("scheduled") {
		return wrongUsage(cobra.ExactArgs(1))(cmd, args)
	}
	if len(args) > 0 {
		return fmt.Errorf("%w: --scheduled takes no kind: the schedule has one", errUsage)
	}
	for _, other := range []string{
		"since", "until", "arrived-since", "arrived-until", "target", "org", "authenticated", "format", "flat", "raw-cells", "enrich", "output",
	} {
		if cmd.Flags().Changed(other) {
			return fmt.Errorf("%w: --%s does not go with --scheduled: the schedule decides", errUsage, other)
		}
	}
	return nil
}

// reportFormats are what --format takes, and formatNames tells them to people.
var reportFormats = []export.Format{
	export.FormatCSV, export.FormatJSON, export.FormatNDJSON, export.FormatParsedmarcCSV, export.FormatParsedmarcJSON,
}

const formatNames = "csv, json, ndjson, parsedmarc-csv or parsedmarc-json"

func exportFormat(format string, flat bool) (export.Format, error) {
	f := export.Format(strings.ToLower(format))
	if !slices.Contains(reportFormats, f) {
		return "", fmt.Errorf("%w: --format %q: %s", errUsage, format, formatNames)
	}
	if !flat {
		return f, nil
	}
	if f != export.FormatNDJSON {
		return "", fmt.Errorf("%w: --flat goes with --format ndjson", errUsage)
	}
	return export.FormatNDJSONFlat, nil
}

package command

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reportmx/internal/config"
	"reportmx/internal/dmarcdns"
	"reportmx/reports"
)

// lookBudget bounds the look at the policy records that targets have now.
const lookBudget = 30 * time.Second

func (e *env) records() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "records [TARGET…]",
		Short: "print the DNS records to publish, ready to paste",
		Long: `records prints, as lines of a zone file, everything that has to be in the DNS: the
MX of the report domain, the external authorization of each target, and for each
target its DMARC record with our addresses merged in. What a target publishes now
is asked from the DNS, kept, and never weakened. What is not for pasting is commented
out: records that are there already, alternatives, and those in whose place there may
be one that could not be looked up.

Exit code 0: all is known. 3: the DNS did not answer for some.`,
		Args: wrongUsage(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := e.load()
			if err != nil {
				return err
			}
			targets, err := chosenTargets(cfg, args)
			if err != nil {
				return err
			}
			dns, err := dmarcdns.New(dmarcdns.Config{Servers: cfg.DNS.Servers})
			if err != nil {
				return err
			}
			setup, unknown := e.setup(cmd.Context(), dns, cfg, targets)
			records, err := dmarcdns.Records(setup)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(e.stdout, records)
			} else {
				_, err = fmt.Fprint(e.stdout, dmarcdns.ZoneFile(records))
			}
			if err != nil {
				return err
			}
			return unknown
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON array")
	return cmd
}

// setup learns what is published now. What cannot be looked up is said on stderr,
// and the error, which is nil otherwise, is errUntold.
func (e *env) setup(ctx context.Context, dns *dmarcdns.Client, cfg *config.Config, targets []dmarcdns.Target) (setup dmarcdns.Setup, unknown error) {
	ctx, cancel := context.WithTimeout(ctx, lookBudget)
	defer cancel()
	setup = dmarcdns.Setup{Host: hostOf(cfg), Ours: ourAddresses(cfg), Wildcard: cfg.Targets.Wildcard()}
	if !strings.Contains(strings.Trim(setup.Host.Name, "."), ".") {
		fmt.Fprintf(e.stderr, "smtp.hostname is %s; set it to the full name of this machine, like mx.example.com, so that the MX can lead here\n", printable(setup.Host.Name))
	}
	var err error
	if setup.Own, err = dmarcdns.LookOwn(ctx, dns, cfg.Report.Domain); err != nil {
		unknown = e.untold(cfg.Report.Domain, err)
	}
	for _, t := range targets {
		w, err := dmarcdns.Want(ctx, dns, t)
		if err != nil {
			unknown = e.untold(t.Domain, err)
		}
		setup.Targets = append(setup.Targets, w)
	}
	return setup, unknown
}

func (e *env) untold(domain string, err error) error {
	fmt.Fprintf(e.stderr, "%s: could not look at its records: %s\n", printable(domain), printable(strings.ReplaceAll(err.Error(), "\n", "; ")))
	return errUntold
}

// chosenTargets are those named on the command line, or all that are configured.
func chosenTargets(cfg *config.Config, args []string) ([]dmarcdns.Target, error) {
	var targets []dmarcdns.Target
	if len(args) == 0 {
		for _, t := range cfg.Targets.List() {
			targets = append(targets, dmarcdns.Target{Domain: t.Domain, SendsMail: t.SendsMail})
		}
		return targets, nil
	}
	sends := make(map[string]bool)
	for _, t := range cfg.Targets.List() {
		sends[t.Domain] = t.SendsMail
	}
	for _, arg := range args {
		domain := reports.NormalDomain(arg)
		if _, err := dmarcdns.Name(domain); err != nil {
			return nil, fmt.Errorf("%w: target %q: %w", errUsage, arg, err)
		}
		sendsMail, known := sends[domain]
		targets = append(targets, dmarcdns.Target{Domain: domain, SendsMail: sendsMail || !known})
	}
	return targets, nil
}

// hostOf is our machine, with the addresses that it listens on where they are ones
// that the internet can reach.
func hostOf(cfg *config.Config) dmarcdns.Host {
	host := dmarcdns.Host{Name: cfg.SMTP.Hostname}
	for _, listen := range cfg.SMTP.Listen {
		a, err := netip.ParseAddrPort(listen)
		if err == nil && a.Addr().IsGlobalUnicast() && !a.Addr().IsPrivate() {
			host.Addrs = append(host.Addrs, a.Addr())
		}
	}
	return host
}

func ourAddresses(cfg *config.Config) dmarcdns.Addresses {
	return dmarcdns.Addresses{ReportDomain: cfg.Report.Domain, Aggregate: cfg.Report.Aggregate, Failure: cfg.Report.Failure}
}

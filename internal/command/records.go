package command

import (
	"context"
	"fmt"
	"net/netip"
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
is asked from the DNS, kept, and never weakened.`,
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
			wanted := e.existing(cmd.Context(), dns, targets)
			records, err := dmarcdns.Records(hostOf(cfg), ourAddresses(cfg), wanted)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(e.stdout, records)
			}
			_, err = fmt.Fprint(e.stdout, dmarcdns.ZoneFile(records))
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON array")
	return cmd
}

// existing learns what each target has now. What cannot be looked up is said on
// stderr, and then treated as if there were no record.
func (e *env) existing(ctx context.Context, dns dmarcdns.TXTResolver, targets []dmarcdns.Target) []dmarcdns.Wanted {
	ctx, cancel := context.WithTimeout(ctx, lookBudget)
	defer cancel()
	var wanted []dmarcdns.Wanted
	for _, t := range targets {
		w, err := dmarcdns.Want(ctx, dns, t)
		if err != nil {
			fmt.Fprintf(e.stderr, "%s: could not look at its DMARC record (%v); if it has one, keep its tags\n", printable(t.Domain), err)
		}
		wanted = append(wanted, w)
	}
	return wanted
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

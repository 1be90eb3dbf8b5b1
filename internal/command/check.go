package command

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"reportmx/internal/dmarcdns"
)

func (e *env) check() *cobra.Command {
	var asJSON bool
	var port uint16
	cmd := &cobra.Command{
		Use:   "check [TARGET…]",
		Short: "find what keeps reports away, and say what to publish instead",
		Long: `check looks at each target's DNS (its DMARC record, our address in it, the external
authorization) and then at our own side: MX, address, port, certificate, disk and
clock. Each finding says what is wrong, why it matters, and what to do.

Exit code 0: nothing is wrong. 1: something is. 3: the DNS did not answer.`,
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
			found := checkAll(cmd.Context(), dns, ourAddresses(cfg), targets)
			found.Own = (&ownSide{cfg: cfg, dns: dns, port: port}).check(cmd.Context())
			if asJSON {
				err = printJSON(e.stdout, found)
			} else {
				found.print(e.stdout)
			}
			if err != nil {
				return err
			}
			return found.verdict()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	cmd.Flags().Uint16Var(&port, "port", 25, "the `port` at which our own side must answer")
	return cmd
}

// checked is all that was found.
type checked struct {
	Targets []dmarcdns.Result  `json:"targets"`
	Own     []dmarcdns.Finding `json:"own"`
}

func checkAll(ctx context.Context, dns *dmarcdns.Client, ours dmarcdns.Addresses, targets []dmarcdns.Target) checked {
	checker := &dmarcdns.Checker{DNS: dns.Fresh(), Ours: ours}
	found := checked{Targets: make([]dmarcdns.Result, 0, len(targets))}
	for _, t := range targets {
		found.Targets = append(found.Targets, checker.Check(ctx, t))
	}
	return found
}

// errUntold: nothing is known to be wrong, but not everything could be looked at.
var errUntold = fmt.Errorf("%w: the DNS did not answer", errTemporary)

// verdict is nil when nothing is wrong; warnings are no wrong.
func (c *checked) verdict() error {
	worst := worstOf(c.Own)
	for i := range c.Targets {
		if w := c.Targets[i].Worst(); w == dmarcdns.Wrong || worst != dmarcdns.Wrong && w == dmarcdns.Uncertain {
			worst = w
		}
	}
	switch worst {
	case dmarcdns.Wrong:
		return errSilent
	case dmarcdns.Uncertain:
		return errUntold
	default:
		return nil
	}
}

func worstOf(findings []dmarcdns.Finding) dmarcdns.Severity {
	r := dmarcdns.Result{Findings: findings}
	return r.Worst()
}

// print writes the findings for people.
func (c *checked) print(w io.Writer) {
	paint := painterFor(w)
	for i := range c.Targets {
		t := &c.Targets[i]
		fmt.Fprintf(w, "%s: external authorization %s\n", printable(t.Target), t.Authorization)
		printFindings(w, paint, t.Findings)
	}
	fmt.Fprintln(w, "our own side:")
	printFindings(w, paint, c.Own)
}

func printFindings(w io.Writer, paint painter, findings []dmarcdns.Finding) {
	if len(findings) == 0 {
		fmt.Fprintf(w, "  %s\n", paint.as(green, "fine"))
	}
	for _, f := range findings {
		colour := yellow
		if f.Severity == dmarcdns.Wrong {
			colour = red
		}
		fmt.Fprintf(w, "  %s %s: %s\n", paint.as(colour, string(f.Severity)+":"), printable(f.What), printable(f.Why))
	}
	if lines := repairs(findings); len(lines) > 0 {
		fmt.Fprintln(w, "  publish:")
		for _, line := range lines {
			fmt.Fprintf(w, "      %s\n", printable(line))
		}
	}
}

// repairs are what the findings say to publish, each name and type of record once:
// as the last finding has it, which knows the most.
func repairs(findings []dmarcdns.Finding) []string {
	byName := make(map[string][]string)
	var names []string
	for _, f := range findings {
		mine := make(map[string][]string)
		for line := range strings.Lines(f.Publish) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "only one: ")
			name := repaired(line)
			mine[name] = append(mine[name], line)
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		maps.Copy(byName, mine)
	}
	var lines []string
	for _, name := range names {
		lines = append(lines, byName[name]...)
	}
	return lines
}

// repaired is the name and type of a zone-file line, or all of a line that is none.
func repaired(line string) string {
	if words := strings.SplitN(line, " ", 3); len(words) == 3 && strings.HasSuffix(words[0], ".") {
		return words[0] + " " + words[1]
	}
	return line
}

// painter colours words on a terminal, and nowhere else.
type painter struct{ on bool }

const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

func painterFor(w io.Writer) painter {
	f, ok := w.(*os.File)
	return painter{ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""}
}

func (p painter) as(colour, word string) string {
	if !p.on {
		return word
	}
	return "\x1b[" + colour + "m" + word + "\x1b[0m"
}

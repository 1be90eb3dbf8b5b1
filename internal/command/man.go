package command

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// exitMeanings are the exit codes as the manual explains them.
var exitMeanings = []struct {
	code  int
	means string
}{
	{exitOK, "Done; of check: all is fine."},
	{exitFailed, "Failed; of check: something is wrong."},
	{exitTemporary, "Another try may go better, or: could not tell."},
	{exitUsage, "Wrong usage."},
	{exitDamaged, "The store is damaged."},
	{exitStorage, "The disk failed; what is in the store is not known until it is opened again."},
	{exitConfig, "The configuration is wrong."},
}

// man writes the manual. It is hidden: only who builds a package needs it.
func (e *env) man() *cobra.Command {
	return &cobra.Command{
		Use:    "man EXAMPLE DIR",
		Short:  "write reportmx.8, and reportmx.toml.5 from the example of a configuration, to a folder",
		Hidden: true,
		Args:   wrongUsage(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			example, err := os.ReadFile(args[0])
			if err != nil {
				return fmt.Errorf("read example: %w", err)
			}
			for name, page := range map[string][]byte{
				"reportmx.8":      manual(cmd.Root()),
				"reportmx.toml.5": optionManual(string(example)),
			} {
				if err := os.WriteFile(filepath.Join(args[1], name), page, 0o644); err != nil {
					return fmt.Errorf("write manual: %w", err)
				}
			}
			return nil
		},
	}
}

// manual gives reportmx(8): what --help says of every command, on one page.
func manual(root *cobra.Command) []byte {
	var p page
	p.request("TH", "REPORTMX", "8", "", "reportmx "+buildVersion(), "")
	p.request("SH", "NAME")
	p.text(root.Name() + " - " + root.Short)
	p.request("SH", "SYNOPSIS")
	p.text(root.Name() + " [options] command [arguments]")
	p.request("SH", "DESCRIPTION")
	p.text(root.Long)
	p.request("SH", "OPTIONS")
	p.asItIs(root.PersistentFlags().FlagUsages())
	p.request("SH", "COMMANDS")
	p.commands(root)
	p.request("SH", "SIGNALS")
	p.item("SIGHUP", "The server reads the targets again; a wrong configuration changes nothing.")
	p.item("SIGTERM, SIGINT", "The server stops: idle clients get 421, messages under way finish.")
	p.request("SH", "EXIT STATUS")
	for _, e := range exitMeanings {
		p.item(fmt.Sprint(e.code), e.means)
	}
	p.request("SH", "SEE ALSO")
	p.text("reportmx.toml(5), systemd.socket(5)")
	return p.Bytes()
}

// page is a manual page being written, in the language of man(7).
type page struct{ bytes.Buffer }

func (p *page) commands(of *cobra.Command) {
	for _, c := range of.Commands() {
		if !c.IsAvailableCommand() || c.Name() == "help" {
			continue
		}
		if c.Name() == "completion" {
			p.completion(c)
			continue
		}
		if c.HasSubCommands() {
			p.commands(c)
			continue
		}
		p.request("SS", c.UseLine())
		about := c.Long
		if about == "" {
			about = c.Short + "."
		}
		p.text(about)
		if c.HasExample() {
			p.request("PP")
			p.text("Examples:")
			p.asItIs(c.Example)
		}
		p.asItIs(c.LocalFlags().FlagUsages())
	}
}

// completion is cobra's command; what it says of itself is longer than all the rest.
func (p *page) completion(c *cobra.Command) {
	var shells []string
	for _, shell := range c.Commands() {
		shells = append(shells, shell.Name())
	}
	p.request("SS", c.CommandPath()+" "+strings.Join(shells, "|"))
	p.text("Write a script that completes commands and options in this shell. The package has installed those of bash, fish and zsh.")
}

// request is a line such as .SH "NAME".
func (p *page) request(name string, args ...string) {
	fmt.Fprintf(p, ".%s", name)
	for _, a := range args {
		fmt.Fprintf(p, ` "%s"`, strings.ReplaceAll(escaped(a), `"`, `\(dq`))
	}
	p.WriteByte('\n')
}

// item is a word and what it means, indented.
func (p *page) item(word, means string) {
	p.request("TP")
	p.request("B", word)
	p.lines(means)
}

// text is running text; empty lines part its paragraphs.
func (p *page) text(s string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(s), "\n\n") {
		if i > 0 {
			p.request("PP")
		}
		p.lines(paragraph)
	}
}

// asItIs keeps line breaks and columns.
func (p *page) asItIs(s string) {
	if strings.TrimSpace(s) == "" {
		return
	}
	p.request("PP")
	p.request("nf")
	p.lines(strings.Trim(s, "\n"))
	p.request("fi")
}

func (p *page) lines(s string) {
	if s == "" {
		return
	}
	for line := range strings.SplitSeq(s, "\n") {
		fmt.Fprintf(p, "%s\n", escaped(line))
	}
}

// escaped keeps what troff would take for itself: backslashes, hyphens that are
// minus signs to a shell, and a dot or quote at the start of a line.
func escaped(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
	if strings.HasPrefix(s, ".") {
		return `\&` + s
	}
	return s
}

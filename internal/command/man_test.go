package command

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

const exampleFile = "../../config.example.toml"

// readable gives a page as its reader sees it, without the layout.
func readable(page []byte) string {
	s := regexp.MustCompile(`(?m)^\.[A-Z]+ "(.*)"$`).ReplaceAllString(string(page), "$1")
	return strings.NewReplacer(`\-`, "-", `\(dq`, `"`, `\(aq`, "'", `\(ga`, "`", `\(ha`, "^", `\(ti`, "~", `\e`, `\`, `\&`, "").Replace(s)
}

func writeManual(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var stderr bytes.Buffer
	if code := Run(t.Context(), []string{"man", exampleFile, dir}, nil, nil, &stderr); code != exitOK {
		t.Fatalf("man: exit code %d, %s", code, stderr.String())
	}
	return dir
}

func TestManualHasEveryCommandAndFlag(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(writeManual(t), "reportmx.8"))
	if err != nil {
		t.Fatal(err)
	}
	text := readable(page)
	flag := regexp.MustCompile(`--[a-z][a-z-]*`)
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			look(sub)
		}
		if c.Hidden || c.HasSubCommands() {
			return
		}
		if !strings.Contains(text, c.UseLine()) {
			t.Errorf("%q is not in the manual", c.UseLine())
		}
		for _, name := range flag.FindAllString(c.LocalFlags().FlagUsages(), -1) {
			if !strings.Contains(text, name) {
				t.Errorf("option %s of %q is not in the manual", name, c.CommandPath())
			}
		}
	}
	look((&env{}).root())
}

func TestManualHasEveryExitCode(t *testing.T) {
	source, err := os.ReadFile("command.go")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, e := range exitMeanings {
		got = append(got, fmt.Sprint(e.code))
	}
	for _, m := range regexp.MustCompile(`(?m)^\texit\w+ += (\d+)`).FindAllStringSubmatch(string(source), -1) {
		want = append(want, m[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("exit codes of the manual: got %v, want %v", got, want)
	}
}

func TestManualHasEveryOption(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(writeManual(t), "reportmx.toml.5"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	text := readable(page)
	// Every word of the example, the marks of a comment apart, is on the page.
	for line := range strings.SplitSeq(string(example), "\n") {
		if words := strings.TrimSpace(strings.TrimPrefix(line, "#")); !strings.Contains(text, words) {
			t.Errorf("%q is not in the manual", words)
		}
	}
}

func TestOptionManual(t *testing.T) {
	const example = `# About all.

[smtp]
# One name.
# hostname = ""

# Two files.
# certificate = "a-b"
# key = ""

# Many of them.
[[target]]
domain = "example.com"

# May be there.
# [[extra]]
# A word.
# name = "x"
# Another.
# kind = "y"
`
	const want = `.PP
About all.
.SH "[smtp]"
.TP
.B "hostname = \(dq\(dq"
One name.
.TP
.B "certificate = \(dqa\-b\(dq"
Two files.
.TP
.B "key = \(dq\(dq"
See the option above.
.SH "[[target]]"
Many of them.
.TP
.B "domain = \(dqexample.com\(dq"
.SH "[[extra]]"
May be there.
.TP
.B "name = \(dqx\(dq"
A word.
.TP
.B "kind = \(dqy\(dq"
Another.
`
	page := string(optionManual(example))
	_, got, _ := strings.Cut(page, "examples.\n")
	got, _, _ = strings.Cut(got, `.SH "SEE ALSO"`)
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got (-) want (+):\n%s", diff)
	}
}

func TestEscaped(t *testing.T) {
	tests := map[string]struct{ line, want string }{
		"a request":       {".so /etc/passwd", `\&.so /etc/passwd`},
		"an apostrophe":   {"'tis", `\(aqtis`},
		"a backslash":     {`a\nb`, `a\enb`},
		"an option":       {"--json", `\-\-json`},
		"nothing to mind": {"RFC 9990 §4.", "RFC 9990 §4."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := escaped(test.line); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

package config

import (
	first "cmp"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// least is the shortest file that is right.
const least = "[report]\ndomain = \"reports.example.net\"\n[[target]]\ndomain = \"example.com\"\n"

// equal lets cmp compare whole configurations.
var equal = cmp.Options{
	cmp.AllowUnexported(Targets{}),
	cmpopts.EquateComparable(netip.Prefix{}),
	cmpopts.EquateEmpty(),
}

func TestParse(t *testing.T) {
	t.Setenv("RUNTIME_DIRECTORY", "")
	file := `
[smtp]
hostname = "MX.Example.NET."
listen = [":25", "[::1]:2525"]
proxy_from = ["192.0.2.7", "2001:db8::/32"]
[report]
domain = "Reports.Example.Net"
aggregate = ["DMARC"]
tls = []
[[target]]
domain = "Bücher.example"
[[target]]
domain = "*"
sends_mail = false
[authorization]
recheck = "1d12h"
[limits]
message = "1.5 MiB"
connections = 2_000
[log]
level = "debug"
`
	got, err := parse([]byte(file), "config.toml")
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.SMTP.Hostname = "mx.example.net"
	want.SMTP.Listen = []string{":25", "[::1]:2525"}
	want.SMTP.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::/32")}
	want.Report.Domain = "reports.example.net"
	want.Report.TLS = nil
	want.Target = []Target{{"xn--bcher-kva.example", true}, {"*", false}}
	want.Authorization = Authorization{Mode: "enforce", Recheck: Duration(36 * time.Hour)}
	want.Limits.Message = 1536 << 10
	want.Limits.Connections = 2000
	want.Control.Socket = "data/control.sock"
	want.Log.Level = slog.LevelDebug
	want.Targets = NewTargets(want.Target)
	if diff := cmp.Diff(got, want, equal); diff != "" {
		t.Errorf("got (-) want (+):\n%s", diff)
	}
}

func TestEnvironmentGoesBeforeTheFile(t *testing.T) {
	t.Setenv("RUNTIME_DIRECTORY", "/run/reportmx")
	t.Setenv("REPORTMX_SMTP_HOSTNAME", "mx.example.org")
	t.Setenv("REPORTMX_SMTP_LISTEN", "127.0.0.1:0, [::1]:0")
	t.Setenv("REPORTMX_TARGET", "example.org,*")
	t.Setenv("REPORTMX_LIMITS_PER_ADDRESS", "7")
	t.Setenv("REPORTMX_LIMITS_MESSAGE", "1MiB")
	t.Setenv("REPORTMX_STORAGE_DIR", "") // empty counts as not set
	t.Setenv("REPORTMX_CORPUS", "not ours")
	got, err := parse([]byte(least+"[limits]\nmessage = \"2MiB\"\n"), "config.toml")
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.SMTP.Hostname = "mx.example.org"
	want.SMTP.Listen = []string{"127.0.0.1:0", "[::1]:0"}
	want.Report.Domain = "reports.example.net"
	want.Target = []Target{{"example.org", true}, {"*", true}}
	want.Targets = NewTargets(want.Target)
	want.Authorization.Mode = "enforce"
	want.Limits.PerAddress = 7
	want.Limits.Message = 1 << 20
	want.Control.Socket = "/run/reportmx/control.sock"
	if diff := cmp.Diff(got, want, equal); diff != "" {
		t.Errorf("got (-) want (+):\n%s", diff)
	}
}

func TestEveryOptionHasItsVariable(t *testing.T) {
	nonsense := map[string]string{ // where most words are right
		"storage.dir":      "load_test.go",
		"control.socket":   strings.Repeat("long", 30),
		"enrich.databases": ".",
	}
	for _, o := range defaults().options() {
		t.Run(o.env(), func(t *testing.T) {
			t.Setenv(o.env(), first.Or(nonsense[o.key], "nonsense value"))
			_, err := parse([]byte(least), "config.toml")
			var wrong Errors
			if !errors.As(err, &wrong) {
				t.Fatalf("got %v, want a complaint", err)
			}
			if wrong[0].Where != "$"+o.env() {
				t.Errorf("got %v, want it to name the variable", err)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "targets")
	write(t, list, "# ours\nexample.com\r\n\n  Example.ORG.  # the other\n")
	path := filepath.Join(dir, "config.toml")
	write(t, path, "targets_file = \""+list+"\"\n[report]\ndomain = \"reports.example.net\"\n")

	cfg, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []Target{{"example.com", true}, {"example.org", true}}
	if diff := cmp.Diff(cfg.Targets.List(), want); diff != "" {
		t.Errorf("targets: got (-) want (+):\n%s", diff)
	}

	write(t, list, "example.com\nnot a domain\nEXAMPLE.com\n")
	_, err = Load(path)
	got := message(err)
	for _, want := range []string{
		list + `:2: target = "not a domain": not a domain`,
		list + `:3: target = "EXAMPLE.com": a target already`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}

	if _, err := Load(filepath.Join(dir, "none.toml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that the file does not exist", err)
	}
}

func TestBuiltIn(t *testing.T) {
	cfg, err := parse([]byte(builtIn), "built-in configuration")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := cfg.Targets.Match("mail.example.com"); !ok || cfg.Authorization.Mode != "observe" {
		t.Errorf("got targets %v and mode %s, want example.com and observe", cfg.Targets.List(), cfg.Authorization.Mode)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestUnknownVariables: what begins as an option does and is none is an error, whatever
// its section; what the project's own tests take is not.
func TestUnknownVariables(t *testing.T) {
	tests := map[string]string{ // the variable and what is wrong with it
		"REPORTMX_FOO":            "no such option; config.example.toml lists all that exist",
		"REPORTMX_FOO_BAR":        "no such option; config.example.toml lists all that exist",
		"REPORTMX_STORGE_DIR":     "no such option; did you mean REPORTMX_STORAGE_DIR?",
		"REPORTMX_TARGETS":        "no such option; did you mean REPORTMX_TARGET?",
		"REPORTMX_CORPUS":         "",
		"REPORTMX_PEERS":          "",
		"REPORTMX_FAULTS_ROLE":    "",
		"REPORTMX_SCHEDULE_KILLS": "",
		"REPORTMXFOO":             "",
		"reportmx_foo":            "",
	}
	for variable, want := range tests {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, "x")
			_, err := parse([]byte(least), "config.toml")
			if want != "" {
				want = "$" + variable + ": " + want
			}
			if got := message(err); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	t.Setenv("REPORTMX_FOO", "") // as good as not set
	if _, err := parse([]byte(least), "config.toml"); err != nil {
		t.Error(err)
	}
}

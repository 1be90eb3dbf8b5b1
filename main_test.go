package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// TestMain makes "reportmx" a command of the scripts: this test binary itself, so
// that the race detector watches the server, too.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"reportmx": main})
}

// leakChecked fails tests that leave goroutines behind.
type leakChecked struct{ *testing.M }

// Run runs the tests and gives the exit code.
func (m leakChecked) Run() int {
	code := m.M.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScript tells stories from outside: one file of testdata/script each. What the
// scripts can do beyond testscript's own commands is in server_test.go.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": cmdStart,
			"stop":  cmdStop,
			"send":  cmdSend,
			"smtp":  cmdSMTP,

			"metrics":  cmdMetrics,
			"oldstore": cmdOldStore,
		},
	})
}

// setup gives a script the mail that README sends, and a configuration that
// listens on a free port.
func setup(e *testscript.Env) error {
	report, err := os.ReadFile(filepath.Join("testdata", "report.eml"))
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"report.eml": string(report), "base.toml": baseConfig} {
		if err := os.WriteFile(filepath.Join(e.WorkDir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	e.Values[serverKey{}] = &server{}
	e.Defer(func() { e.Values[serverKey{}].(*server).kill() })
	return nil
}

// baseConfig has no DNS at all: nothing answers on the discard port of loopback.
const baseConfig = `
[smtp]
hostname = "mx.example.net"
listen = ["127.0.0.1:0"]
[report]
domain = "reports.example.net"
[[target]]
domain = "example.com"
[dns]
servers = ["127.0.0.1:9"]
budget = "1s"
[storage]
dir = "data"
`

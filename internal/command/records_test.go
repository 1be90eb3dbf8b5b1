package command

import (
	"strings"
	"testing"

	"reportmx/internal/config"
	"reportmx/internal/dmarcdns"
	"reportmx/internal/dmarcdns/dnstest"
)

// TestRecordsSetup: what could not be looked up gives exit code 3, and a host name of
// one label a word on stderr.
func TestRecordsSetup(t *testing.T) {
	tests := []struct {
		name, zone, host string
		code             int
		stderr           string
	}{
		{"all known", "", "mx.example.net", 0, ""},
		{"one label", "", "vm", 0, "set it to the full name"},
		{"target unknown", "_dmarc.example.com SERVFAIL", "mx.example.net", 3, "example.com: could not look at its records: "},
		{"report domain unknown", "reports.example.net SERVFAIL", "mx.example.net", 3, "reports.example.net: could not look at its records: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dns, err := dmarcdns.New(dmarcdns.Config{Servers: []string{dnstest.Start(t, tt.zone).Addr}})
			if err != nil {
				t.Fatal(err)
			}
			var stderr strings.Builder
			e := &env{stderr: &stderr}
			cfg := &config.Config{
				SMTP:    config.SMTP{Hostname: tt.host},
				Report:  config.Report{Domain: "reports.example.net", Aggregate: []string{"dmarc"}},
				Targets: config.NewTargets([]config.Target{{Domain: config.Wildcard}}),
			}
			setup, err := e.setup(t.Context(), dns, cfg, []dmarcdns.Target{{Domain: "example.com", SendsMail: true}})
			if got := exitCode(err); got != tt.code {
				t.Errorf("got exit code %d, want %d", got, tt.code)
			}
			if !strings.Contains(stderr.String(), tt.stderr) || tt.stderr == "" && stderr.Len() > 0 {
				t.Errorf("stderr %q, want %q", stderr.String(), tt.stderr)
			}
			if !setup.Wildcard || len(setup.Targets) != 1 {
				t.Errorf("got %+v, want the wildcard and one target", setup)
			}
		})
	}
}

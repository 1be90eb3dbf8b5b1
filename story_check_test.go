package main

import (
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"

	"reportmx/internal/dmarcdns/dnstest"
)

// run runs a command of the program beside the server, and gives its exit code.
func (s *server) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.Command("reportmx", append(args, "--config", s.config)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// TestStoryRecordsThenCheck: what "records" prints is published, and "check" is
// content; then one thing after the other breaks, and "check" says which.
func TestStoryRecordsThenCheck(t *testing.T) {
	dns := dnstest.Start(t, "reports.example.net A 192.0.2.1")
	s := newServer(t, dns, "[dns]\nservers = [\"%s\"]")
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}

	printed, stderr, code := s.run(t, "records")
	if code != 0 || stderr != "" {
		t.Fatalf("records: exit code %d, %s", code, stderr)
	}
	var zone strings.Builder
	for line := range strings.Lines(printed) {
		if !strings.HasPrefix(line, ";") {
			zone.WriteString(line)
		}
	}
	const host = "mx.example.net A 127.0.0.1\n1.0.0.127.in-addr.arpa PTR mx.example.net\n"
	dns.Set(t, zone.String()+host)
	out, stderr, code := s.run(t, "check", "--port", port)
	if code != 0 || strings.Contains(out, "wrong:") || strings.Contains(out, "unknown:") {
		t.Errorf("check of what was printed: exit code %d\n%s%s\nzone:\n%s", code, out, stderr, zone.String())
	}

	const grant = "missing.example._report._dmarc.reports.example.net."
	for _, tt := range []struct {
		name, zone, port string
		want             []string
		code             int
	}{
		{"authorization missing", without(zone.String(), grant) + host, port,
			[]string{"wrong: " + strings.TrimSuffix(grant, ".") + " does not exist", grant + ` TXT "v=DMARC1;"`}, 1},
		{"DNS fails", without(zone.String(), grant) + host + grant + " SERVFAIL\n", port, []string{"missing.example: external authorization unknown"}, 3},
		{"MX leads elsewhere", strings.ReplaceAll(zone.String(), "10 mx.example.net.", "10 mx.other.example.") + host, port,
			[]string{"wrong: the MX of reports.example.net is mx.other.example, not mx.example.net", "reports.example.net. MX 10 mx.example.net."}, 1},
		{"nothing answers", zone.String() + host, "1", []string{"wrong: nothing answers at 127.0.0.1:1"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dns.Set(t, tt.zone)
			out, stderr, code := s.run(t, "check", "--port", tt.port)
			if code != tt.code {
				t.Errorf("got exit code %d, want %d\n%s%s", code, tt.code, out, stderr)
			}
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in\n%s", want, out)
				}
			}
		})
	}

	const policy = "_dmarc.authorized.example."
	dns.Set(t, without(zone.String(), policy)+host+policy+" SERVFAIL\n")
	out, stderr, code = s.run(t, "records", "authorized.example")
	if code != 3 || !strings.Contains(out, "\n; "+policy) || !strings.Contains(stderr, "authorized.example: could not look") {
		t.Errorf("records of a policy that is not known: exit code %d\n%s%s", code, out, stderr)
	}
	out, _, code = s.run(t, "records", "authorized.example", "--json")
	if code != 3 || !strings.Contains(out, `"unknown": true`) {
		t.Errorf("the same as JSON: exit code %d\n%s", code, out)
	}

	dns.Set(t, zone.String()+host)
	out, _, _ = s.run(t, "check", "authorized.example", "--json", "--port", port)
	var found struct {
		Targets []struct {
			Target        string `json:"target"`
			Authorization string `json:"authorization"`
		} `json:"targets"`
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil || len(found.Targets) != 1 || found.Targets[0].Authorization != "authorized" {
		t.Errorf("check --json: %v\n%s", err, out)
	}
}

// without takes the line of one name out of a zone.
func without(zone, name string) string {
	var b strings.Builder
	for line := range strings.Lines(zone) {
		if !strings.HasPrefix(line, name) {
			b.WriteString(line)
		}
	}
	return b.String()
}

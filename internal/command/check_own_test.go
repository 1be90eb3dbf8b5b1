package command

import (
	"bufio"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"reportmx/internal/config"
	"reportmx/internal/dmarcdns"
	"reportmx/internal/intake"
)

func ownSideOf(t *testing.T) *ownSide {
	t.Helper()
	cfg := &config.Config{
		SMTP:    config.SMTP{Hostname: "mx.example.net"},
		Report:  config.Report{Domain: "reports.example.net", Aggregate: []string{"dmarc"}},
		Storage: config.Storage{Dir: t.TempDir()},
	}
	return &ownSide{cfg: cfg}
}

func codes(findings []dmarcdns.Finding) []string {
	var list []string
	for _, f := range findings {
		list = append(list, string(f.Severity)+" "+f.Code)
	}
	return list
}

func TestCheckCertificate(t *testing.T) {
	day := 24 * time.Hour
	tests := []struct {
		name string
		left time.Duration
		host string
		want []string
	}{
		{"good", 60 * day, "mx.example.net", nil},
		{"wildcard", 60 * day, "*.example.net", nil},
		{"expires soon", 13 * day, "mx.example.net", []string{"warning own_certificate_expires"}},
		{"expired", -day, "mx.example.net", []string{"wrong own_certificate_expired"}},
		{"for another host", 60 * day, "mail.example.net", []string{"warning own_certificate_name"}},
		{"expired and for another host", -day, "mail.example.net", []string{"wrong own_certificate_expired", "warning own_certificate_name"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := ownSideOf(t)
			o.certificate([]*x509.Certificate{{NotAfter: time.Now().Add(tt.left), DNSNames: []string{tt.host}}})
			if got := codes(o.findings); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestCheckDialogue talks to a server that gives one answer a line.
func TestCheckDialogue(t *testing.T) {
	tests := []struct {
		name    string
		answers []string
		want    []string
		broken  bool
	}{
		{"accepts", []string{"220 hi", "250 mx", "250 ok", "250 ok", "221 bye"}, []string{"warning own_starttls"}, false},
		{"refuses the address", []string{"220 hi", "250 mx", "250 ok", "550 5.1.1 no such address", "221 bye"}, []string{"warning own_starttls", "wrong own_recipient"}, false},
		{"does not greet", []string{"554 go away"}, nil, true},
		{"hangs up", []string{"220 hi"}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, server := net.Pipe()
			defer client.Close()
			go func() {
				defer server.Close()
				lines := bufio.NewReader(server)
				for i, answer := range tt.answers {
					if i > 0 {
						if _, err := lines.ReadString('\n'); err != nil {
							return
						}
					}
					fmt.Fprintf(server, "%s\r\n", answer)
				}
			}()
			o := ownSideOf(t)
			err := o.dialogue(client, "192.0.2.1:25")
			if (err != nil) != tt.broken {
				t.Errorf("got error %v", err)
			}
			if got := codes(o.findings); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCheckDisk(t *testing.T) {
	o := ownSideOf(t)
	if o.disk(); len(o.findings) != 0 {
		t.Errorf("an ordinary disk: got %q", codes(o.findings))
	}
	free, err := freeSpace(o.cfg.Storage.Dir)
	if err != nil {
		t.Fatal(err)
	}
	o.cfg.Limits.Message = config.Size(free) // room for one message, where two are asked for
	if o.disk(); !slices.Equal(codes(o.findings), []string{"wrong own_disk_low"}) {
		t.Errorf("free %d, least %d: got %q", free, intake.LeastFree(free), codes(o.findings))
	}
	o = ownSideOf(t)
	o.cfg.Storage.Dir = filepath.Join(o.cfg.Storage.Dir, "not", "there")
	if o.disk(); len(o.findings) != 0 {
		t.Errorf("a server that never ran: got %q", codes(o.findings))
	}
}

// TestVerdictOfCheck: wrong goes before unknown, and a warning is no wrong.
func TestVerdictOfCheck(t *testing.T) {
	finding := func(s dmarcdns.Severity) []dmarcdns.Finding { return []dmarcdns.Finding{{Severity: s}} }
	for _, tt := range []struct {
		target, own dmarcdns.Severity
		want        int
	}{
		{"", "", 0}, {dmarcdns.Warning, dmarcdns.Warning, 0},
		{dmarcdns.Wrong, "", 1}, {"", dmarcdns.Wrong, 1}, {dmarcdns.Uncertain, dmarcdns.Wrong, 1}, {dmarcdns.Wrong, dmarcdns.Uncertain, 1},
		{dmarcdns.Uncertain, "", 3}, {dmarcdns.Warning, dmarcdns.Uncertain, 3},
	} {
		c := checked{Targets: []dmarcdns.Result{{Findings: finding(tt.target)}}, Own: finding(tt.own)}
		if got := exitCode(c.verdict()); got != tt.want {
			t.Errorf("target %q, own side %q: got exit code %d, want %d", tt.target, tt.own, got, tt.want)
		}
	}
}

// TestPrintFindings: what a stranger wrote in the DNS reaches no terminal raw.
func TestPrintFindings(t *testing.T) {
	var out strings.Builder
	c := checked{Targets: []dmarcdns.Result{{Target: "example.com", Findings: []dmarcdns.Finding{{
		Severity: dmarcdns.Wrong, What: "a \x1b]0;title\x07 record", Why: "because", Publish: "one\ntwo\x1b[31m",
	}}}}}
	c.print(&out)
	if text := out.String(); strings.ContainsAny(text, "\x1b\x07") || !strings.Contains(text, "      one\n") {
		t.Errorf("got %q", text)
	}
}

// TestRepairsOnce: one record for each name, the last that was said; a record of
// several lines stays whole.
func TestRepairsOnce(t *testing.T) {
	findings := []dmarcdns.Finding{
		{Publish: "only one: _dmarc.example.com. TXT \"a\""},
		{Publish: ""},
		{Publish: "mx.example.net. A 192.0.2.1\nmx.example.net. A 192.0.2.2"},
		{Publish: "_dmarc.example.com. TXT \"b\"\nexample.com. TXT \"c\""},
		{Publish: "nothing yet: wait"}, {Publish: "nothing yet: wait"},
	}
	want := []string{`_dmarc.example.com. TXT "b"`, "mx.example.net. A 192.0.2.1", "mx.example.net. A 192.0.2.2", `example.com. TXT "c"`, "nothing yet: wait"}
	if got := repairs(findings); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"

	"reportmx/internal/control"
	"reportmx/internal/dmarcdns/dnstest"
)

// senderKey signs the genuine reports of these stories.
var senderKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{42}, ed25519.SeedSize))

// storyZone has one target that is authorized, one that is not, and one whose zone
// does not answer; and the zone of the mail server that sends.
func storyZone() string {
	return `
authorized.example._report._dmarc.reports.example.net TXT "v=DMARC1;"
broken.example._report._dmarc.reports.example.net SERVFAIL
_dmarc.authorized.example TXT "v=DMARC1; p=none; rua=mailto:dmarc@reports.example.net"
_dmarc.missing.example TXT "v=DMARC1; p=none; rua=mailto:dmarc@reports.example.net"
receiver.example TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.receiver.example TXT "v=DMARC1; p=reject"
s._domainkey.receiver.example TXT "v=DKIM1; k=ed25519; p=` + base64.StdEncoding.EncodeToString(senderKey.Public().(ed25519.PublicKey)) + `"
`
}

// newServer writes a configuration that asks dns and starts the server.
func newServer(t *testing.T, dns *dnstest.Server, config string) *server {
	t.Helper()
	s := &server{dir: t.TempDir(), config: "config.toml"}
	text := fmt.Sprintf(`
[smtp]
hostname = "mx.example.net"
listen = ["127.0.0.1:0"]
[report]
domain = "reports.example.net"
[[target]]
domain = "authorized.example"
[[target]]
domain = "missing.example"
[[target]]
domain = "broken.example"
[storage]
dir = "data"
[limits]
per_address = 400
per_minute = 100000
%s
`, fmt.Sprintf(config, dns.Addr))
	if err := os.WriteFile(filepath.Join(s.dir, s.config), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.start(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

// reportAbout is a report mail of receiver.example, not signed.
func reportAbout(domain, id string) []byte {
	return []byte(strings.ReplaceAll(fmt.Sprintf(`From: reports@receiver.example
To: dmarc@reports.example.net
Subject: Report Domain: %[1]s Submitter: receiver.example
Message-ID: <%[2]s@receiver.example>
Content-Type: text/xml

<feedback><version>1.0</version><report_metadata><org_name>Receiver</org_name><email>reports@receiver.example</email><report_id>%[2]s</report_id>
<date_range><begin>1795132800</begin><end>1795219199</end></date_range></report_metadata>
<policy_published><domain>%[1]s</domain><p>none</p></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>1</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row>
<identifiers><header_from>%[1]s</header_from></identifiers></record></feedback>
`, domain, id), "\n", "\r\n"))
}

func signed(t *testing.T, message []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	err := dkim.Sign(&out, bytes.NewReader(message), &dkim.SignOptions{Domain: "receiver.example", Selector: "s", Signer: senderKey})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// exportedFacts maps each policy domain to what is stored with its report.
func (s *server) exportedFacts(t *testing.T) map[string]string {
	t.Helper()
	facts := make(map[string]string)
	for line := range strings.Lines(s.export(t)) {
		var r struct {
			Authorization string `json:"authorization"`
			Sender        struct {
				Result  string `json:"result"`
				Contact string `json:"contact"`
			} `json:"sender"`
			Report struct {
				PolicyPublished struct {
					Domain string `json:"domain"`
				} `json:"policy_published"`
			} `json:"report"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		facts[r.Report.PolicyPublished.Domain] = r.Authorization + " " + r.Sender.Result + " " + r.Sender.Contact
	}
	return facts
}

// TestStoryAuthorization: three targets, each mode; replies, stored facts, metrics
// and status are those of the verdict table.
func TestStoryAuthorization(t *testing.T) {
	tests := []struct {
		mode    string
		replies map[string]string
		facts   map[string]string
		metrics []string
	}{
		{"observe", map[string]string{
			"authorized.example": "250 2.0.0 report stored", "missing.example": "250 2.0.0 report stored", "broken.example": "250 2.0.0 report stored",
		}, map[string]string{
			"authorized.example": "authorized pass fits", "missing.example": "missing pass fits", "broken.example": "unknown pass fits",
		}, []string{`reportmx_intake_authorization_total{result="missing"} 1`, `reportmx_intake_reports_total{kind="aggregate",outcome="stored"} 3`}},
		{"enforce", map[string]string{
			"authorized.example": "250 2.0.0 report stored",
			"missing.example":    "550 5.7.1 reports about missing.example are not authorized: there is no TXT record missing.example._report._dmarc.reports.example.net",
			"broken.example":     "451 4.4.3 ",
		}, map[string]string{"authorized.example": "authorized pass fits"},
			[]string{`reportmx_intake_refusals_total{reason="authorization_missing"} 1`, `reportmx_intake_refusals_total{reason="authorization_unknown"} 1`}},
		{"off", map[string]string{
			"authorized.example": "250 2.0.0 report stored", "missing.example": "250 2.0.0 report stored", "broken.example": "250 2.0.0 report stored",
		}, map[string]string{
			"authorized.example": "unchecked pass fits", "missing.example": "unchecked pass fits", "broken.example": "unchecked pass fits",
		}, []string{`reportmx_intake_authorization_total{result="unchecked"} 3`}},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			dns := dnstest.Start(t, storyZone())
			s := newServer(t, dns, "[dns]\nservers = [\"%s\"]\n[authorization]\nmode = \""+tt.mode+"\"")
			for domain, want := range tt.replies {
				reply, err := s.send("reports@receiver.example", "dmarc@reports.example.net", signed(t, reportAbout(domain, "1")))
				if err != nil || !strings.HasPrefix(reply, want) {
					t.Errorf("%s: got %q (%v), want %q", domain, reply, err, want)
				}
			}
			if d := cmp.Diff(tt.facts, s.exportedFacts(t)); d != "" {
				t.Errorf("stored facts: %s", d)
			}
			metrics := s.metrics(t)
			for _, want := range tt.metrics {
				if !strings.Contains(metrics, want+"\n") {
					t.Errorf("no metric %q in\n%s", want, metrics)
				}
			}
			if tt.mode != "off" {
				s.wantStates(t, map[string]string{"authorized.example": "authorized", "missing.example": "missing", "broken.example": "unknown"})
			}
		})
	}
}

// wantStates waits for the first look at all targets, which goes on beside the
// sessions, and compares what status and metrics say.
func (s *server) wantStates(t *testing.T, want map[string]string) {
	t.Helper()
	got := make(map[string]string)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && len(got) < len(want); {
		var status struct {
			Targets []struct {
				Domain        string `json:"domain"`
				Authorization string `json:"authorization"`
			} `json:"targets"`
		}
		if err := json.Unmarshal([]byte(s.control(t, "/v1/status")), &status); err != nil {
			t.Fatal(err)
		}
		for _, target := range status.Targets {
			got[target.Domain] = target.Authorization
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("status: %s", d)
	}
	metrics := s.metrics(t)
	for target, result := range want {
		if line := fmt.Sprintf("reportmx_dmarcdns_authorization{result=%q,target=%q} 1\n", result, target); !strings.Contains(metrics, line) {
			t.Errorf("no metric %s", line)
		}
	}
}

func (s *server) metrics(t *testing.T) string { return s.control(t, "/metrics") }

// control asks a path of the control socket for its bare answer.
func (s *server) control(t *testing.T, path string) string {
	t.Helper()
	c, err := control.Dial(filepath.Join(s.dir, "data", "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text, err := c.Text(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestStorySender: a forged report (no signature, SPF fail) is marked, held or
// refused as configured, and a genuine signed one passes.
func TestStorySender(t *testing.T) {
	for onFail, want := range map[string]struct{ reply, fact string }{
		"accept": {"250 2.0.0 report stored", "authorized fail fits"},
		"hold":   {"250 2.0.0 kept for inspection", ""},
		"reject": {"550 5.7.26 ", ""},
	} {
		t.Run(onFail, func(t *testing.T) {
			dns := dnstest.Start(t, storyZone())
			s := newServer(t, dns, "[dns]\nservers = [\"%s\"]\n[sender]\non_fail = \""+onFail+"\"")
			forged := reportAbout("authorized.example", "forged")
			reply, err := s.send("reports@receiver.example", "dmarc@reports.example.net", forged)
			if err != nil || !strings.HasPrefix(reply, want.reply) {
				t.Errorf("forged: got %q (%v), want %q", reply, err, want.reply)
			}
			if got := s.exportedFacts(t)["authorized.example"]; got != want.fact {
				t.Errorf("forged: stored as %q, want %q", got, want.fact)
			}
			genuine := signed(t, reportAbout("authorized.example", "genuine"))
			reply, err = s.send("", "dmarc@reports.example.net", genuine)
			if err != nil || !strings.HasPrefix(reply, "250 2.0.0 report stored") {
				t.Errorf("genuine: got %q (%v)", reply, err)
			}
			if got := s.exportedFacts(t)["authorized.example"]; got != "authorized pass fits" {
				t.Errorf("genuine: stored as %q", got)
			}
		})
	}
}

// TestStorySlowDNS: no answer comes in time, 200 senders come at once; nobody waits
// longer than dns.budget allows, and nothing is lost.
func TestStorySlowDNS(t *testing.T) {
	const senders, budget, slack = 200, time.Second, 10 * time.Second // slack: a busy machine, the race detector
	dns := dnstest.Start(t, storyZone())
	dns.Delay(time.Minute)
	s := newServer(t, dns, "[dns]\nservers = [\"%s\"]\nbudget = \"1s\"")
	var sending sync.WaitGroup
	for i := range senders {
		sending.Go(func() {
			start := time.Now()
			reply, err := s.send("reports@receiver.example", "dmarc@reports.example.net", reportAbout("authorized.example", fmt.Sprint(i)))
			if err != nil || !strings.HasPrefix(reply, "250 2.0.0 report stored") {
				t.Errorf("sender %d: got %q (%v)", i, reply, err)
			}
			if took := time.Since(start); took > budget+slack {
				t.Errorf("sender %d waited %s", i, took)
			}
		})
	}
	sending.Wait()
	if got := strings.Count(s.export(t), "\n"); got != senders {
		t.Errorf("got %d reports in the store, want %d", got, senders)
	}
}

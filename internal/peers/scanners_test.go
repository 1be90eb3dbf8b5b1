package peers

import (
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// expected are findings of testssl.sh that say that the test's certificate is its own
// authority, and that a mail server has no such services.
var expected = regexp.MustCompile(`Chain of trust|Trust \(hostname\)|OCSP|CRL|CAA|Certificate Transparency|neither CRL nor OCSP`)

// TestTestssl: no finding but those of the self-signed certificate.
func TestTestssl(t *testing.T) {
	if !deep(t, "testssl") {
		return
	}
	m := newMX(t)
	out, err := exec.Command("testssl", "--quiet", "--color", "0", "--warnings", "batch", "-t", "smtp", "--ip", "one", m.addr).CombinedOutput()
	t.Logf("testssl: %v\n%s", err, out)
	if !strings.Contains(string(out), "Testing vulnerabilities") {
		t.Fatal("testssl did not come to the vulnerabilities")
	}
	for line := range strings.Lines(string(out)) {
		bad := strings.Contains(line, "NOT ok") || strings.Contains(line, "VULNERABLE") && !strings.Contains(line, "not vulnerable")
		if bad && !expected.MatchString(line) {
			t.Errorf("testssl: %s", line)
		}
	}
}

// TestNmap: nmap finds no way to relay in its 16 tries, tells no user, and grades the
// suites A.
func TestNmap(t *testing.T) {
	if !deep(t, "nmap") {
		return
	}
	m := newMX(t)
	_, port, _ := net.SplitHostPort(m.addr)
	out := command(t, "nmap", "-Pn", "-p", port, "-sV", "--version-intensity", "0",
		"--script", "+smtp-commands,+smtp-open-relay,+smtp-enum-users,+ssl-enum-ciphers,+ssl-cert,+ssl-heartbleed,+ssl-poodle,+ssl-ccs-injection",
		"--script-args", "smtp-open-relay.domain=probe.example,smtp-open-relay.to=someone@relay.example,smtp-open-relay.from=probe@probe.example", "127.0.0.1")
	t.Log(out)
	if !strings.Contains(out, "smtp-open-relay: Server doesn't seem to be an open relay") {
		t.Error("nmap does not say that this is no relay")
	}
	if strings.Contains(out, "VULNERABLE") {
		t.Error("nmap says VULNERABLE")
	}
	if !strings.Contains(out, "least strength: A") {
		t.Error("nmap does not grade the suites A")
	}
}

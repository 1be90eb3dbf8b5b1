package peers

import (
	"bufio"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
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

// TestRelayForms: no spelling of a recipient elsewhere is taken, each tried over a
// connection of its own. They are the forms of nmap's smtp-open-relay and more.
func TestRelayForms(t *testing.T) {
	m := newMX(t)
	for _, form := range []string{
		"someone@relay.example", "someone", `"someone"`, "someone%relay.example", "someone@relay.example@mx.example.net",
		"someone%relay.example@mx.example.net", "someone%relay.example@[127.0.0.1]", "someone%relay.example@reports.example.net",
		`"someone@relay.example"`, `"someone%relay.example"`, `"someone@relay.example"@[127.0.0.1]`, `"someone@relay.example"@reports.example.net`,
		"@mx.example.net:someone@relay.example", "@[127.0.0.1]:someone@relay.example", "@reports.example.net:someone@relay.example",
		"relay.example!someone", "relay.example!someone@[127.0.0.1]", "relay.example!someone@mx.example.net", "relay.example!someone@reports.example.net",
		"@reports.example.net,@relay.example:dmarc@relay.example", "dmarc@reports.example.net.relay.example", "dmarc@127.0.0.1", "dmarc@[127.0.0.1]",
	} {
		conn, err := net.Dial("tcp", m.addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		r := bufio.NewReader(conn)
		var reply string
		for _, step := range []string{"", "EHLO probe.example\r\n", "MAIL FROM:<probe@probe.example>\r\n", "RCPT TO:<" + form + ">\r\n"} {
			if _, err := conn.Write([]byte(step)); err != nil {
				t.Fatal(err)
			}
			if reply, err = readReply(r); err != nil {
				t.Fatalf("%s: %v", form, err)
			}
		}
		if reply[0] != '5' {
			t.Errorf("RCPT TO:<%s>: got %q, want a refusal", form, reply)
		}
		conn.Close()
	}
}

// TestNmap: nmap finds no way to relay, tells no user, and grades the
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
	// After ten refused recipients our server closes, and nmap ends its tries.
	if !strings.Contains(out, "smtp-open-relay: ") || strings.Contains(out, "is an open relay") {
		t.Error("nmap does not say that this is no relay")
	}
	if strings.Contains(out, "VULNERABLE") {
		t.Error("nmap says VULNERABLE")
	}
	if !strings.Contains(out, "least strength: A") {
		t.Error("nmap does not grade the suites A")
	}
}

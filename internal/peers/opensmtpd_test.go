package peers

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// startOpenSMTPD runs an OpenSMTPD that brings all mail to dst with STARTTLS.
func startOpenSMTPD(t *testing.T, dst string) *relay {
	t.Helper()
	dir, addr := openDir(t), freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	config := write(t, fmt.Sprintf(`listen on 127.0.0.1 port %s hostname relay.opensmtpd.example
action "out" relay host "smtp+tls://%s" tls no-verify helo "relay.opensmtpd.example"
match from any for domain "reports.example.net" action "out"
`, port, dst), dir, "smtpd.conf")
	// Each test begins with an empty queue.
	for _, d := range []string{"/var/spool/smtpd", "/var/lib/opensmtpd/empty"} {
		if err := os.RemoveAll(d); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(d, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod("/var/spool/smtpd", 0o711); err != nil {
		t.Fatal(err)
	}
	command(t, "chgrp", "opensmtpq", "/usr/sbin/smtpctl")
	command(t, "chmod", "2555", "/usr/sbin/smtpctl")
	log := runServer(t, "smtpd", []string{"smtpd", "-d", "-f", config}, addr)
	return &relay{
		name: "OpenSMTPD", addr: addr,
		queue: func(t *testing.T) int { return strings.Count(command(t, "smtpctl", "show", "queue"), "\n") },
		flush: func(t *testing.T) { command(t, "smtpctl", "schedule", "all") },
		log: func(t *testing.T) string {
			text, err := os.ReadFile(filepath.Clean(log))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		},
	}
}

func TestOpenSMTPDDelivers(t *testing.T) {
	if !deep(t, "smtpd", "smtpctl") {
		return
	}
	m := newMX(t)
	startOpenSMTPD(t, m.addr).deliver(t, m)
}

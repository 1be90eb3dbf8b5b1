package peers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// havePostfix: it wants root, and its own user for the queue.
func havePostfix(t *testing.T) bool {
	t.Helper()
	if !have(t, "postfix", "postqueue") {
		return false
	}
	if os.Getuid() != 0 {
		if mode() != "" {
			t.Fatal("Postfix must be started by root")
		}
		t.Log("nothing is tested here: Postfix must be started by root")
		return false
	}
	return true
}

// postfixMain is main.cf, with the folder, and the host and port that mail goes to.
const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/mail.log
maillog_file_prefixes = %[1]s
myhostname = relay.example
mydestination =
alias_maps =
local_transport = error:no local mail here
default_transport = error:nothing leaves this machine
relay_domains = reports.example.net
transport_maps = inline:{ {reports.example.net=smtp:[%[2]s]:%[3]s} }
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtp_tls_security_level = may
smtp_tls_loglevel = 1
smtpd_client_connection_rate_limit = 0
minimal_backoff_time = 1s
maximal_backoff_time = 3s
queue_run_delay = 1s
transport_retry_time = 1s
bounce_queue_lifetime = 1h
maximal_queue_lifetime = 1h
`

// postfixServices is master.cf behind the address where mail comes in.
const postfixServices = ` inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
proxymap unix - - n - - proxymap
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

// startPostfix runs a Postfix of its own that brings all mail to dst, with TLS, and
// tries again soon. Settings are lines of main.cf that go before the usual ones.
func startPostfix(t *testing.T, dst string, settings ...string) *relay {
	t.Helper()
	dir, addr := openDir(t), freeAddr(t)
	host, port, _ := net.SplitHostPort(dst)
	main := fmt.Sprintf(postfixMain, dir, host, port)
	write(t, override(main, settings), dir, "etc", "main.cf")
	write(t, addr+postfixServices, dir, "etc", "master.cf")
	for _, d := range []string{"queue", "data"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command(t, "chown", "postfix", filepath.Join(dir, "data"))
	etc := filepath.Join(dir, "etc")
	command(t, "postfix", "-c", etc, "start")
	t.Cleanup(func() { command(t, "postfix", "-c", etc, "stop") })
	r := &relay{name: "Postfix", addr: addr}
	r.queue = func(t *testing.T) int {
		// A message that moves from one queue to another may be missed in the list.
		log := r.log(t)
		if left := strings.Count(log, ": message-id=<") - strings.Count(log, ": removed\n"); left > 0 {
			return left
		}
		out, err := exec.Command("postqueue", "-c", etc, "-j").Output()
		if err != nil {
			t.Fatalf("postqueue: %v", err)
		}
		return strings.Count(string(out), "\n")
	}
	r.flush = func(t *testing.T) { command(t, "postqueue", "-c", etc, "-f") }
	r.log = func(t *testing.T) string {
		text, err := os.ReadFile(filepath.Join(dir, "mail.log"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return r
}

// override puts settings in place of lines with the same name. A Postfix that finds a
// name twice warns of it until its log socket is full, and then stands still.
func override(main string, settings []string) string {
	name := func(line string) string {
		before, _, _ := strings.Cut(line, "=")
		return strings.TrimSpace(before)
	}
	lines := slices.DeleteFunc(strings.Split(main, "\n"), func(line string) bool {
		return slices.ContainsFunc(settings, func(s string) bool { return name(s) == name(line) })
	})
	return strings.Join(append(settings, lines...), "\n")
}

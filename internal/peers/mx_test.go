package peers

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"reportmx/internal/dmarcdns/dnstest"
)

// patience is how long a test waits for what must happen.
const patience = 60 * time.Second

// address is where reports go in all tests; example.com is the target.
const address = "dmarc@reports.example.net"

// mx is "reportmx serve" as a process, with STARTTLS and its defaults.
type mx struct {
	dir    string
	addr   string // where it takes mail
	cmd    *exec.Cmd
	log    *os.File // all that its processes wrote, one after the other
	exited chan struct{}
}

// newMX starts a server on a free port, whose DNS says that example.com's reports may
// go to it.
func newMX(t *testing.T) *mx {
	t.Helper()
	return newMXAt(t, freeAddr(t), dnstest.Start(t, authorization))
}

const authorization = `example.com._report._dmarc.reports.example.net TXT "v=DMARC1;"
`

// newMXAt starts a server at addr that asks dns.
func newMXAt(t *testing.T, addr string, dns *dnstest.Server) *mx {
	t.Helper()
	m := &mx{dir: openDir(t), addr: addr}
	certificate, key := writeCertificate(t, m.dir)
	write(t, fmt.Sprintf(`
[smtp]
hostname = "mx.example.net"
listen = [%q]
certificate = %q
key = %q
[report]
domain = "reports.example.net"
[[target]]
domain = "example.com"
[storage]
dir = %q
[dns]
servers = [%q]
`, addr, certificate, key, filepath.Join(m.dir, "data"), dns.Addr), m.dir, "config.toml")
	var err error
	if m.log, err = os.Create(filepath.Join(m.dir, "log")); err != nil {
		t.Fatal(err)
	}
	m.start(t)
	t.Cleanup(func() {
		m.kill(t)
		m.log.Close()
		if t.Failed() {
			t.Logf("end of the server's log:\n%s", tail(m.logText(t), 40))
		}
	})
	return m
}

// start returns when the server has said READY.
func (m *mx) start(t *testing.T) {
	t.Helper()
	notifyDir, err := os.MkdirTemp("", "n") // paths of Unix sockets are short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(notifyDir)
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(notifyDir, "s"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	m.cmd = exec.Command(program, "serve", "--config", filepath.Join(m.dir, "config.toml"))
	m.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+ready.LocalAddr().String())
	m.cmd.Stderr = m.log
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		cmd.Wait()
		close(exited)
	}(m.cmd, m.exited)
	ready.SetReadDeadline(time.Now().Add(patience))
	if n, err := ready.Read(make([]byte, 1024)); err != nil || n == 0 {
		t.Fatalf("server did not get ready: %v\n%s", err, tail(m.logText(t), 20))
	}
}

// kill ends the server at once, as the kernel would when memory is short.
func (m *mx) kill(t *testing.T) {
	t.Helper()
	m.cmd.Process.Signal(syscall.SIGKILL)
	select {
	case <-m.exited:
	case <-time.After(patience):
		t.Fatal("server did not end")
	}
}

// ask runs another command of the program against the server.
func (m *mx) ask(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, append(args, "--config", filepath.Join(m.dir, "config.toml"))...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("reportmx %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return out
}

// stored is what an export tells of a report.
type stored struct {
	Envelope struct {
		Helo     string `json:"helo"`
		MailFrom string `json:"mail_from"`
		TLS      string `json:"tls"`
	} `json:"envelope"`
	Sender struct {
		Domain string `json:"domain"`
		Result string `json:"result"`
		DKIM   []struct {
			Domain    string `json:"domain"`
			Selector  string `json:"selector"`
			Algorithm string `json:"algorithm"`
			Result    string `json:"result"`
		} `json:"dkim"`
	} `json:"sender"`
	Authorization string          `json:"authorization"`
	Conflict      bool            `json:"conflict"`
	Warnings      json.RawMessage `json:"warnings"`
	Report        struct {
		OrgName         string `json:"org_name"`
		Email           string `json:"email"`
		ReportID        string `json:"report_id"`
		PolicyPublished struct {
			Domain string `json:"domain"`
			P      string `json:"p"`
		} `json:"policy_published"`
		Records []struct {
			SourceIP string `json:"source_ip"`
			Count    int    `json:"count"`
		} `json:"records"`
	} `json:"report"`
	raw string
}

// export gives all stored reports of a kind, in the order of arrival.
func (m *mx) export(t *testing.T, kind string) []stored {
	t.Helper()
	var list []stored
	for line := range strings.Lines(string(m.ask(t, "export", kind, "--format", "ndjson"))) {
		s := stored{raw: line}
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("export: %v\n%s", err, line)
		}
		list = append(list, s)
	}
	return list
}

// wantHeld compares the number of held messages: none is what a test wants of mail
// that came through whole.
func (m *mx) wantHeld(t *testing.T, want int) {
	t.Helper()
	list := m.ask(t, "held", "list", "--json")
	if got := bytes.Count(list, []byte("\n")); got != want {
		t.Errorf("got %d held messages, want %d:\n%s", got, want, list)
	}
}

func (m *mx) logText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(m.log.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// accepted is how many messages were answered with 250, known ones included.
func (m *mx) accepted(t *testing.T) int {
	return strings.Count(m.logText(t), " msg=message ") - strings.Count(m.logText(t), " verdict=reject ") -
		strings.Count(m.logText(t), " verdict=defer ")
}

// await asks again and again until done, for as long as it may take.
func await(t *testing.T, what string, limit time.Duration, done func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !done(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited %s for %s in vain", limit, what)
		}
	}
}

// freeAddr is a loopback address whose port was free a moment ago. It is for
// servers that are started again and again at the same place.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func writeCertificate(t *testing.T, dir string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "mx.example.net"},
		DNSNames: []string{"mx.example.net"}, NotBefore: time.Now().Add(-72 * time.Hour), NotAfter: time.Now().Add(60 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate = write(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public})), dir, "mx.crt")
	return certificate, write(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), dir, "mx.key")
}

func tail(text string, lines int) string {
	all := strings.SplitAfter(text, "\n")
	return strings.Join(all[max(0, len(all)-lines-1):], "")
}

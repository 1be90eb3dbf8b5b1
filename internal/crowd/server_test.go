package crowd

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"reportmx/internal/dmarcdns/dnstest"
)

// patience is how long anything may take that must come.
const patience = time.Minute

// zone is all DNS that the server can ask: our own record for the target.
const zone = `example.com._report._dmarc.reports.example.net TXT v=DMARC1`

// server is "reportmx serve" with the configuration that the project ships; the
// environment names what differs on each machine, and the limits of short campaigns.
type server struct {
	dir     string
	addr    string
	log     lockedBuffer
	cmd     *exec.Cmd
	exited  chan struct{}
	control *http.Client // on the control socket
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startServer runs a server until the test ends. more is of the form
// "REPORTMX_SECTION_KEY=value".
func startServer(t *testing.T, more ...string) *server {
	t.Helper()
	run, err := os.MkdirTemp("", "run") // for sockets, whose paths must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	s := &server{dir: t.TempDir(), exited: make(chan struct{})}
	certificate, key := writeCertificate(t, s.dir)
	socket, notify := filepath.Join(run, "c"), filepath.Join(run, "n")
	s.control = &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	s.cmd = exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" serve --config "$1"`, program, filepath.Join("..", "..", "config.example.toml"))
	s.cmd.Env = append(append(os.Environ(), "LISTEN_FDS=1", "NOTIFY_SOCKET="+notify, "REPORTMX_SMTP_HOSTNAME=mx.example.net",
		"REPORTMX_SMTP_CERTIFICATE="+certificate, "REPORTMX_SMTP_KEY="+key, "REPORTMX_STORAGE_DIR="+filepath.Join(s.dir, "data"),
		"REPORTMX_CONTROL_SOCKET="+socket, "REPORTMX_DNS_SERVERS="+dnstest.Start(t, zone).Addr), more...)
	s.cmd.Stderr = &s.log
	if err := s.start(notify); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.end(syscall.SIGKILL) })
	return s
}

func (s *server) start(notify string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	s.addr = l.Addr().String()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	defer socket.Close()
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		return err
	}
	s.cmd.ExtraFiles = []*os.File{socket}
	if err := s.cmd.Start(); err != nil {
		return errors.Join(err, ready.Close())
	}
	go func() {
		s.cmd.Wait()
		close(s.exited)
		ready.Close()
	}()
	buf := make([]byte, 1024)
	ready.SetReadDeadline(time.Now().Add(patience))
	for {
		n, err := ready.Read(buf)
		if err != nil {
			return fmt.Errorf("the server did not get ready: %w\n%s", err, &s.log)
		}
		if strings.Contains(string(buf[:n]), "READY=1") {
			return nil
		}
	}
}

// end sends a signal, waits, and gives the exit code, -1 for a signal.
func (s *server) end(sig syscall.Signal) int {
	s.control.CloseIdleConnections()
	s.cmd.Process.Signal(sig)
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.cmd.Process.Kill()
		<-s.exited
	}
	return s.cmd.ProcessState.ExitCode()
}

// metrics gives all metrics, by name with labels.
func (s *server) metrics() (map[string]float64, error) {
	r, err := s.control.Get("http://localhost/metrics")
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, &s.log)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	all := map[string]float64{}
	for _, m := range metricLine.FindAllStringSubmatch(string(text), -1) {
		if all[m[1]], err = strconv.ParseFloat(m[2], 64); err != nil {
			return nil, err
		}
	}
	return all, nil
}

var metricLine = regexp.MustCompile(`(?m)^([a-z_]+(?:\{[^}]*\})?) (\S+)$`)

// memory gives a line of the process's status in MiB: RssAnon, RssFile, VmHWM.
func (s *server) memory(line string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`(?m)^` + line + `:\s+(\d+) kB$`).FindSubmatch(status)
	if m == nil {
		return 0, fmt.Errorf("no %s in the status of the process", line)
	}
	n, err := strconv.Atoi(string(m[1]))
	return float64(n) / 1024, err
}

// descriptors is how many the server has open.
func (s *server) descriptors() (int, error) {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	return len(list), err
}

// writeCertificate makes a certificate of its own authority.
func writeCertificate(t *testing.T, dir string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx.example.net"},
		DNSNames: []string{"mx.example.net"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: signed}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

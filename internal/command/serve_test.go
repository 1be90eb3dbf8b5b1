package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"reportmx/internal/control"
)

const serveConfig = `
[smtp]
hostname = "mx.example.net"
listen = ["127.0.0.1:0"]
[report]
domain = "reports.example.net"
[[target]]
domain = "example.com"
[authorization]
mode = "off"
[dns]
servers = ["127.0.0.1:9"]
budget = "1s"
[storage]
dir = %q
`

// serving runs the server in this process until it ends, and gives its exit code.
type serving struct {
	dir, addr string
	stderr    bytes.Buffer // to be read when it has ended
	code      chan int
}

func startServing(t *testing.T) *serving {
	t.Helper()
	short, err := os.MkdirTemp("", "serve") // sockets have short names
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	t.Setenv("RUNTIME_DIRECTORY", short)
	t.Setenv("NOTIFY_SOCKET", filepath.Join(short, "notify"))
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(short, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ready.Close() })
	s := &serving{dir: filepath.Join(short, "data"), code: make(chan int, 1)}
	file := filepath.Join(short, "config.toml")
	if err := os.WriteFile(file, fmt.Appendf(nil, serveConfig, s.dir), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go func() { s.code <- Run(ctx, []string{"serve", "--config", file}, nil, nil, &s.stderr) }()
	buf := make([]byte, 1024)
	ready.SetReadDeadline(time.Now().Add(30 * time.Second))
	for {
		n, err := ready.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(buf[:n]), "READY=1") {
			break
		}
	}
	s.addr = listenedAt(t, filepath.Join(short, "control.sock"))
	return s
}

func listenedAt(t *testing.T, socket string) string {
	t.Helper()
	c, err := control.Dial(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var raw json.RawMessage
	if err := c.Send(t.Context(), http.MethodGet, "/v1/status", nil, nil, &raw); err != nil {
		t.Fatal(err)
	}
	var s status
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s.Listen[0]
}

// loseDisk puts the null device in the place of the store's file, which takes writes
// and cannot be synced.
func (s *serving) loseDisk(t *testing.T) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	for _, entry := range open {
		path, err := os.Readlink("/proc/self/fd/" + entry.Name())
		var fd int
		if _, scanErr := fmt.Sscan(entry.Name(), &fd); err != nil || scanErr != nil || path != filepath.Join(s.dir, storeFile) {
			continue
		}
		if err := unix.Dup3(int(null.Fd()), fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		lost++
	}
	if lost == 0 {
		t.Fatal("the server has no store open")
	}
}

const serveReport = "From: reports@receiver.example\r\nSubject: Report Domain: example.com Submitter: receiver.example\r\nContent-Type: text/xml\r\n\r\n" +
	"<feedback><report_metadata><org_name>Receiver</org_name><report_id>%s</report_id><date_range><begin>1795132800</begin><end>1795219199</end></date_range></report_metadata>" +
	"<policy_published><domain>example.com</domain><p>none</p></policy_published><record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record></feedback>\r\n"

func (s *serving) send(id string) error {
	return smtp.SendMail(s.addr, nil, "reports@receiver.example", []string{"dmarc@reports.example.net"}, fmt.Appendf(nil, serveReport, id))
}

// TestServerEndsAfterAFailedSync: when it is not known what is on disk the sender is
// told to come again, and the server ends with the code after which it is restarted,
// and without the mark of a clean stop.
func TestServerEndsAfterAFailedSync(t *testing.T) {
	s := startServing(t)
	if err := s.send("1"); err != nil {
		t.Fatal(err)
	}
	s.loseDisk(t)
	var reply *textproto.Error
	if err := s.send("2"); !errors.As(err, &reply) || reply.Code != 451 {
		t.Errorf("got %v, want 451", err)
	}
	select {
	case code := <-s.code:
		if code != exitStorage {
			t.Errorf("got exit code %d, want %d", code, exitStorage)
		}
	case <-time.After(stopTimeout + 10*time.Second):
		t.Fatal("the server goes on")
	}
	if log := s.stderr.String(); !strings.Contains(log, `msg="cannot go on"`) || !strings.Contains(log, "outcome of the write is not known") {
		t.Errorf("the log does not tell why: %s", log)
	}
	if leftClean(filepath.Join(s.dir, storeFile)) {
		t.Error("the store is marked as clean")
	}
}

// TestReload: targets come alone, and not where they would change who may send.
func TestReload(t *testing.T) {
	short := t.TempDir()
	targets := filepath.Join(short, "targets")
	config := "targets_file = \"" + targets + "\"\n" + strings.Replace(serveConfig, "mode = \"off\"", "", 1)
	e := &env{configFile: filepath.Join(short, "config.toml")}
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(targets, "")
	write(e.configFile, fmt.Sprintf(config, filepath.Join(short, "data")))
	cfg, err := e.load()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	a := &app{cfg: cfg, log: slog.New(slog.NewTextHandler(&log, nil))}
	a.targets.Store(cfg.Targets)
	for _, tt := range []struct{ targets, serves, log string }{
		{"example.org\n", "example.org", `msg="reloaded targets" targets=2`},
		{"example.org\n*\n", "", "and would be \\\"enforce\\\", which needs a restart"},
		{"example.net\n", "example.net", `msg="reloaded targets" targets=2`},
	} {
		log.Reset()
		write(targets, tt.targets)
		e.reload(a)
		if !strings.Contains(log.String(), tt.log) {
			t.Errorf("%q: got the log %s, want %s", tt.targets, log.String(), tt.log)
		}
		if _, ok := a.targets.Load().Match("stranger.example"); ok {
			t.Errorf("%q: serves everybody", tt.targets)
		}
		if _, ok := a.targets.Load().Match(tt.serves); tt.serves != "" && !ok {
			t.Errorf("%q: does not serve it", tt.targets)
		}
	}
}

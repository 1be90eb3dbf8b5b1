package faults

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a campaign waits for what must come.
const patience = 60 * time.Second

// errStart: the server ended before it was ready.
var errStart = errors.New("server ended before it was ready")

// server is "reportmx serve", again and again, on one folder. The test owns the
// listening socket, as systemd does, so that clients never find the port closed.
type server struct {
	program string
	data    string   // storage.dir
	message string   // limits.message, "1MiB"
	wrap    []string // a command that runs the server: strace
	config  string
	run     string // for sockets, which need short paths
	listen  *os.File
	addr    string

	cmd    *exec.Cmd
	exited chan struct{}
	log    *logBuffer
}

// newServer prepares a server whose store is in data.
func newServer(t testing.TB, program, data string) *server {
	t.Helper()
	run, err := os.MkdirTemp("", "run")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{program: program, data: data, message: "1MiB", run: run, listen: file, addr: l.Addr().String()}
	t.Cleanup(func() {
		s.end(syscall.SIGKILL)
		l.Close()
		file.Close()
		os.RemoveAll(run)
	})
	return s
}

// configuration has no DNS at all: nothing answers on the discard port of loopback,
// and null senders that greet with an address ask for nothing.
const configuration = `
[smtp]
hostname = "mx.example.net"
[report]
domain = "reports.example.net"
[[target]]
domain = "example.com"
[authorization]
mode = "off"
[dns]
servers = ["127.0.0.1:9"]
budget = "1s"
[limits]
message = %q
per_address = 1000
per_minute = 1000000
[storage]
dir = %q
[control]
socket = %q
`

// start runs the server and waits until it is ready, or has ended.
func (s *server) start() error {
	ready, err := s.launch()
	if err != nil {
		return err
	}
	defer ready.Close()
	done := make(chan error, 1)
	go func() { done <- awaitReady(ready) }()
	select {
	case err := <-done:
		return err
	case <-s.exited:
		return fmt.Errorf("%w, with code %d\n%s", errStart, s.code(), s.log)
	}
}

// launch runs the server and does not wait.
func (s *server) launch() (ready *net.UnixConn, err error) {
	s.config = filepath.Join(s.run, "config.toml")
	text := fmt.Sprintf(configuration, s.message, s.data, filepath.Join(s.run, "c"))
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	notify := filepath.Join(s.run, "n")
	if err := os.Remove(notify); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if ready, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"}); err != nil {
		return nil, err
	}
	args := append(append([]string{}, s.wrap...), "sh", "-c", `LISTEN_PID=$$ exec "$0" serve --config "$1"`, s.program, s.config)
	s.log = &logBuffer{}
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+notify, "LISTEN_FDS=1")
	s.cmd.ExtraFiles = []*os.File{s.listen}
	s.cmd.Stderr = s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		cmd.Wait()
		close(exited)
	}(s.cmd, s.exited)
	return ready, nil
}

func awaitReady(ready *net.UnixConn) error {
	buf := make([]byte, 1024)
	ready.SetReadDeadline(time.Now().Add(patience))
	for {
		n, err := ready.Read(buf)
		if err != nil {
			return err
		}
		if strings.Contains(string(buf[:n]), "READY=1") {
			return nil
		}
	}
}

// end sends a signal to the server and what runs it, waits, and gives the exit code.
func (s *server) end(sig syscall.Signal) int {
	if s.cmd == nil || s.cmd.Process == nil {
		return 0
	}
	syscall.Kill(-s.cmd.Process.Pid, sig)
	return s.wait()
}

// wait waits for the server's end and gives its exit code, -1 for a signal.
func (s *server) wait() int {
	select {
	case <-s.exited:
	case <-time.After(patience):
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.exited
	}
	return s.code()
}

func (s *server) code() int { return s.cmd.ProcessState.ExitCode() }

// store is the path of the store.
func (s *server) store() string { return filepath.Join(s.data, "reports.db") }

// logBuffer is the log of one run.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

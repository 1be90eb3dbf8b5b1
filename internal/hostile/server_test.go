package hostile

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that must come.
const patience = 2 * time.Minute

// server is "reportmx serve" with the configuration that the project ships, as it
// is: the environment names only what differs on each machine.
type server struct {
	dir    string
	env    []string
	addr   string
	log    string // path
	cmd    *exec.Cmd
	exited chan struct{}
}

// startServer runs a server in a cage until the test ends; it asks DNS at resolver.
func startServer(t *testing.T, c *cage, resolver string) *server {
	t.Helper()
	run, err := os.MkdirTemp("", "run") // for sockets, whose paths must be short
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &server{dir: t.TempDir(), addr: l.Addr().String(), exited: make(chan struct{})}
	t.Cleanup(func() {
		s.end(syscall.SIGKILL)
		os.RemoveAll(run)
	})
	s.env = append(os.Environ(), "REPORTMX_SMTP_HOSTNAME=mx.example.net", "REPORTMX_DNS_SERVERS="+resolver,
		"REPORTMX_STORAGE_DIR="+filepath.Join(s.dir, "data"), "REPORTMX_CONTROL_SOCKET="+filepath.Join(run, "c"))
	if err := s.start(c, l.(*net.TCPListener), filepath.Join(run, "n")); err != nil {
		t.Fatal(err)
	}
	return s
}

// shipped is the configuration of the project.
var shipped = filepath.Join("..", "..", "config.example.toml")

func (s *server) start(c *cage, l *net.TCPListener, notify string) error {
	socket, err := l.File()
	if err != nil {
		return err
	}
	defer socket.Close()
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer ready.Close()
	s.log = filepath.Join(s.dir, "log")
	log, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command("sh", "-c", c.wrap(`LISTEN_PID=$$ exec "$0" serve --config "$1"`), program, shipped)
	s.cmd.Env = append(s.env, "NOTIFY_SOCKET="+notify, "LISTEN_FDS=1")
	s.cmd.ExtraFiles = []*os.File{socket}
	s.cmd.Stderr = log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		s.cmd.Wait()
		close(s.exited)
	}()
	go c.watch(s.pid(), s.exited)
	return s.awaitReady(ready)
}

func (s *server) awaitReady(ready *net.UnixConn) error {
	buf := make([]byte, 1024)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && s.alive(); {
		ready.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := ready.Read(buf)
		if err == nil && strings.Contains(string(buf[:n]), "READY=1") {
			return nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	log, _ := os.ReadFile(s.log) // for people only
	return fmt.Errorf("the server did not get ready\n%s", log)
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// alive tells whether the process that was started is still there.
func (s *server) alive() bool {
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// end sends a signal, waits, and gives the exit code, -1 for a signal.
func (s *server) end(sig syscall.Signal) int {
	if s.cmd == nil || s.cmd.Process == nil {
		return 0
	}
	if s.alive() {
		s.cmd.Process.Signal(sig)
	}
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.cmd.Process.Kill()
		<-s.exited
	}
	return s.cmd.ProcessState.ExitCode()
}

// command runs another command of the program, and hands what it prints to read.
func (s *server) command(read func(io.Reader) error, args ...string) error {
	cmd := exec.Command(program, append(args, "--config", shipped)...)
	cmd.Env = s.env
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	wrong := read(out)
	io.Copy(io.Discard, out) // so that it can end
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, complaint.String())
	}
	return wrong
}

package main

import (
	"bufio"
	"bytes"
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

// unit runs "reportmx serve" the way systemd does: with a socket that is open
// already, a socket for notifications, and a watchdog.
type unit struct {
	t      *testing.T
	dir    string
	notify *net.UnixConn
	socket *os.File // where mail is taken
}

func newUnit(t *testing.T) *unit {
	dir, err := os.MkdirTemp("", "unit") // the paths of t.TempDir are too long for Unix sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "base.toml"), []byte(baseConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { notify.Close() })
	return &unit{t: t, dir: dir, notify: notify}
}

// environment is what systemd tells the service. LISTEN_PID is for a shell to add:
// it is known only there.
func (u *unit) environment() []string {
	return append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(u.dir, "notify"), "WATCHDOG_USEC=600000",
		"LISTEN_FDS=1", "LISTEN_FDNAMES=smtp")
}

// start gives a process with the open socket; the end of the test kills it.
func (u *unit) start(stderr io.Writer, name string, args ...string) *exec.Cmd {
	u.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = u.dir, u.environment(), stderr
	if u.socket != nil {
		cmd.ExtraFiles = []*os.File{u.socket}
	}
	if err := cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

// serve runs the server on the socket that is open.
func (u *unit) serve() (*exec.Cmd, *bytes.Buffer) {
	u.t.Helper()
	log := new(bytes.Buffer)
	return u.start(log, "sh", "-c", "LISTEN_PID=$$ exec reportmx serve --config base.toml"), log
}

// await reads notifications up to one that has the line.
func (u *unit) await(line string) string {
	u.t.Helper()
	buf := make([]byte, 4096)
	u.notify.SetReadDeadline(time.Now().Add(patience))
	for {
		n, err := u.notify.Read(buf)
		if err != nil {
			u.t.Fatalf("no %s came: %v", line, err)
		}
		if state := string(buf[:n]); strings.Contains("\n"+state+"\n", "\n"+line+"\n") {
			return state
		}
	}
}

func greetingOf(t *testing.T, c net.Conn) string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func dial(t *testing.T, network, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestUnit is a life under systemd: activated, watched, reloaded, killed, started
// again and stopped, and no client is ever refused.
func TestUnit(t *testing.T) {
	u := newUnit(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if u.socket, err = l.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	defer u.socket.Close()

	early := dial(t, "tcp", l.Addr().String())
	first, _ := u.serve()
	u.await("READY=1")
	if got := greetingOf(t, early); !strings.HasPrefix(got, "220 ") {
		t.Errorf("got %q before the server was there, want 220", got)
	}
	u.await("WATCHDOG=1")
	u.await("WATCHDOG=1")
	first.Process.Signal(syscall.SIGHUP)
	if state := u.await("RELOADING=1"); !strings.Contains(state, "MONOTONIC_USEC=") {
		t.Errorf("got %q on a reload, want a time in it", state)
	}
	u.await("READY=1")

	first.Process.Kill()
	first.Wait()
	between := dial(t, "tcp", l.Addr().String())
	second, log := u.serve()
	u.await("READY=1")
	if got := greetingOf(t, between); !strings.HasPrefix(got, "220 ") {
		t.Errorf("got %q between two servers, want 220", got)
	}
	io.WriteString(between, "QUIT\r\n")
	if got := greetingOf(t, between); !strings.HasPrefix(got, "221 ") {
		t.Errorf("got %q to QUIT, want 221", got)
	}
	second.Process.Signal(syscall.SIGTERM)
	u.await("STOPPING=1")
	if err := second.Wait(); err != nil {
		t.Errorf("the server ended with %v\n%s", err, log)
	}
	if n := strings.Count(log.String(), "session ended"); n != 1 {
		t.Errorf("got %d sessions in the log, want 1: those of the watchdog are not for it\n%s", n, log)
	}
}

// TestSocketActivate is activation by systemd's own tool, where it is installed.
func TestSocketActivate(t *testing.T) {
	tool, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Log("systemd-socket-activate is not installed: TestUnit passes a socket in its place")
		return
	}
	u := newUnit(t)
	path := filepath.Join(u.dir, "smtp")
	says, stderr := io.Pipe()
	t.Cleanup(func() { says.Close() }) // after the server's end
	u.start(stderr, tool, "--listen="+path, "--fdname=smtp", "--setenv=NOTIFY_SOCKET", "--setenv=PATH",
		"reportmx", "serve", "--config", "base.toml")
	log := bufio.NewReader(says)
	line, err := log.ReadString('\n')
	if !strings.HasPrefix(line, "Listening on ") {
		t.Fatalf("got %q, %v, want to be told that it listens", line, err)
	}
	go io.Copy(io.Discard, log)
	c := dial(t, "unix", path)
	u.await("READY=1")
	if got := greetingOf(t, c); !strings.HasPrefix(got, "220 ") {
		t.Errorf("got %q, want 220", got)
	}
}

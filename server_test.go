package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"reportmx/internal/control"
)

// patience is how long a test waits for a server that is expected to answer.
const patience = 30 * time.Second

// server is "reportmx serve" as a process of its own.
type server struct {
	dir    string // where it runs
	config string // path of its configuration, relative to dir
	cmd    *exec.Cmd
	log    bytes.Buffer
	addr   string // where it takes mail
	exited chan error
}

type serverKey struct{}

// start runs the server and returns when it has said READY to its notify socket.
func (s *server) start(env []string) error {
	// Paths of Unix sockets are short (unix(7): 108 bytes), those of tests long.
	notifyDir, err := os.MkdirTemp("", "notify")
	if err != nil {
		return err
	}
	defer os.RemoveAll(notifyDir)
	notify := filepath.Join(notifyDir, "s")
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer ready.Close()

	s.log.Reset()
	s.cmd = exec.Command("reportmx", "serve", "--config", s.config)
	s.cmd.Dir = s.dir
	s.cmd.Env = append(append(os.Environ(), env...), "NOTIFY_SOCKET="+notify)
	s.cmd.Stderr = &s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.exited = make(chan error, 1)
	go func() {
		s.exited <- s.cmd.Wait()
		ready.Close()
	}()
	if err := awaitReady(ready); err != nil {
		return fmt.Errorf("server did not get ready: %w\n%s", err, s.log.String())
	}
	return s.findAddr()
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

// findAddr asks the control socket where the server takes mail.
func (s *server) findAddr() error {
	c, err := control.Dial(filepath.Join(s.dir, "data", "control.sock"))
	if err != nil {
		return err
	}
	defer c.Close()
	var status struct {
		Listen []string `json:"listen"`
	}
	var raw json.RawMessage
	if err := c.Send(context.Background(), "GET", "/v1/status", nil, nil, &raw); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &status); err != nil {
		return err
	}
	if len(status.Listen) == 0 {
		return fmt.Errorf("status names no address: %s", raw)
	}
	s.addr = status.Listen[0]
	return nil
}

// stop sends a signal, waits for the end, and gives the exit code.
func (s *server) stop(sig syscall.Signal) (code int, err error) {
	if err := s.cmd.Process.Signal(sig); err != nil {
		return 0, err
	}
	select {
	case err = <-s.exited:
	case <-time.After(patience):
		s.cmd.Process.Kill()
		return 0, fmt.Errorf("server did not stop within %s\n%s", patience, s.log.String())
	}
	code = s.cmd.ProcessState.ExitCode()
	s.cmd = nil
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return code, err
	}
	return code, nil
}

// kill ends a server that a failed test left behind.
func (s *server) kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		<-s.exited
		s.cmd = nil
	}
}

// send delivers one message and gives the reply to its end of data, or to the
// command that was refused.
func (s *server) send(from, to string, message []byte) (string, error) {
	c, err := textproto.Dial("tcp", s.addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, _, err := c.ReadResponse(220); err != nil {
		return "", err
	}
	for _, step := range []struct {
		line string
		want int
	}{{"EHLO client.example", 250}, {"MAIL FROM:<" + from + ">", 250}, {"RCPT TO:<" + to + ">", 250}, {"DATA", 354}} {
		if err := c.PrintfLine("%s", step.line); err != nil {
			return "", err
		}
		code, text, err := c.ReadResponse(0)
		if err != nil {
			return "", err
		}
		if code != step.want {
			return fmt.Sprintf("%d %s", code, text), nil
		}
	}
	w := c.DotWriter()
	if _, err := w.Write(message); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	code, text, err := c.ReadResponse(0)
	if err != nil {
		return "", err
	}
	c.PrintfLine("QUIT")
	return fmt.Sprintf("%d %s", code, text), nil
}

// cmdStart is "start CONFIG": run the server; $SMTP is then its address.
func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: start CONFIG")
	}
	s := ts.Value(serverKey{}).(*server)
	s.dir, s.config = ts.Getenv("WORK"), args[0]
	ts.Check(s.start(nil))
	ts.Setenv("SMTP", s.addr)
}

// cmdStop is "stop [KILL]": end the server; its log is then the file server.log.
func cmdStop(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serverKey{}).(*server)
	sig := syscall.SIGTERM
	if len(args) == 1 && args[0] == "KILL" {
		sig = syscall.SIGKILL
	}
	code, err := s.stop(sig)
	ts.Check(err)
	if sig == syscall.SIGTERM && (code != 0) != neg {
		ts.Fatalf("server exited with %d\n%s", code, s.log.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs("server.log"), s.log.Bytes(), 0o600))
}

// cmdSend is "send FILE [TO [FROM]]": deliver a mail, with CRLF line ends; stdout is
// the reply. "! send" expects a refusal.
func cmdSend(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: send FILE [TO [FROM]]")
	}
	to, from := "dmarc@reports.example.net", "reports@receiver.example"
	if len(args) > 1 {
		to = args[1]
	}
	if len(args) > 2 {
		from = args[2]
	}
	reply, err := ts.Value(serverKey{}).(*server).send(from, to, []byte(ts.ReadFile(args[0])))
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), reply)
	if (reply[0] != '2') != neg {
		ts.Fatalf("unexpected reply: %s", reply)
	}
}

// cmdSMTP is "smtp LINE…": say each line, stdout has all replies.
func cmdSMTP(ts *testscript.TestScript, neg bool, args []string) {
	c, err := textproto.Dial("tcp", ts.Value(serverKey{}).(*server).addr)
	ts.Check(err)
	defer c.Close()
	for _, line := range append([]string{""}, args...) {
		if line != "" {
			ts.Check(c.PrintfLine("%s", line))
		}
		code, text, err := c.ReadResponse(0)
		ts.Check(err)
		fmt.Fprintf(ts.Stdout(), "%d %s\n", code, text)
	}
}

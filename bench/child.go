package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// child is a server in a process of its own, so that what it uses can be told from
// what the client uses.
type child struct {
	addr string
	cmd  *exec.Cmd
	peak atomic.Int64 // anonymous memory, bytes
	stop chan struct{}
	done chan struct{}
}

// startChild runs a server and waits until it takes mail at addr. What it logs goes
// to a file, as with systemd.
func startChild(addr, logFile string, env []string, name string, args ...string) (*child, error) {
	log, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = log
	// A benchmark that is interrupted leaves no servers behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	c := &child{addr: addr, cmd: cmd, stop: make(chan struct{}), done: make(chan struct{})}
	go c.watch()
	if err := c.ready(); err != nil {
		c.kill()
		told, _ := os.ReadFile(logFile)
		return nil, fmt.Errorf("%w; it says: %s", err, told)
	}
	return c, nil
}

// ready waits for the greeting: after a crash the server looks at its store for some
// seconds before.
func (c *child) ready() error {
	var last error
	for range 3000 {
		conn, err := dial(c.addr, "[127.0.0.1]")
		if err == nil {
			return conn.quit()
		}
		last = err
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("wait for the server: %w", last)
}

// watch samples the memory until the child ends.
func (c *child) watch() {
	defer close(c.done)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-tick.C:
			c.peak.Store(max(c.peak.Load(), anonymous(c.cmd.Process.Pid)))
		}
	}
}

// end stops the child as systemd would.
func (c *child) end() error {
	close(c.stop)
	<-c.done
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop server: %w", err)
	}
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("stop server: %w", err)
	}
	return nil
}

// kill ends a child that has no other way to stop.
func (c *child) kill() {
	close(c.stop)
	<-c.done
	// It may be gone already, and how it ended tells nothing.
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// cpu is the processor time that the child has used, in steps of 10 ms.
func (c *child) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("processor time: %w", err)
	}
	// The second field is a name in brackets; utime and stime are the 14th and 15th.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("processor time: cannot read %q", stat)
	}
	user, userErr := strconv.ParseInt(fields[11], 10, 64)
	system, systemErr := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(userErr, systemErr)
}

// anonymous is the memory of a process without mapped files, in bytes; 0 when it
// has ended.
func anonymous(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	line, _, _ := strings.Cut(rest, "kB")
	kib, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

// outcome is what a program did.
type outcome struct {
	elapsed time.Duration
	out     string
	peak    int64 // anonymous memory, bytes
}

// run runs a program to its end.
func run(name string, args ...string) (outcome, error) {
	var out, told strings.Builder
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Stdout, cmd.Stderr = &out, &told
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return outcome{}, fmt.Errorf("run %s: %w", name, err)
	}
	c := &child{cmd: cmd, stop: make(chan struct{}), done: make(chan struct{})}
	go c.watch()
	err := cmd.Wait()
	o := outcome{elapsed: time.Since(start), out: out.String()}
	close(c.stop)
	<-c.done
	o.peak = c.peak.Load()
	if err != nil {
		return o, fmt.Errorf("run %s %s: %w: %s", name, strings.Join(args, " "), err, told.String())
	}
	return o, nil
}

// freeAddr finds a port on loopback that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// drain reads r to its end.
func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

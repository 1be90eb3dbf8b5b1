package faults

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fault is one call that fails: the n-th of a thread.
type fault struct {
	call, errno string
	when        int
}

func (f fault) String() string { return fmt.Sprintf("%s at %s %d", f.errno, f.call, f.when) }

// faultsOf are those of a campaign: all calls and errors at each position, or the
// same spread over fewer runs.
func faultsOf(positions int) []fault {
	var list []fault
	for when := 1; when <= positions; when++ {
		for _, call := range []string{"fdatasync", "pwrite64", "ftruncate"} {
			for _, errno := range []string{"EIO", "ENOSPC", "EROFS"} {
				list = append(list, fault{call, errno, when})
			}
		}
	}
	return list
}

// TestErrors has one system call fail, at every position: no report is acknowledged
// that is not in the store, and after a sync that failed the server ends with 75.
func TestErrors(t *testing.T) {
	together(t)
	if !need(t, false, "strace") {
		return
	}
	begun := time.Now()
	list := faultsOf(200)
	if !*deep {
		list = shortFaults()
	}
	sum := errorSum{}
	t.Run("runs", func(t *testing.T) {
		for _, f := range list {
			t.Run(f.String(), func(t *testing.T) {
				t.Parallel()
				o, err := errorRun(t, binary, f)
				if err != nil {
					t.Error(err)
				}
				sum.add(o)
			})
		}
	})
	record(t, "errors", begun,
		fmt.Sprintf("I/O errors: %d runs with one failing call each, %d reports acknowledged, each found; %d messages answered 451", sum.runs, sum.acked, sum.deferred),
		fmt.Sprintf("%s: %d, %s: %d, %s: %d, %s: %d", endNone, sum.ends[endNone], endGoesOn, sum.ends[endGoesOn], endExit, sum.ends[endExit], endStart, sum.ends[endStart]))
}

// shortFaults are the first 5 positions of all, and some further ones.
func shortFaults() []fault {
	list := faultsOf(5)
	for when := 6; len(list) < 60; when++ {
		list = append(list, fault{"fdatasync", "EIO", when}, fault{"pwrite64", "ENOSPC", when})
	}
	return list
}

// How a run of the server with a fault ended.
const (
	endNone   = "the call was never made"
	endGoesOn = "the server went on"
	endExit   = "the server ended with 75"
	endStart  = "the server did not start"
)

// errorOutcome is what one run saw.
type errorOutcome struct {
	acked, deferred int
	end             string
}

// errorSum is what all runs saw.
type errorSum struct {
	mu                    sync.Mutex
	runs, acked, deferred int
	ends                  map[string]int
}

func (s *errorSum) add(o errorOutcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs, s.acked, s.deferred = s.runs+1, s.acked+o.acked, s.deferred+o.deferred
	if s.ends == nil {
		s.ends = map[string]int{}
	}
	s.ends[o.end]++
}

// mailsFor is how many messages a run takes: enough for the call to be reached, since
// calls are counted thread by thread.
func (f fault) mailsFor() int { return 60 + f.when }

// errorRun runs the server with one fault under load, restarts it without one, and
// holds the store against what was acknowledged.
func errorRun(t *testing.T, program string, f fault) (o errorOutcome, err error) {
	t.Helper()
	s := newServer(t, program, filepath.Join(t.TempDir(), "data"))
	out := filepath.Join(t.TempDir(), "trace")
	s.wrap = []string{"strace", "-f", "--seccomp-bpf", "-qq", "-o", out, "-e", "trace=" + f.call, "-e", "signal=none",
		"-e", fmt.Sprintf("inject=%s:error=%s:when=%d", f.call, f.errno, f.when)}
	l := newLedger()
	if err := s.start(); err != nil {
		if !strings.Contains(err.Error(), f.words()) {
			return o, fmt.Errorf("it did not start, and does not say why: %w", err)
		}
		o.end = endStart
	} else if o.end, err = s.underFault(l, f.mailsFor()); err != nil {
		return o, err
	}
	o.acked, o.deferred = l.count(), l.times(451)
	if _, err := verify(s.store(), l); err != nil {
		return o, err
	}
	s.wrap = nil
	return o, s.recovers(l)
}

// words is how the operating system spells the error.
func (f fault) words() string {
	return map[string]syscall.Errno{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC, "EROFS": syscall.EROFS}[f.errno].Error()
}

// underFault loads the server until it ends, or has taken or deferred enough.
func (s *server) underFault(l *ledger, enough int) (end string, err error) {
	clients := startLoad(s.addr, l, 4)
	ended := false
	wait(func() bool {
		select {
		case <-s.exited:
			ended = true
		default:
		}
		return ended || l.count() >= enough || l.times(451) >= enough
	})
	log := s.log.String()
	code := s.end(syscall.SIGKILL)
	clients.stop()
	failed := strings.Contains(log, "could not be stored") || l.times(451) > 0
	switch {
	case ended && code != 75:
		return "", fmt.Errorf("the server ended with %d, want 75\n%s", code, lastLines(log))
	case ended:
		return endExit, nil
	case strings.Contains(log, "outcome of the write is not known"):
		return "", fmt.Errorf("the server went on after a sync that failed\n%s", lastLines(log))
	case failed:
		return endGoesOn, nil
	}
	return endNone, nil
}

// recovers starts the server as it is and sends it one more report.
func (s *server) recovers(l *ledger) error {
	if err := s.start(); err != nil {
		return fmt.Errorf("start again: %w", err)
	}
	clients := startLoad(s.addr, l, 1)
	before := l.count()
	more := wait(func() bool { return l.count() > before })
	s.end(syscall.SIGKILL)
	clients.stop()
	if !more {
		return fmt.Errorf("no report taken after the restart\n%s", lastLines(s.log.String()))
	}
	_, err := verify(s.store(), l)
	return err
}

func lastLines(log string) string { return log[max(0, len(log)-1500):] }

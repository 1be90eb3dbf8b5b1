package command

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchdog(t *testing.T) {
	tests := map[string]struct {
		check func(ctx context.Context, run int) error
		want  int // signs of life in a minute, with WatchdogSec=30s
	}{
		"healthy":  {func(context.Context, int) error { return nil }, 6},
		"failing":  {func(context.Context, int) error { return errors.New("no answer") }, 0},
		"recovers": {func(_ context.Context, run int) error { return onlyWhen(run < 3) }, 4},
		"slow": {func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		}, 0},
		"stuck, and deaf to its deadline": {func(_ context.Context, run int) error {
			if run > 2 {
				time.Sleep(time.Hour)
			}
			return nil
		}, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 59*time.Second)
				defer cancel()
				run, got := 0, 0
				w := &watchdog{
					every:  30 * time.Second,
					check:  func(ctx context.Context) error { run++; return test.check(ctx, run) },
					notify: func(string) { got++ },
					log:    slog.New(slog.DiscardHandler),
				}
				w.run(ctx)
				if got != test.want {
					t.Errorf("got %d signs of life, want %d", got, test.want)
				}
			})
		})
	}
}

func onlyWhen(failing bool) error {
	if failing {
		return errors.New("not yet")
	}
	return nil
}

// TestOwnPorts: silence counts only after an answer.
func TestOwnPorts(t *testing.T) {
	greetings := make(chan string, 1)
	defer close(greetings)
	l := greeter(t, greetings)
	var told bytes.Buffer
	own := &ownPorts{ports: []*ownPort{{addr: l.Addr()}}, log: slog.New(slog.NewTextHandler(&told, nil))}

	for range 2 {
		greetings <- "554 go away\r\n"
		if err := own.check(t.Context()); err != nil {
			t.Errorf("got %v of a port that never answered, want nil", err)
		}
	}
	if n := strings.Count(told.String(), "level=WARN"); n != 1 {
		t.Errorf("got %d warnings, want 1:\n%s", n, told.String())
	}
	for _, answer := range []string{"220 mx.example.net ready\r\n", "421 4.3.2 too many\r\n"} {
		greetings <- answer
		if err := own.check(t.Context()); err != nil {
			t.Errorf("got %v after %q, want nil", err, answer)
		}
	}
	greetings <- ""
	if err := own.check(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("got %v of a port that has become silent, want %v", err, io.EOF)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := own.check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v after the end, want %v", err, context.Canceled)
	}
}

// greeter says one greeting to each client and hangs up.
func greeter(t *testing.T, greetings <-chan string) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for greeting := range greetings {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, greeting)
			c.Close()
		}
	}()
	return l
}

func TestReachable(t *testing.T) {
	tests := map[string]struct{ addr, want string }{
		"everywhere":       {"0.0.0.0:25", "127.0.0.1:25"},
		"everywhere, IPv6": {"[::]:25", "[::1]:25"},
		"one address":      {"192.0.2.1:25", "192.0.2.1:25"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			addr, err := net.ResolveTCPAddr("tcp", test.addr)
			if err != nil {
				t.Fatal(err)
			}
			if got := reachable(addr).String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	if got := reachable(&net.UnixAddr{Name: "/run/s", Net: "unix"}).String(); got != "/run/s" {
		t.Errorf("got %s of a Unix socket, want /run/s", got)
	}
}

package smtpd

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipeListener accepts the connections it was made with, then waits to be closed.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener(conns ...net.Conn) *pipeListener {
	l := &pipeListener{conns: make(chan net.Conn, len(conns)), done: make(chan struct{})}
	for _, c := range conns {
		l.conns <- c
	}
	return l
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestTime plays slow clients in a time of their own, over pipes.
func TestTime(t *testing.T) {
	drip := func(c *client, dripping *sync.WaitGroup, what string, every time.Duration) {
		dripping.Go(func() {
			for {
				if _, err := io.WriteString(c.Conn, what); err != nil {
					return
				}
				time.Sleep(every)
			}
		})
	}
	tests := []struct {
		name   string
		play   func(c *client, d *sync.WaitGroup)
		reply  string
		end    string
		within time.Duration
	}{
		{"silent from the start", func(c *client, d *sync.WaitGroup) { c.want("220 ") }, "421 4.4.2", EndTimeout, 61 * time.Second},
		{"command byte by byte", func(c *client, d *sync.WaitGroup) { c.want("220 "); drip(c, d, "N", 5*time.Second) }, "421 4.4.2", EndTimeout, 61 * time.Second},
		{"silent in the middle", func(c *client, d *sync.WaitGroup) { c.toMessage() }, "421 4.4.2", EndTimeout, 61 * time.Second},
		{"useless command each minute", func(c *client, d *sync.WaitGroup) {
			c.want("220 ")
			time.Sleep(55 * time.Second)
			c.say("NOOP", "250 ")
		}, "421 4.4.2", EndTimeout, 91 * time.Second},
		{"content stops", func(c *client, d *sync.WaitGroup) {
			c.toMessage()
			c.say("DATA", "354 ")
			c.send(strings.Repeat("x", 60_000))
		}, "421 4.4.2", EndData, 61 * time.Second},
		{"content drips", func(c *client, d *sync.WaitGroup) { c.toMessage(); c.say("DATA", "354 "); drip(c, d, "x", time.Second) }, "421 4.4.2", EndSlow, 32 * time.Second},
		{"chunk drips", func(c *client, d *sync.WaitGroup) {
			c.toMessage()
			c.send("BDAT 9999 LAST\r\n")
			drip(c, d, "x", time.Second)
		}, "421 4.4.2", EndSlow, 32 * time.Second},
		{"much content, then it drips", func(c *client, d *sync.WaitGroup) {
			c.toMessage()
			c.say("DATA", "354 ")
			c.send(strings.Repeat(strings.Repeat("x", 998)+"\r\n", 1000))
			drip(c, d, "x", 50*time.Second)
		}, "421 4.4.2", EndSlow, 92 * time.Second},
		{"content goes on for ever", func(c *client, d *sync.WaitGroup) {
			c.toMessage()
			c.say("DATA", "354 ")
			drip(c, d, strings.Repeat("x\r\n", 500), time.Second)
		}, "421 4.4.2", EndSession, 16 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				b := startOn(t, Config{}, &sink{}, newPipeListener(there))
				c := newClient(t, here)
				c.SetDeadline(time.Now().Add(time.Hour))
				begun := time.Now()
				var dripping sync.WaitGroup
				test.play(c, &dripping)
				c.want(test.reply)
				if took := time.Since(begun); took > test.within {
					t.Errorf("time: got %v, want at most %v", took, test.within)
				}
				c.Close()
				dripping.Wait()
				if ends := b.ends(t); !slices.Equal(ends, []string{test.end}) {
					t.Errorf("ends: got %v, want [%s]", ends, test.end)
				}
			})
		})
	}
}

// TestHonestSlowSender is at the minimum rate and gets through.
func TestHonestSlowSender(t *testing.T) {
	tests := []struct {
		name  string
		wait  time.Duration // of the handler before it reads
		lines int           // of 600 bytes, before each pause
		pause time.Duration
		times int
	}{
		{"a line each second", 0, 1, time.Second, 300},
		{"with pauses", 0, 60, 55 * time.Second, 10},
		{"behind a wait of ours", 5 * time.Minute, 60, 55 * time.Second, 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				s := &sink{data: func(_ context.Context, _ *Envelope, r io.Reader) Reply {
					time.Sleep(test.wait)
					io.Copy(io.Discard, r)
					return Reply{250, [3]int{2, 0, 0}, "taken"}
				}}
				b := startOn(t, Config{}, s, newPipeListener(there))
				c := newClient(t, here)
				c.SetDeadline(time.Now().Add(time.Hour))
				c.toMessage()
				c.say("DATA", "354 ")
				for range test.times {
					c.send(strings.Repeat(strings.Repeat("x", 598)+"\r\n", test.lines))
					time.Sleep(test.pause)
				}
				c.say(".", "250 ", "QUIT", "221 ")
				c.Close()
				b.stop()
			})
		})
	}
}

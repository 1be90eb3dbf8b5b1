package smtpd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// TestHangUpBehindFirstChunk leaves while go-smtp is about to call Data in a goroutine
// of its own, which must meet its session all the same.
func TestHangUpBehindFirstChunk(t *testing.T) {
	b := start(t, Config{MaxPerAddress: -1, GreetPause: -1}, &sink{})
	for range 100 {
		c := dial(t, b.addr)
		c.toMessage()
		c.send("BDAT 0\r\n")
		c.Close()
	}
	b.stop()
	if log := b.log.String(); strings.Contains(log, "panic") {
		t.Errorf("log: got %s, want no panic", log)
	}
}

func TestShutdown(t *testing.T) {
	t.Run("idle gets 421, DATA in flight finishes", func(t *testing.T) {
		b := start(t, Config{Certificate: testCertificate(t)}, &sink{})
		idle, busy, chunks := dial(t, b.addr), dial(t, b.addr), dial(t, b.addr)
		idle.toMessage()
		busy.toMessage()
		busy.say("DATA", "354 ")
		chunks.toMessage()
		chunks.send("BDAT 3\r\none")
		chunks.want("250 ")
		plain := dial(t, b.addr)
		plain.want("220 ")
		plain.say("EHLO client.example", "250-")
		secure := plain.startTLS()
		secure.say("EHLO client.example", "250-")

		stopped := make(chan struct{})
		go func() { b.stop(); close(stopped) }()
		idle.want("421 4.3.2")
		secure.want("421 4.3.2")
		busy.say("x\r\n.", "250 2.0.0")
		busy.want("421 4.3.2")
		chunks.send("BDAT 3 LAST\r\ntwo")
		chunks.want("250 2.0.0")
		chunks.want("421 4.3.2")
		for _, c := range []*client{idle, secure, busy, chunks} {
			c.want("")
			c.Close()
		}
		plain.Close()
		<-stopped
		if _, err := net.Dial("tcp", b.addr); err == nil {
			t.Error("dial after shutdown: got a connection")
		}
	})
	t.Run("stuck client is cut off", func(t *testing.T) {
		s := &sink{}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv, err := New(Config{Hostname: "mx.example.net", Logger: slog.New(slog.DiscardHandler)}, s)
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(l) }()
		c := dial(t, l.Addr().String())
		c.toMessage()
		c.say("DATA", "354 ")
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shutdown: got %v, want the context's error", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: got %v, want no error", err)
		}
		if err := srv.Serve(); !errors.Is(err, ErrClosed) {
			t.Errorf("serve again: got %v, want ErrClosed", err)
		}
	})
	t.Run("handler is told", func(t *testing.T) {
		s := &sink{seen: make(chan struct{}, 1)}
		s.data = func(ctx context.Context, _ *Envelope, r io.Reader) Reply {
			io.Copy(io.Discard, r)
			<-ctx.Done()
			return Reply{451, [3]int{4, 3, 0}, "cancelled"}
		}
		b := start(t, Config{}, s)
		c := dial(t, b.addr)
		c.toMessage()
		c.say("DATA", "354 ")
		c.send(".\r\n")
		<-s.seen
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := b.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("shutdown: got %v, want the context's error", err)
		}
	})
}

// TestHandlerKeepsTheTurn resets while the handler still reads chunks: its calls never
// overlap, and the next message is its own.
func TestHandlerKeepsTheTurn(t *testing.T) {
	b := start(t, Config{}, &sink{})
	c := dial(t, b.addr)
	c.toMessage()
	for range 5 {
		c.send("BDAT 4\r\nlost")
		c.want("250 ")
		c.say("RSET", "250 ", "MAIL FROM:<b@example.com>", "250 ", "RCPT TO:<dmarc@reports.example.net>", "250 ")
	}
	c.send("BDAT 4 LAST\r\nkept")
	c.want("250 ")
	b.stop()
	all := b.sink.all()
	if len(all) != 1 || all[0].body != "kept" || all[0].env.MailFrom != "b@example.com" {
		t.Errorf("messages: got %+v, want only the last", all)
	}
}

func TestSessionLine(t *testing.T) {
	b := start(t, Config{}, &sink{})
	c := dial(t, b.addr)
	c.toMessage()
	c.say("DATA", "354 ", ".", "250 ", "QUIT", "221 ")
	b.stop()
	line := b.log.String()
	for _, want := range []string{"session ended", "client_ip=127.0.0.1", "helo=client.example", "accepted=1", "refused=0", "end=quit"} {
		if !strings.Contains(line, want) {
			t.Errorf("log: got %q, want it to have %q", line, want)
		}
	}
	if n := strings.Count(line, "\n"); n != 1 {
		t.Errorf("log: got %d lines, want 1", n)
	}
}

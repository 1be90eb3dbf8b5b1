package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is a Handler that takes everything for reports.example.net and keeps it.
type sink struct {
	mu       sync.Mutex
	messages []stored
	data     func(ctx context.Context, env *Envelope, r io.Reader) Reply // in place of the default
	seen     chan struct{}                                               // gets a value when Data begins
}

type stored struct {
	env  Envelope
	body string
}

func (s *sink) Mail(_ context.Context, env *Envelope, _ int64) *Reply {
	if env.MailFrom == "panic@example.com" {
		panic("asked to")
	}
	return nil
}

func (s *sink) Rcpt(_ context.Context, _ *Envelope, rcpt string) *Reply {
	if !strings.HasSuffix(rcpt, "@reports.example.net") {
		return &Reply{550, [3]int{5, 7, 1}, "not a relay"}
	}
	if strings.HasPrefix(rcpt, "nobody") {
		return &Reply{550, [3]int{5, 1, 1}, "no such address"}
	}
	return nil
}

func (s *sink) Data(ctx context.Context, env *Envelope, r io.Reader) Reply {
	if s.seen != nil {
		s.seen <- struct{}{}
	}
	if s.data != nil {
		return s.data(ctx, env, r)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		// A careless handler: the server must not believe it.
		return Reply{250, [3]int{2, 0, 0}, "taken in spite of " + err.Error()}
	}
	switch {
	case bytes.Contains(b, []byte("please panic")):
		panic("asked to")
	case bytes.Contains(b, []byte("please refuse")):
		return Reply{554, [3]int{5, 6, 0}, "no DMARC report in this message"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, stored{*env, string(b)})
	return Reply{250, [3]int{2, 0, 0}, fmt.Sprintf("stored as %d", len(s.messages))}
}

func (s *sink) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = nil
}

func (s *sink) all() []stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]stored(nil), s.messages...)
}

// tally is an Observer that remembers.
type tally struct {
	mu       sync.Mutex
	opened   int
	closed   []Summary
	refused  []string
	panicked int
	codes    []int
}

func (t *tally) Opened()          { t.mu.Lock(); t.opened++; t.mu.Unlock() }
func (t *tally) Closed(s Summary) { t.mu.Lock(); t.closed = append(t.closed, s); t.mu.Unlock() }
func (t *tally) Refused(reason string) {
	t.mu.Lock()
	t.refused = append(t.refused, reason)
	t.mu.Unlock()
}
func (t *tally) Replied(code int) { t.mu.Lock(); t.codes = append(t.codes, code); t.mu.Unlock() }
func (t *tally) Panicked()        { t.mu.Lock(); t.panicked++; t.mu.Unlock() }

// bench is a running server with what it reports to.
type bench struct {
	*Server
	addr string
	sink *sink
	seen *tally
	log  *lockedBuffer
	stop func() // Shutdown with a context long enough; may be called twice
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a server on loopback; cfg is completed for tests.
func start(t testing.TB, cfg Config, s *sink) *bench {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, cfg, s, l)
}

func startOn(t testing.TB, cfg Config, s *sink, l net.Listener) *bench {
	t.Helper()
	b := &bench{sink: s, seen: &tally{}, log: &lockedBuffer{}, addr: l.Addr().String()}
	cfg.Hostname = "mx.example.net"
	cfg.PostmasterDomain = "reports.example.net"
	if cfg.Observer == nil {
		cfg.Observer = b.seen
	}
	level := slog.LevelDebug
	if _, fuzz := t.(*testing.F); fuzz {
		level = slog.LevelWarn
	}
	cfg.Logger = slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: level}))
	srv, err := New(cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	b.Server = srv
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	var once sync.Once
	b.stop = func() {
		once.Do(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := srv.Shutdown(ctx); err != nil {
				t.Errorf("shutdown: got %v, want no error", err)
			}
			if err := <-served; err != nil {
				t.Errorf("serve: got %v, want no error", err)
			}
		})
	}
	t.Cleanup(b.stop)
	return b
}

// client is the other end, byte for byte.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, c)
}

func newClient(t testing.TB, c net.Conn) *client {
	c.SetDeadline(time.Now().Add(20 * time.Second))
	t.Cleanup(func() { c.Close() })
	return &client{t, c, bufio.NewReader(c)}
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, s); err != nil {
		c.t.Fatalf("send %.40q: %v", s, err)
	}
}

// reply reads one whole reply, its lines joined by LF; "" at the end of input.
func (c *client) reply() string {
	c.t.Helper()
	var lines []string
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return strings.Join(lines, "\n")
		}
		lines = append(lines, strings.TrimRight(line, "\r\n"))
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, "\n")
		}
	}
}

func (c *client) want(prefix string) {
	c.t.Helper()
	if got := c.reply(); !strings.HasPrefix(got, prefix) || (prefix == "" && got != "") {
		c.t.Fatalf("reply: got %q, want %q…", got, prefix)
	}
}

// say sends lines one at a time and wants a reply of the given beginning to each.
func (c *client) say(pairs ...string) {
	c.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		c.send(pairs[i] + "\r\n")
		c.want(pairs[i+1])
	}
}

// toMessage goes on to where DATA or BDAT may come.
func (c *client) toMessage() {
	c.t.Helper()
	c.want("220 ")
	c.say("EHLO client.example", "250-", "MAIL FROM:<a@example.com>", "250 ", "RCPT TO:<dmarc@reports.example.net>", "250 ")
}

func (c *client) startTLS() *client {
	c.t.Helper()
	c.say("STARTTLS", "220 ")
	return newClient(c.t, tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true}))
}

func (b *bench) ends(t *testing.T) []string {
	t.Helper()
	b.stop()
	var ends []string
	for _, s := range b.seen.closed {
		ends = append(ends, s.End)
	}
	if b.seen.opened != len(ends) {
		t.Errorf("sessions: got %d closed, want the %d opened", len(ends), b.seen.opened)
	}
	return ends
}

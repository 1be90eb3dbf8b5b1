package smtpd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSmuggling sends what looks like an end of data and is none, with a second mail
// behind it: it stays one message, and the bytes are kept as they came.
func TestSmuggling(t *testing.T) {
	const inner = "MAIL FROM:<evil@example.com>\r\nRCPT TO:<dmarc@reports.example.net>\r\nDATA\r\nsecond\r\n"
	spellings := []string{
		"\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\n.\r", "\r\n.\n", "\r\n\x00.\r\n", "\r\n.\x00\r\n",
		"\r\r\n.\r\n", "\r\r\n.\r\r\n", "\r\n.\r\r\n", "\r\n.\r", "\n\n.\n\n", "\r\n. \r\n", "\r\n..\r\n", "\xc2\x85.\xc2\x85",
	}
	// go-smtp takes the dot of a line away, and a bare CR behind it as well.
	kept := map[string]string{
		"\r\n.\n": "\r\n\n", "\r\n.\x00\r\n": "\r\n\x00\r\n", "\r\n.\r\r\n": "\r\n\r\n", "\r\n.\r": "\r\n",
		"\r\n. \r\n": "\r\n \r\n", "\r\n..\r\n": "\r\n.\r\n",
	}
	for _, secure := range []string{"plain", "TLS"} {
		b := start(t, Config{Certificate: testCertificate(t)}, &sink{})
		for i, end := range spellings {
			t.Run(fmt.Sprintf("%s/%q", secure, end), func(t *testing.T) {
				c := dial(t, b.addr)
				c.want("220 ")
				c.say("EHLO client.example", "250-")
				if secure == "TLS" {
					c = c.startTLS()
					c.say("EHLO client.example", "250-")
				}
				c.say("MAIL FROM:<a@example.com>", "250 ", "RCPT TO:<dmarc@reports.example.net>", "250 ", "DATA", "354 ")
				c.send("first" + end + inner + "end\r\n.\r\n")
				c.want(fmt.Sprintf("250 2.0.0 stored as %d", i+1))
				c.say("QUIT", "221 ")
				want := end
				if k, ok := kept[end]; ok {
					want = k
				}
				want = "first" + want + inner + "end\r\n"
				if got := b.sink.all()[i].body; got != want {
					t.Errorf("body: got %q, want %q", got, want)
				}
			})
		}
	}
}

// TestBrokenOff cuts a message at every place where go-smtp would take the rest for
// whole or for commands.
func TestBrokenOff(t *testing.T) {
	tests := []struct {
		name, send, reply string
	}{
		{"last chunk", "BDAT 100 LAST\r\nshort", "451 4.4.2"},
		{"first chunk", "BDAT 100\r\nshort", "451 4.4.2"},
		{"empty last chunk", "BDAT 100 LAST\r\n", "451 4.4.2"},
		{"data", "DATA\r\n", "354 "},
	}
	for _, secure := range []string{"plain", "TLS"} {
		for _, test := range tests {
			t.Run(secure+"/"+test.name, func(t *testing.T) {
				b := start(t, Config{Certificate: testCertificate(t)}, &sink{})
				c := dial(t, b.addr)
				c.toMessage()
				if secure == "TLS" {
					c.say("RSET", "250 ")
					c = c.startTLS()
					c.say("EHLO client.example", "250-", "MAIL FROM:<a@example.com>", "250 ", "RCPT TO:<dmarc@reports.example.net>", "250 ")
				}
				c.send(test.send)
				if test.reply == "354 " {
					c.want("354 ")
					c.send("half a mess")
				}
				c.Conn.(interface{ CloseWrite() error }).CloseWrite()
				c.want("451 4.4.2")
				c.want("")
				if ends := b.ends(t); !slices.Equal(ends, []string{EndClosed}) {
					t.Errorf("ends: got %v, want [closed]", ends)
				}
				if got := b.seen.closed[0]; got.Accepted != 0 {
					t.Errorf("accepted: got %d, want 0", got.Accepted)
				}
			})
		}
	}
}

// TestStalledContent lets content stall and then sends commands: the client is told,
// and nothing of it runs.
func TestStalledContent(t *testing.T) {
	for _, begin := range []string{"DATA\r\n", "BDAT 1000 LAST\r\n"} {
		t.Run(strings.Fields(begin)[0], func(t *testing.T) {
			b := start(t, Config{DataTimeout: 50 * time.Millisecond}, &sink{})
			c := dial(t, b.addr)
			c.toMessage()
			c.send(begin)
			if strings.HasPrefix(begin, "DATA") {
				c.want("354 ")
			}
			c.send("half a line")
			c.want("421 4.4.2")
			io.WriteString(c.Conn, "\r\n.\r\nMAIL FROM:<evil@example.com>\r\n")
			c.want("")
			if ends := b.ends(t); !slices.Equal(ends, []string{EndData}) {
				t.Errorf("ends: got %v, want [%s]", ends, EndData)
			}
		})
	}
}

func TestLongLineOfContent(t *testing.T) {
	b := start(t, Config{MaxLineBytes: 5000}, &sink{})
	c := dial(t, b.addr)
	c.toMessage()
	c.say("DATA", "354 ")
	c.send(strings.Repeat("x", 6000) + "\r\n.\r\n")
	c.want("554 5.6.0")

	c = dial(t, b.addr)
	c.toMessage()
	c.say("DATA", "354 ", strings.Repeat("x", 4900)+"\r\n.", "250 ")
}

// TestDrainIsBounded sends on and on after the limit: the server hangs up.
func TestDrainIsBounded(t *testing.T) {
	b := start(t, Config{MaxMessageBytes: 10_000}, &sink{})
	c := dial(t, b.addr)
	c.toMessage()
	c.say("DATA", "354 ")
	go func() {
		line := []byte(strings.Repeat("x", 998) + "\r\n")
		for range 50_000 {
			if _, err := c.Conn.Write(line); err != nil {
				return
			}
		}
	}()
	if got := c.reply(); got != "" && !strings.HasPrefix(got, "552 5.3.4") {
		t.Errorf("reply: got %q, want 552 5.3.4 or a closed connection", got)
	}
	if ends := b.ends(t); !slices.Equal(ends, []string{EndBytes}) {
		t.Errorf("ends: got %v, want [%s]", ends, EndBytes)
	}
	if got := b.seen.closed[0].Bytes; got > 2<<20 {
		t.Errorf("bytes read: got %d, want at most 2 MiB", got)
	}
}

func TestConnectionLimits(t *testing.T) {
	tests := []struct {
		name   string
		cfg    Config
		reply  string
		reason string
	}{
		{"in all", Config{MaxConnections: 2}, "421 4.3.2", EndFull},
		{"per address", Config{MaxPerAddress: 2}, "421 4.7.0", EndAddress},
		{"rate", Config{ConnectionsPerMinute: 4}, "421 4.7.0", EndRate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := start(t, test.cfg, &sink{})
			for range 2 {
				dial(t, b.addr).want("220 ")
			}
			c := dial(t, b.addr)
			c.want(test.reply)
			c.want("")
			b.stop()
			if !slices.Equal(b.seen.refused, []string{test.reason}) {
				t.Errorf("refused: got %v, want [%s]", b.seen.refused, test.reason)
			}
		})
	}
	t.Run("place is given back", func(t *testing.T) {
		b := start(t, Config{MaxPerAddress: 1}, &sink{})
		for range 20 {
			c := dial(t, b.addr)
			for got := c.reply(); strings.HasPrefix(got, "421"); got = c.reply() {
				c = dial(t, b.addr) // the server has not yet seen the last one end
			}
			c.say("QUIT", "221 ")
			c.want("")
		}
	})
	t.Run("exempt", func(t *testing.T) {
		b := start(t, Config{MaxPerAddress: 1, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, &sink{})
		dial(t, b.addr).want("220 ")
		dial(t, b.addr).want("220 ")
	})
}

// scarceListener has no descriptor for the first client.
type scarceListener struct {
	*pipeListener
	tries int
}

func (l *scarceListener) Accept() (net.Conn, error) {
	if l.tries++; l.tries == 1 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.pipeListener.Accept()
}

func TestOutOfDescriptors(t *testing.T) {
	first, firstThere := net.Pipe()
	second, secondThere := net.Pipe()
	b := startOn(t, Config{}, &sink{}, &scarceListener{pipeListener: newPipeListener(firstThere, secondThere)})
	newClient(t, first).want("421 4.3.2")
	c := newClient(t, second)
	c.want("220 ")
	c.say("QUIT", "221 ")
	b.stop()
	if !slices.Equal(b.seen.refused, []string{EndDescriptor}) {
		t.Errorf("refused: got %v, want [%s]", b.seen.refused, EndDescriptor)
	}
}

func TestPrefixes(t *testing.T) {
	tests := []struct{ address, near, wide string }{
		{"192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"},
	}
	for _, test := range tests {
		near, wide := prefixes(netip.MustParseAddr(test.address))
		if near.String() != test.near || wide.String() != test.wide {
			t.Errorf("%s: got %s and %s, want %s and %s", test.address, near, wide, test.near, test.wide)
		}
	}
}

func TestEarlyTalker(t *testing.T) {
	b := start(t, Config{GreetPause: 10 * time.Second}, &sink{})
	c := dial(t, b.addr)
	c.send("EHLO client.example\r\n")
	c.want("554 5.5.0")
	c.want("")
	if ends := b.ends(t); !slices.Equal(ends, []string{EndSync}) {
		t.Errorf("ends: got %v, want [%s]", ends, EndSync)
	}
}

// TestMessagesResetTheCount sends far more commands than lead to no message.
func TestMessagesResetTheCount(t *testing.T) {
	b := start(t, Config{}, &sink{})
	c := dial(t, b.addr)
	c.want("220 ")
	c.say("EHLO client.example", "250-")
	for n := range 60 {
		c.say("RSET", "250 ", "MAIL FROM:<a@example.com>", "250 ", "RCPT TO:<dmarc@reports.example.net>", "250 ")
		if n%2 == 0 {
			c.say("DATA", "354 ", ".", "250 ")
			continue
		}
		c.send("BDAT 1 LAST\r\nx")
		c.want("250 ")
	}
	c.say("QUIT", "221 ")
}

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

func TestMessagesPerSession(t *testing.T) {
	b := start(t, Config{MaxMessages: 1}, &sink{})
	c := dial(t, b.addr)
	c.toMessage()
	c.say("DATA", "354 ", ".", "250 ", "MAIL FROM:<a@example.com>", "421 4.7.0")
	c.want("")
	if ends := b.ends(t); !slices.Equal(ends, []string{EndMessages}) {
		t.Errorf("ends: got %v, want [%s]", ends, EndMessages)
	}
}

// TestStartTLS checks that nothing said in plaintext counts behind the handshake.
func TestStartTLS(t *testing.T) {
	b := start(t, Config{Certificate: testCertificate(t)}, &sink{})
	c := dial(t, b.addr)
	c.toMessage()
	s := c.startTLS()
	s.say("RCPT TO:<dmarc@reports.example.net>", "502 ", "MAIL FROM:<a@example.com>", "502 ")
	s.send("EHLO other.example\r\n")
	if got := s.reply(); strings.Contains(got, "STARTTLS") || strings.Contains(got, "AUTH") || !strings.Contains(got, "CHUNKING") {
		t.Errorf("reply to EHLO: got %q, want neither STARTTLS nor AUTH", got)
	}
	s.say("STARTTLS", "502 ", "MAIL FROM:<a@example.com>", "250 ", "RCPT TO:<Postmaster>", "250 ", "DATA", "354 ", "x\r\n.", "250 ", "QUIT", "221 ")
	env := b.sink.all()[0].env
	if !strings.HasPrefix(env.TLS, "TLS 1.3 TLS_") || env.Helo != "other.example" || !env.Extended {
		t.Errorf("envelope: got %+v, want TLS 1.3 and other.example by EHLO", env)
	}
	if !slices.Equal(env.RcptTo, []string{"postmaster@reports.example.net"}) {
		t.Errorf("recipients: got %v", env.RcptTo)
	}
	if ends := b.ends(t); !slices.Equal(ends, []string{EndQuit}) {
		t.Errorf("ends: got %v, want [%s]", ends, EndQuit)
	}
	if got := b.seen.closed[0]; got.TLS != env.TLS || got.Accepted != 1 {
		t.Errorf("summary: got %+v, want TLS and one message", got)
	}
}

func TestHandshakeThatFailsCloses(t *testing.T) {
	b := start(t, Config{Certificate: testCertificate(t)}, &sink{})
	c := dial(t, b.addr)
	c.want("220 ")
	c.say("EHLO client.example", "250-", "STARTTLS", "220 ")
	c.send("MAIL FROM:<a@example.com>\r\n")
	rest, _ := io.ReadAll(c.r)
	if strings.Contains(string(rest), "250") {
		t.Errorf("after garbage: got %q, want no reply in plaintext", rest)
	}
	if ends := b.ends(t); !slices.Equal(ends, []string{EndTLS}) {
		t.Errorf("ends: got %v, want [%s]", ends, EndTLS)
	}
}

func TestProxy(t *testing.T) {
	from := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	t.Run("header from a proxy", func(t *testing.T) {
		b := start(t, Config{ProxyFrom: from}, &sink{})
		c := dial(t, b.addr)
		c.send("PROXY TCP4 192.0.2.7 198.51.100.1 4000 25\r\n")
		c.toMessage()
		c.say("DATA", "354 ", ".", "250 ", "QUIT", "221 ")
		if got := b.sink.all()[0].env.ClientIP.String(); got != "192.0.2.7" {
			t.Errorf("client_ip: got %s, want 192.0.2.7", got)
		}
	})
	t.Run("no header from a proxy", func(t *testing.T) {
		b := start(t, Config{ProxyFrom: from}, &sink{})
		c := dial(t, b.addr)
		c.send("EHLO client.example\r\nNOOP is not a header\r\n")
		if got := c.reply(); strings.HasPrefix(got, "220") {
			t.Errorf("reply: got %q, want no greeting", got)
		}
		if ends := b.ends(t); !slices.Equal(ends, []string{EndProxy}) {
			t.Errorf("ends: got %v, want [%s]", ends, EndProxy)
		}
	})
	t.Run("header from anybody else", func(t *testing.T) {
		b := start(t, Config{GreetPause: 10 * time.Second}, &sink{})
		c := dial(t, b.addr)
		c.send("PROXY TCP4 192.0.2.7 198.51.100.1 4000 25\r\n")
		c.want("554 5.5.0")
	})
	t.Run("limit is that of the client behind", func(t *testing.T) {
		b := start(t, Config{ProxyFrom: from, MaxPerAddress: 1}, &sink{})
		for _, step := range []struct{ address, reply string }{{"192.0.2.7", "220 "}, {"192.0.2.8", "220 "}, {"192.0.2.7", "421 4.7.0"}} {
			c := dial(t, b.addr)
			c.send("PROXY TCP4 " + step.address + " 198.51.100.1 4000 25\r\n")
			c.want(step.reply)
		}
	})
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

// TestPipelinedRepliesLeaveTogether counts the packets: RFC 2920 §3.2.
func TestPipelinedRepliesLeaveTogether(t *testing.T) {
	here, there := net.Pipe()
	l := newPipeListener(there)
	b := startOn(t, Config{GreetPause: -1}, &sink{}, l)
	c := newClient(t, here)
	c.r = bufio.NewReaderSize(here, 64<<10)
	c.want("220 ")
	c.say("EHLO client.example", "250-")
	go io.WriteString(here, "MAIL FROM:<a@example.com>\r\nRCPT TO:<a@reports.example.net>\r\nRCPT TO:<b@reports.example.net>\r\nDATA\r\n")
	buf := make([]byte, 4096)
	n, err := here.Read(buf) // one write of the other end
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(buf[:n]), "\r\n"); got != 4 {
		t.Errorf("replies in one write: got %d (%q), want 4", got, buf[:n])
	}
	here.Close()
	b.stop()
}

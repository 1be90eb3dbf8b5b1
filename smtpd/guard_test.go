package smtpd

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
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

// TestGoneBefore354 hangs up where the server is about to ask for content: that is no
// empty message.
func TestGoneBefore354(t *testing.T) {
	here, there := net.Pipe()
	ended := ending{summary: make(chan Summary, 1)}
	b := startOn(t, Config{Observer: ended}, &sink{}, newPipeListener(there))
	c := newClient(t, here)
	c.toMessage()
	c.send("DATA\r\n") // over a pipe the 354 waits for a reader
	c.Close()
	if got := <-ended.summary; got.Accepted != 0 || got.End != EndError {
		t.Errorf("summary: got %d messages and end %s, want none and %s", got.Accepted, got.End, EndError)
	}
	if got := b.sink.all(); len(got) != 0 {
		t.Errorf("messages: got %d, want none", len(got))
	}
}

// ending is an Observer that hands on how a session ended.
type ending struct {
	nobody
	summary chan Summary
}

func (e ending) Closed(s Summary) { e.summary <- s }

// TestStalledContent lets content stall and then sends commands: the client is told,
// and nothing of it runs.
func TestStalledContent(t *testing.T) {
	for _, begin := range []string{"DATA\r\n", "BDAT 1000 LAST\r\n"} {
		t.Run(strings.Fields(begin)[0], func(t *testing.T) {
			b := start(t, Config{DataTimeout: 300 * time.Millisecond}, &sink{})
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

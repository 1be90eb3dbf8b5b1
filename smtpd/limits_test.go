package smtpd

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

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

package smtpd

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// open is a server without limits on connections, on a Unix socket: thousands of
// connections a second would use up the ports.
func open(f *testing.F, s *sink) *bench {
	l, err := net.Listen("unix", filepath.Join(f.TempDir(), "smtp"))
	if err != nil {
		f.Fatal(err)
	}
	return startOn(f, Config{
		MaxMessageBytes: 100_000, MaxPerAddress: -1, ConnectionsPerMinute: -1, GreetPause: -1,
		Observer: nobody{}, // a tally would grow
	}, s, l)
}

// FuzzDialog sends anything at all. Whatever it is, each reply is a well-formed line
// that echoes nothing dangerous, and no panic reaches go-smtp.
func FuzzDialog(f *testing.F) {
	const greet = "EHLO client.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<Postmaster>\r\n"
	for _, seed := range []string{
		"QUIT\r\n", greet + "BDAT 3\r\nabcRSET\r\n" + greet + "BDAT 0 LAST\r\n", greet + "BDAT 3\r\nabcBDAT 9 LAST\r\nab",
		"EHLO \x1b[31m\r\nHELO a\x00\r\n", "MAIL FROM:<\xff@x> SMTPUTF8\r\n", "STARTTLS\r\nNOOP\r\n", "BDAT 99999999999\r\n",
		greet + "DATA\r\n", strings.Repeat("NOOP\n", 30), "RCPT TO: <postmaster> NOTIFY=NEVER\r\n\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	b := open(f, &sink{})
	f.Fuzz(func(t *testing.T, input []byte) {
		c, err := net.Dial("unix", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		go func() {
			c.Write(input)
			c.(*net.UnixConn).CloseWrite()
		}()
		replies, err := io.ReadAll(c)
		if err != nil && !strings.Contains(err.Error(), "reset by peer") {
			t.Fatalf("read: %v after %q", err, replies)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(string(replies), "\r\n"), "\r\n") {
			if code, _ := replyCode([]byte(line)); code < 200 || code > 599 || line[3] != ' ' && line[3] != '-' {
				t.Errorf("reply: got %q, want a code", line)
			}
			if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 }) {
				t.Errorf("reply: got %q, want no control characters", line)
			}
		}
		if log := b.log.String(); strings.Contains(log, "panic") {
			t.Fatal(log)
		}
	})
}

// FuzzContent sends one body by chunks, cut anywhere, and by DATA: the chunks keep
// each byte, and DATA is the same message when dots are stuffed.
func FuzzContent(f *testing.F) {
	for _, seed := range []string{"", "one\r\n.two\r\n", "\r\n.\r\n", "RCPT TO:<Postmaster>\r\n", "a\n.\nb\r.\rc\r\n", ".\r\n.", "\x00\xff"} {
		f.Add([]byte(seed), uint16(3))
	}
	s := &sink{}
	b := open(f, s)
	f.Fuzz(func(t *testing.T, content []byte, cut uint16) {
		if len(content) > 50_000 || bytes.Contains(content, []byte("please ")) { // words that the sink obeys
			return
		}
		s.forget()
		conn, err := net.Dial("unix", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, conn)
		c.toMessage()
		at := min(int(cut), len(content))
		c.send(fmt.Sprintf("BDAT %d\r\n%sBDAT %d LAST\r\n%s", at, content[:at], len(content)-at, content[at:]))
		c.want("250 2.0.0 Continue")
		c.want("250 2.0.0 stored")
		c.say("MAIL FROM:<a@example.com>", "250 ", "RCPT TO:<dmarc@reports.example.net>", "250 ", "DATA", "354 ")
		// A second CR hides the line's end from go-smtp, so do not send one.
		lines := bytes.ReplaceAll(content, []byte("\r\r"), []byte("\r"))
		for bytes.Contains(lines, []byte("\r\r")) {
			lines = bytes.ReplaceAll(lines, []byte("\r\r"), []byte("\r"))
		}
		lines = append(bytes.TrimSuffix(lines, []byte("\r")), "\r\n"...)
		c.send(string(stuff(lines)) + ".\r\n")
		c.want("250 2.0.0 stored")
		c.say("QUIT", "221 ")
		got := s.all()
		if len(got) != 2 || got[0].body != string(content) || got[1].body != string(lines) {
			t.Fatalf("messages: got %+v, want %q and %q", got, content, lines)
		}
	})
}

// stuff doubles the dot at the beginning of each line: RFC 5321 §4.5.2.
func stuff(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(b, []byte(".")) {
		b = append([]byte("."), b...)
	}
	return b
}

// FuzzDots compares the reader that skips with one that looks at each byte, in pieces
// of any length and with any room for what comes out.
func FuzzDots(f *testing.F) {
	for _, seed := range []string{".\r\n", "a\r\n.\r\nb", "a\r\r\n.\r\n", "..\r\n.\r.\r\n", "\r\n.\r\r\n.\r\n", "a\r\n..b\r\n.c\r\n.\r\n", "\n.\n.\r.\n"} {
		f.Add([]byte(seed), uint8(0), uint8(0))
		f.Add([]byte(seed), uint8(3), uint8(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, step, room uint8) {
		content, length := plainDots(b)
		var got []byte
		var state dots
		at, end := 0, false
		for to := 0; at < len(b) && !end; {
			to = min(len(b), max(to, at+int(step)+1))
			piece := make([]byte, int(room)+1)
			var n, used int
			n, used, end = state.take(piece, b[at:to])
			got, at = append(got, piece[:n]...), at+used
			if n == 0 && used == 0 {
				t.Fatalf("%q: stands still at %d", b, at)
			}
		}
		if end != (length >= 0) || end && at != length || !bytes.Equal(got, content) {
			t.Fatalf("%q: got %q, end %v at %d, want %q, %d", b, got, end, at, content, length)
		}
	})
}

// plainDots gives the content without the doubled dots, and its length with its end,
// -1 without one. A line ends at CR LF, unless that CR follows a CR that ends no other
// line; ". CR" at the beginning of a line is taken together, and lost.
func plainDots(b []byte) (content []byte, length int) {
	begin := true
	for i := 0; i < len(b); {
		rest := b[i:]
		lost, n := 0, 1
		switch {
		case begin && bytes.HasPrefix(rest, []byte(".\r\n")):
			return content, i + 3
		case begin && bytes.HasPrefix(rest, []byte(".\r")):
			lost, n = 2, 3
		case begin && rest[0] == '.':
			lost, n = 1, 2
		case bytes.HasPrefix(rest, []byte("\r\n")), rest[0] == '\r':
			n = 2
		}
		begin = bytes.HasPrefix(rest, []byte("\r\n"))
		n = min(n, len(rest))
		content = append(content, rest[min(lost, n):n]...)
		i += n
	}
	return content, -1
}

// TestLineLimit counts lines as go-smtp does, in pieces of any length.
func TestLineLimit(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit int
		text  string
		want  bool
	}{
		{"just fits", 10, "12345678\r\n12345678\r\n", true},
		{"one over", 10, "12345678\r\n123456789\r\n", false},
		{"without an end", 10, "123456789", true},
		{"one over without an end", 10, "1234567890", false},
		{"no limit", 0, strings.Repeat("x", 10_000), true},
	} {
		for step := 1; step <= len(test.text); step++ {
			l, got := lines{limit: test.limit, now: 1}, true
			for piece := range slices.Chunk([]byte(test.text), step) {
				got = got && l.pass(piece)
			}
			if got != test.want {
				t.Errorf("%s, in pieces of %d: got %v, want %v", test.name, step, got, test.want)
			}
		}
	}
}

package smtpd

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"path/filepath"
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

// FuzzEndOfData compares the scanner that skips with a plain search, in pieces of
// any length.
func FuzzEndOfData(f *testing.F) {
	for _, seed := range []string{".\r\n", "a\r\n.\r\nb", "a\r\r\n.\r\n", "..\r\n.\r.\r\n", "\r\n.\r\r\n.\r\n"} {
		f.Add([]byte(seed), uint8(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, step uint8) {
		want := plainEnd(b)
		got, s := -1, lineBegin
		for at := 0; at < len(b) && got < 0; {
			piece := b[at:min(len(b), at+int(step)+1)]
			n, end := s.scan(piece)
			if at += n; end {
				got = at
			}
		}
		if got != want {
			t.Fatalf("%q: got %d, want %d", b, got, want)
		}
	})
}

// plainEnd gives the length of the content with its end, -1 without one. A line ends
// at CR LF, unless that CR follows a CR that ends no other line; ". CR" at the
// beginning of a line is taken together.
func plainEnd(b []byte) int {
	begin := true
	for i := 0; i < len(b); {
		rest := b[i:]
		switch {
		case begin && bytes.HasPrefix(rest, []byte(".\r\n")):
			return i + 3
		case begin && bytes.HasPrefix(rest, []byte(".\r")):
			i, begin = i+min(3, len(rest)), false
		case begin && rest[0] == '.':
			i, begin = i+min(2, len(rest)), false
		case bytes.HasPrefix(rest, []byte("\r\n")):
			i, begin = i+2, true
		case rest[0] == '\r':
			i, begin = i+min(2, len(rest)), false
		default:
			i, begin = i+1, false
		}
	}
	return -1
}

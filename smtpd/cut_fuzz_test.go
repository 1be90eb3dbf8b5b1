package smtpd

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// FuzzCut sends messages, by DATA and by chunks, and hangs up after so many bytes: what
// is delivered are the messages that were complete by then, each as it was sent, and
// the session ends.
func FuzzCut(f *testing.F) {
	for _, seed := range []string{"", "a\xffb\xffc", ".\r\n.\r\n\xff.\r\n.", "x\r\n.\r\nMAIL FROM:<>\xffx\r\n.\r\nMAIL FROM:<>", "\r\n\xff\r\xff\n\xff.\r"} {
		for _, cut := range []uint16{0, 70, 90, 100, 120, 170, 65535} {
			f.Add([]byte(seed), cut)
		}
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
		c.want("220 ")
		c.say("EHLO client.example", "250-")
		want := c.sendUntil(mailsOf(content), int(cut))
		got := s.all()
		if len(got) != len(want) {
			t.Fatalf("%d messages delivered: %+v, want %d", len(got), got, len(want))
		}
		for i := range want {
			if got[i].body != want[i] {
				t.Errorf("message %d: got %q, want %q", i, got[i].body, want[i])
			}
		}
	})
}

// turn is what a client sends before it waits for a reply; whole is the message that
// ends with it.
type turn struct {
	send, reply string
	whole       *string
}

// mailsOf makes a dialogue of up to four messages.
func mailsOf(content []byte) []turn {
	var turns []turn
	for i, body := range bytes.SplitN(content, []byte{0xff}, 4) {
		turns = append(turns, turn{"MAIL FROM:<a@example.com>\r\n", "250 ", nil}, turn{"RCPT TO:<dmarc@reports.example.net>\r\n", "250 ", nil})
		if i%2 == 0 {
			at, whole := len(body)/2, string(body)
			turns = append(turns, turn{fmt.Sprintf("BDAT %d\r\n%s", at, body[:at]), "250 2.0.0 Continue", nil},
				turn{fmt.Sprintf("BDAT %d LAST\r\n%s", len(body)-at, body[at:]), "250 2.0.0 stored", &whole})
			continue
		}
		whole := linesOf(body)
		turns = append(turns, turn{"DATA\r\n", "354 ", nil}, turn{string(stuff([]byte(whole))) + ".\r\n", "250 2.0.0 stored", &whole})
	}
	return turns
}

// linesOf makes content of it that DATA can carry: whole lines, and no CR CR, of which
// smtpd's package comment tells.
func linesOf(b []byte) string {
	s := string(b)
	for strings.Contains(s, "\r\r") {
		s = strings.ReplaceAll(s, "\r\r", "\r")
	}
	return strings.TrimSuffix(s, "\r") + "\r\n"
}

// sendUntil hangs up after so many bytes, waits for the end, and gives the messages
// that were sent whole.
func (c *client) sendUntil(turns []turn, left int) (whole []string) {
	c.t.Helper()
	for _, turn := range turns {
		c.send(turn.send[:min(left, len(turn.send))])
		if left -= len(turn.send); left < 0 {
			break
		}
		c.want(turn.reply)
		if turn.whole != nil {
			whole = append(whole, *turn.whole)
		}
	}
	if err := c.Conn.(*net.UnixConn).CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
	if rest, err := io.ReadAll(c.r); err != nil {
		c.t.Fatalf("the session did not end: %v after %q", err, rest)
	} else if strings.Contains(string(rest), "stored") {
		c.t.Errorf("acknowledged behind the cut: %q", rest)
	}
	return whole
}

package crowd

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"sync"
)

// family is one way to be hostile over one connection; what it gives is how it was
// answered in the end. internal/hostile has many more, and looks closer.
type family struct {
	name string
	run  func(c net.Conn, n int) string
}

var families = []family{
	{"noise", func(c net.Conn, n int) string { return flat(c, strings.Repeat("\x00\xff\r\n\x1b[2J", 40)) }},
	{"hangs up in DATA", hangUp},
	{"content before its turn", func(c net.Conn, n int) string { return flat(c, intro+"DATA\r\nSubject: x\r\n\r\n.\r\n") }},
	{"hangs up in a chunk", func(c net.Conn, n int) string { return flat(c, intro+"BDAT 1000 LAST\r\nhalf") }},
	{"asks for many recipients", func(c net.Conn, n int) string {
		return flat(c, "EHLO a.example\r\nMAIL FROM:<>\r\n"+strings.Repeat("RCPT TO:<who@reports.example.net>\r\n", 15))
	}},
	{"announces too much", func(c net.Conn, n int) string {
		return flat(c, "EHLO a.example\r\nMAIL FROM:<> SIZE=99999999\r\nQUIT\r\n")
	}},
	{"speaks before the handshake", func(c net.Conn, n int) string {
		return flat(c, "EHLO a.example\r\nSTARTTLS\r\nMAIL FROM:<>\r\n"+strings.Repeat("x", 600))
	}},
	{"no report", func(c net.Conn, n int) string { return whole(c, []byte("Subject: hello\r\n\r\nbuy\r\n")) }},
	{"foreign domain", func(c net.Conn, n int) string {
		id := fmt.Sprintf("foreign-%d", n)
		return whole(c, mail(id, packed(report(id, "example.org", 3))))
	}},
	{"deep elements", func(c net.Conn, n int) string {
		return whole(c, mail("deep", packed([]byte(numbered(n)+strings.Repeat("<a>", 100_000)))))
	}},
	{"a long attribute", func(c net.Conn, n int) string {
		return whole(c, mail("long", packed([]byte(numbered(n)+"<a b=\""+strings.Repeat("x", 5_000_000)))))
	}},
	{"a bomb", func(c net.Conn, n int) string {
		return whole(c, mail(fmt.Sprintf("bomb-%d", n), bomb()))
	}},
	{"entities", func(c net.Conn, n int) string {
		return whole(c, mail("entities", packed([]byte(`<!DOCTYPE f [<!ENTITY a "aaaa">]>`+numbered(n)+`&a;`))))
	}},
	{"a broken archive", func(c net.Conn, n int) string {
		all := packed(report(fmt.Sprintf("broken-%d", n), "example.com", 20))
		return whole(c, mail("broken", all[:len(all)/2]))
	}},
}

const intro = "EHLO a.example\r\nMAIL FROM:<>\r\nRCPT TO:<dmarc@reports.example.net>\r\n"

// numbered begins a report that is like no other.
func numbered(n int) string { return fmt.Sprintf("<feedback><n>%d</n>", n) }

// bomb unpacks to 160 MiB, more than the server allows.
var bomb = sync.OnceValue(func() []byte { return bytes.Repeat(packed(bytes.Repeat([]byte("<feedback/>    \n"), 2<<20/16)), 80) })

// hangUp ends in the middle of a message.
func hangUp(c net.Conn, _ int) string {
	s := &session{c, textproto.NewConn(c)}
	if _, _, err := s.text.ReadResponse(220); err != nil {
		return err.Error()
	}
	for _, line := range []string{"EHLO a.example", "MAIL FROM:<>", "RCPT TO:<dmarc@reports.example.net>", "DATA"} {
		if reply, err := s.say(0, line); err != nil {
			return reply
		}
	}
	io.WriteString(c, "Subject: half\r\n\r\nhalf a li")
	c.(*net.TCPConn).CloseWrite()
	answer, err := s.text.ReadLine()
	if err != nil {
		return "no answer"
	}
	return code(answer)
}

// flat sends all at once and ends, and gives the last line of the answer.
func flat(c net.Conn, all string) string {
	buf := make([]byte, 512)
	if _, err := c.Read(buf); err != nil {
		return "no greeting"
	}
	if _, err := io.WriteString(c, all); err == nil {
		c.(*net.TCPConn).CloseWrite()
	}
	answer, err := io.ReadAll(c)
	if err != nil && !strings.Contains(err.Error(), "reset by peer") {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(answer), "\r\n"), "\r\n")
	return code(lines[len(lines)-1])
}

// whole sends a complete message, and gives the answer to it.
func whole(c net.Conn, message []byte) string {
	all := fmt.Sprintf("%sBDAT %d LAST\r\n%sQUIT\r\n", intro, len(message), message)
	buf := make([]byte, 512)
	if _, err := c.Read(buf); err != nil {
		return "no greeting"
	}
	if _, err := io.WriteString(c, all); err != nil {
		return "broken off"
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(answer), "\r\n"), "\r\n")
	return code(lines[max(0, len(lines)-2)]) // before that to QUIT
}

// code is the reply's two codes, without its words.
func code(line string) string {
	words := strings.SplitN(line, " ", 3)
	if len(words) == 3 {
		return words[0] + " " + words[1]
	}
	return line
}

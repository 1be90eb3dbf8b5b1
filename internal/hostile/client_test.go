package hostile

import (
	"bytes"
	"fmt"
	"net"
	"net/textproto"
	"time"
)

// answerWithin bounds the wait for any reply, and so what counts as a hang. The server
// waits for DNS and memory within half a minute; the rest is the processors, which many
// senders share here. RFC 5321 §4.5.3.2.6 has senders wait as long.
const answerWithin = 10 * time.Minute

// perSession is how many messages the server takes from one connection.
const perSession = 100

// client sends messages from one loopback address, in one session after the other.
type client struct {
	server string
	from   string // "127.1.0.9"
	conn   *textproto.Conn
	raw    net.Conn
	left   int  // messages that this session may yet bring
	chunks bool // BDAT only
}

// send delivers one message and gives the reply to it, or that to the command that
// was refused. A session that the server has ended after the last message is not held
// against it.
func (c *client) send(mailFrom string, message []byte) (code int, text string, err error) {
	if c.left == 0 || c.over() {
		if err := c.open(); err != nil {
			return 0, "", err
		}
	}
	c.left--
	c.raw.SetDeadline(time.Now().Add(answerWithin))
	code, text, err = c.deliver(mailFrom, message)
	if err != nil || code == 421 {
		c.close()
	}
	return code, text, err
}

// over asks with a RSET whether the session is still there.
func (c *client) over() bool {
	if err := c.conn.PrintfLine("RSET"); err != nil {
		return true
	}
	_, _, err := c.conn.ReadResponse(250)
	return err != nil
}

func (c *client) open() error {
	c.close()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.from)}, Timeout: answerWithin}
	raw, err := d.Dial("tcp", c.server)
	if err != nil {
		return err
	}
	raw.SetDeadline(time.Now().Add(answerWithin))
	c.raw, c.conn, c.left = raw, textproto.NewConn(raw), perSession
	if _, _, err := c.conn.ReadResponse(220); err != nil {
		return err
	}
	if err := c.conn.PrintfLine("EHLO mail.receiver.example"); err != nil {
		return err
	}
	_, _, err = c.conn.ReadResponse(250)
	return err
}

func (c *client) close() {
	if c.raw != nil {
		c.raw.Close()
	}
	c.left = 0
}

// deliver sends the message in one chunk, which keeps every byte of it; about half of
// those that can go so go by DATA.
func (c *client) deliver(mailFrom string, message []byte) (code int, text string, err error) {
	byData := !c.chunks && len(message)%2 == 0 && bytes.HasSuffix(message, []byte("\r\n")) && !bytes.HasSuffix(message, []byte("\r\r\n"))
	last := fmt.Sprintf("BDAT %d LAST\r\n", len(message))
	if byData {
		last = "DATA\r\n"
	}
	fmt.Fprintf(c.conn.W, "MAIL FROM:<%s>\r\nRCPT TO:<dmarc@reports.example.net>\r\n%s", mailFrom, last)
	if !byData {
		c.conn.W.Write(message)
	}
	c.conn.W.Flush() // should the server have closed, its reply is still to be read
	for range 2 {
		if code, text, err = c.conn.ReadResponse(250); err != nil {
			return code, text, err
		}
	}
	if !byData {
		return c.conn.ReadResponse(0)
	}
	if code, text, err = c.conn.ReadResponse(354); err != nil {
		return code, text, err
	}
	c.conn.W.Write(stuffed(message))
	c.conn.W.WriteString(".\r\n")
	c.conn.W.Flush()
	return c.conn.ReadResponse(0)
}

// stuffed doubles the dots at the begin of lines (RFC 5321 §4.5.2).
func stuffed(message []byte) []byte {
	out := bytes.ReplaceAll(message, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(out, []byte(".")) {
		out = append([]byte("."), out...)
	}
	return out
}

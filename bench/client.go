package main

import (
	"bufio"
	"fmt"
	"net"
	"time"
)

const recipient = "dmarc@reports.example.net"

// client speaks as little SMTP as a sender must: no chunks, no TLS, and pipelining
// only where that is measured. It allocates nothing per mail, so that the measured machine's two cores
// belong to the server.
type client struct {
	conn      net.Conn
	replies   *bufio.Reader
	line      []byte
	pipelined bool
}

// patience is how long a reply may take.
const patience = 2 * time.Minute

// dial opens a session up to the answer to EHLO.
func dial(addr string, helo string) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	c := &client{conn: conn, replies: bufio.NewReaderSize(conn, 1024), line: make([]byte, 0, 256)}
	err = conn.SetDeadline(time.Now().Add(patience))
	if err == nil {
		err = c.reply('2')
	}
	if err == nil {
		err = c.say('2', "EHLO ", helo, "\r\n")
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("open a session: %w", err)
	}
	return c, nil
}

// send sends one mail and gives the time from the DATA command to the last reply.
func (c *client) send(m *mail) (time.Duration, error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	start, err := c.announce(m)
	if err != nil {
		return 0, err
	}
	if _, err := c.conn.Write(m.content); err != nil {
		return 0, err
	}
	err = c.reply('2')
	return time.Since(start), err
}

// announce says all that comes before the content, one by one or together (RFC 2920),
// and gives the time of the write that DATA was in.
func (c *client) announce(m *mail) (start time.Time, err error) {
	if c.pipelined {
		start = time.Now()
		err = c.say('2', "MAIL FROM:<", m.from, ">\r\nRCPT TO:<", recipient, ">\r\nDATA\r\n")
		if err == nil {
			err = c.reply('2')
		}
		if err == nil {
			err = c.reply('3')
		}
		return start, err
	}
	if err = c.say('2', "MAIL FROM:<", m.from, ">\r\n"); err == nil {
		err = c.say('2', "RCPT TO:<", recipient, ">\r\n")
	}
	start = time.Now()
	if err == nil {
		err = c.say('3', "DATA\r\n")
	}
	return start, err
}

// quit ends the session as RFC 5321 §4.1.1.10 has it.
func (c *client) quit() error {
	err := c.say('2', "QUIT\r\n")
	c.conn.Close()
	return err
}

func (c *client) say(want byte, parts ...string) error {
	c.line = c.line[:0]
	for _, part := range parts {
		c.line = append(c.line, part...)
	}
	if _, err := c.conn.Write(c.line); err != nil {
		return err
	}
	return c.reply(want)
}

// reply reads a reply and wants its first digit.
func (c *client) reply(want byte) error {
	for {
		line, err := c.replies.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read a reply: %w", err)
		}
		if len(line) < 4 || line[0] != want {
			return fmt.Errorf("reply %q to %q", line, c.line)
		}
		if line[3] != '-' {
			return nil
		}
	}
}

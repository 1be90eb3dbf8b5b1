package smtpd

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"time"

	"github.com/pires/go-proxyproto"
)

// admit looks at the client before the greeting: who it is, when a proxy stands
// before it, and whether it talks first. When it is false, the client was told why.
func (c *conn) admit() bool {
	c.phase = phaseCommand
	if p, ok := c.Conn.(*proxyproto.Conn); ok {
		if reason := c.throughProxy(p); reason != "" {
			c.visit.srv.cfg.Observer.Refused(reason)
			c.kill(refusal(reason), reason)
			return false
		}
	}
	if c.cfg.GreetPause < 0 {
		return true
	}
	// The bytes of a client that talks at once arrive with the connection.
	c.limit = EndTimeout
	err := c.fill(time.Now().Add(c.cfg.GreetPause), false)
	switch {
	case err == nil:
		c.visit.srv.cfg.Observer.Refused(EndSync)
		c.kill(replyEarly, EndSync)
		return false
	case errors.Is(err, os.ErrDeadlineExceeded):
		return true
	}
	c.phase = phaseDead
	return false
}

// throughProxy takes the client's address from the PROXY header and lets the gate
// judge it. Without an address (a health check of the proxy) the proxy is the client.
func (c *conn) throughProxy(p *proxyproto.Conn) string {
	if p.ProxyHeader() == nil {
		return EndProxy
	}
	a := addressOf(p.RemoteAddr())
	reason := c.visit.srv.gate.claim(a)
	c.visit.mu.Lock()
	c.visit.sum.ClientIP = a
	c.visit.claimed = reason == ""
	c.visit.mu.Unlock()
	return reason
}

// lineWaits tells whether another whole command is here already.
func (c *conn) lineWaits() bool {
	b, _ := c.in.Peek(c.in.Buffered())
	return bytes.IndexByte(b, '\n') >= 0
}

// next takes command lines until there is one for go-smtp; false when the
// connection is over.
func (c *conn) next() bool {
	for {
		line, err := c.takeLine()
		if err != nil {
			c.commandFailed(err)
			return false
		}
		c.verb = verbOf(line)
		c.commands++
		if !clean(line) {
			c.answer(replyControl)
		} else if c.verb == "STARTTLS" && c.visit.srv.tls != nil && !c.secured() {
			c.startTLS(line)
		} else if c.prepare(line) {
			return true
		}
		if c.phase != phaseCommand {
			return false
		}
	}
}

// takeLine gives the next line with its end, valid until the next one is taken.
func (c *conn) takeLine() ([]byte, error) {
	until := c.commandDeadline()
	for {
		b, _ := c.in.Peek(c.in.Buffered())
		i := bytes.IndexByte(b, '\n')
		if i >= maxCommandBytes || i < 0 && len(b) >= maxCommandBytes {
			return nil, errLine
		}
		if i < 0 {
			if err := c.fill(until, true); err != nil {
				return nil, err
			}
			continue
		}
		c.taken = append(c.taken[:0], b[:i+1]...)
		c.in.Discard(i + 1)
		return c.taken, c.visit.proceed()
	}
}

// prepare readies a line for go-smtp; false when the client broke the turn.
func (c *conn) prepare(line []byte) bool {
	switch c.verb {
	case "HELO", "EHLO":
		c.greeted = c.verb
	case "MAIL":
		c.refill()
	case "RCPT":
		line = withPostmaster(line, c.cfg.PostmasterDomain)
	case "DATA":
		// What comes before 354 would run as commands, were DATA refused.
		if c.in.Buffered() > 0 {
			c.kill(replyEarly, EndSync)
			return false
		}
		c.last = true
	case "BDAT":
		var framed bool
		c.chunk, framed = chunkSize(line)
		c.broken = !framed
		if framed {
			c.expected = c.session.expect(c.chunk)
		}
		c.last = bytes.HasSuffix(bytes.ToUpper(bytes.TrimSpace(line)), []byte(" LAST"))
		if c.chunk >= payingChunk {
			c.commands--
		}
	}
	c.line = line
	return true
}

// answer replies in go-smtp's place.
func (c *conn) answer(r Reply) {
	c.out = append(c.out, r.String()+"\r\n"...)
	c.replied(r.Code)
}

// commandFailed ends the connection where a command was awaited.
func (c *conn) commandFailed(err error) {
	switch {
	case errors.Is(err, errShutdown), errors.Is(err, os.ErrDeadlineExceeded) && c.visit.stopping():
		c.kill(replyShutdown, EndShutdown)
	case errors.Is(err, os.ErrDeadlineExceeded) && c.limit == EndSession:
		c.kill(replySession, EndSession)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.kill(replyIdle, EndTimeout)
	case errors.Is(err, errLine):
		c.kill(replyLine, EndLine)
	case errors.Is(err, errBytes):
		c.kill(replyBytes, EndBytes)
	case errors.Is(err, io.EOF):
		c.visit.end(EndClosed)
	default:
		c.visit.end(EndError)
	}
	c.phase = phaseDead
}

func (c *conn) secured() bool {
	_, ok := c.Conn.(*tls.Conn)
	return ok
}

// startTLS does the handshake (RFC 3207 §4) and gives the connection to the second
// go-smtp server, which has never heard of what was said in plaintext. A handshake
// that does not succeed closes the connection.
func (c *conn) startTLS(line []byte) {
	if len(bytes.TrimSpace(line)) != len("STARTTLS") {
		c.answer(replyStartTLS)
		return
	}
	if c.in.Buffered() > 0 {
		c.kill(replyEarly, EndSync)
		return
	}
	c.answer(replyReady)
	if c.phase != phaseCommand {
		return
	}
	c.phase = phaseDead
	secured := tls.Server(c.Conn, c.visit.srv.tls)
	until := time.Now().Add(handshakeTimeout)
	c.Conn.SetWriteDeadline(until)
	if c.visit.arm(c.Conn, until, false) != nil || secured.Handshake() != nil {
		c.visit.end(EndTLS)
		return
	}
	c.moveTo(secured)
}

func (c *conn) moveTo(secured *tls.Conn) {
	state := secured.ConnectionState()
	version := tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)
	c.visit.note(func(s *Summary) { s.TLS = version })
	behind := newConn(c.visit, secured, phaseResumed)
	behind.commands, behind.junk, behind.errs, behind.denied = c.commands, c.junk, c.errs, c.denied
	c.moved = true
	if !c.visit.srv.handover.give(behind) {
		c.moved = false
		c.visit.end(EndShutdown)
	}
}

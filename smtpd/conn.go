package smtpd

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// phase is what the bytes from the client mean at the moment.
type phase int

const (
	phaseGreeting phase = iota // the first write is the greeting: look at the client before
	phaseResumed               // behind STARTTLS: the first write is a greeting to be swallowed
	phaseCommand
	phaseData     // content of DATA, up to its end: for the session, not for go-smtp
	phaseChunk    // content of BDAT, by count
	phaseLongLine // content with a line over the limit: go-smtp is to close
	phaseDead     // nothing is read any more
)

// conn stands between the network (or TLS) and go-smtp. It gives go-smtp one command
// line at a time, and chunks only where chunks belong; after a read that fails
// there is never another byte, so nothing of a body can run as a command. The content
// of DATA goes to the session directly (readData): go-smtp reads it byte by byte,
// which costs more than all else that it does for a message. One goroutine uses it,
// that of go-smtp's connection.
type conn struct {
	net.Conn
	visit   *visit
	session *session // nil before EHLO
	cfg     *Config
	in      *bufio.Reader
	out     []byte // replies held back

	phase    phase
	mute     bool // the last word is said: what go-smtp still writes is dropped
	moved    bool // the connection lives on behind STARTTLS
	closed   bool
	verb     string          // of the command that is to be answered
	greeted  string          // HELO or EHLO, whichever came last
	taken    []byte          // the command line taken last
	line     []byte          // rest of the command line to give to go-smtp
	chunk    int64           // bytes of the chunk to come
	expected <-chan struct{} // closed when Data is called for the chunk
	last     bool            // the content is the message's last
	broken   bool            // the chunk cannot be framed: end after the reply
	dots     dots
	lines    lines
	credit   time.Duration // how long content may still be waited for, by the minimum rate
	useful   time.Time     // when there was content last, or the client came

	allowance                    int64 // bytes that may still come before the next MAIL
	commands, junk, errs, denied int
	limit                        string // End constant of the deadline in force
}

func newConn(v *visit, below net.Conn, p phase) *conn {
	c := &conn{Conn: below, visit: v, cfg: &v.srv.cfg, phase: p, in: readers.Get().(*bufio.Reader), useful: time.Now()}
	c.in.Reset(below)
	c.refill()
	return c
}

// readers are those of connections that have ended.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 8<<10) }}

// refill allows for one message at its limit, once more for what is read to get rid
// of it, and for the commands around it.
func (c *conn) refill() { c.allowance = 2*c.cfg.MaxMessageBytes + 1<<20 }

// Read gives go-smtp at most one command line, or a piece of a chunk.
func (c *conn) Read(p []byte) (int, error) {
	if c.phase == phaseChunk {
		return c.readChunk(p)
	}
	c.awaitData()
	switch c.phase {
	case phaseCommand:
		return c.readLine(p)
	case phaseLongLine:
		return 0, smtp.ErrTooLongLine
	}
	return 0, io.EOF
}

// awaitData waits for the goroutine in which go-smtp calls Data for chunks. Should the
// connection end or the next message begin before it runs, it would meet no session,
// and panic, or meet the wrong message.
func (c *conn) awaitData() {
	if c.expected == nil {
		return
	}
	select {
	case <-c.expected:
	case <-time.After(forceTimeout):
	}
	c.expected = nil
}

func (c *conn) readLine(p []byte) (int, error) {
	if len(c.line) == 0 && !c.next() {
		return 0, io.EOF
	}
	n := copy(p, c.line)
	c.line = c.line[n:]
	if len(c.line) == 0 && c.chunk > 0 {
		c.startContent(phaseChunk)
	}
	return n, nil
}

func (c *conn) startContent(p phase) {
	c.phase, c.dots, c.credit = p, lineBegin, rateGrace
	c.lines = lines{limit: c.cfg.MaxLineBytes, now: 1}
}

// endOfData is what go-smtp gets to see of the content of DATA.
var endOfData = []byte(".\r\n")

// readData gives the session content of DATA, dots unstuffed, and io.EOF at its end.
// go-smtp's own reader then meets the end of the content at once.
func (c *conn) readData(p []byte) (int, error) {
	for c.phase == phaseData {
		b, err := c.waitContent()
		if err != nil {
			return 0, err
		}
		n, used, end := c.dots.take(p, b)
		if !c.lines.pass(b[:used]) {
			c.phase = phaseLongLine
			return 0, smtp.ErrTooLongLine
		}
		c.in.Discard(used)
		c.earn(used)
		if end {
			c.phase, c.line = phaseCommand, endOfData
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	if c.phase == phaseDead { // it broke while 354 was sent
		return 0, replyBroken.smtpError()
	}
	return 0, io.EOF
}

// skip reads what is left of the content of DATA to get rid of it.
func (c *conn) skip() {
	var piece [4 << 10]byte
	for c.phase == phaseData {
		// An error ends the phase, and is reported there.
		c.readData(piece[:])
	}
}

func (c *conn) readChunk(p []byte) (int, error) {
	b, err := c.waitContent()
	if err != nil {
		return 0, err
	}
	n := copy(p[:min(int64(len(p)), c.chunk)], b)
	c.in.Discard(n)
	c.earn(n)
	if c.chunk -= int64(n); c.chunk == 0 {
		c.phase = phaseCommand
	}
	return n, nil
}

// waitContent gives what is here of the content and of what follows it, at least one
// byte.
func (c *conn) waitContent() ([]byte, error) {
	if c.in.Buffered() == 0 {
		begun := time.Now()
		if err := c.fill(c.contentDeadline(begun), false); err != nil {
			return nil, c.contentFailed(err)
		}
		c.credit -= time.Since(begun)
	}
	return c.in.Peek(c.in.Buffered())
}

// earn adds to the credit what content is worth at the minimum rate. Only some of it can
// be saved up: else a sender of much could all but stop in the middle of its message.
func (c *conn) earn(n int) {
	if rate := c.cfg.MinDataRate; rate > 0 {
		worth := time.Duration(n) * time.Second / time.Duration(rate)
		c.credit = min(c.credit+worth, rateGrace+c.cfg.DataTimeout)
	}
}

// contentFailed ends the connection in the middle of content. The error is in the
// form that go-smtp passes on to the client as it is: any other would become a
// permanent refusal, or for the end of input in a last chunk even a 250.
func (c *conn) contentFailed(err error) error {
	c.awaitData()
	c.phase = phaseDead
	switch {
	case errors.Is(err, errBytes):
		c.visit.end(EndBytes)
		return replySize.smtpError()
	case errors.Is(err, os.ErrDeadlineExceeded):
		reason := c.limit
		if reason == EndTimeout {
			reason = EndData
		}
		c.visit.end(reason)
		return replyStalled.smtpError()
	case errors.Is(err, io.EOF):
		c.visit.end(EndClosed)
	default:
		c.visit.end(EndError)
	}
	return replyBroken.smtpError()
}

// contentDeadline is the first of: too long since the last byte, below the minimum
// rate, the end of the session.
func (c *conn) contentDeadline(now time.Time) time.Time {
	at := now.Add(c.cfg.DataTimeout)
	c.limit = EndData
	if slow := now.Add(c.credit); c.cfg.MinDataRate > 0 && slow.Before(at) {
		at, c.limit = slow, EndSlow
	}
	return c.sessionBound(at)
}

// commandDeadline is the first of: too long for one line, for commands without content,
// the end of the session.
func (c *conn) commandDeadline() time.Time {
	c.limit = EndTimeout
	at := time.Now().Add(c.cfg.IdleTimeout)
	if end := c.useful.Add(max(uselessTimeout, c.cfg.IdleTimeout)); end.Before(at) {
		at = end
	}
	return c.sessionBound(at)
}

func (c *conn) sessionBound(at time.Time) time.Time {
	if end := c.visit.started.Add(c.cfg.SessionTimeout); c.cfg.SessionTimeout > 0 && end.Before(at) {
		at, c.limit = end, EndSession
	}
	return at
}

// fill waits for more bytes from the client, after what is held back for it is sent.
func (c *conn) fill(until time.Time, command bool) error {
	if err := c.flush(); err != nil {
		return err
	}
	if err := c.visit.arm(c.Conn, until, command); err != nil {
		return err
	}
	before := c.in.Buffered()
	_, err := c.in.Peek(before + 1)
	n := int64(c.in.Buffered() - before)
	c.visit.received(n)
	if c.allowance -= n; c.allowance < 0 {
		return errBytes
	}
	return err
}

// Write takes the lines of go-smtp's replies.
func (c *conn) Write(b []byte) (int, error) {
	switch {
	case c.mute || c.closed:
		return len(b), nil
	case c.phase == phaseResumed:
		c.phase = phaseCommand
		return len(b), nil
	case c.phase == phaseGreeting && !c.admit():
		return len(b), nil
	}
	c.out = append(c.out, b...)
	if code, last := replyCode(b); last {
		return len(b), c.replied(code)
	}
	return len(b), nil
}

// replied is called when a reply is whole. Replies to a group of commands leave
// together (RFC 2920 §3.2), all others at once.
func (c *conn) replied(code int) error {
	c.cfg.Observer.Replied(code)
	verb := c.verb
	if code == 354 {
		c.startContent(phaseData)
		return c.flush()
	}
	c.verb = ""
	if verb == "DATA" || verb == "BDAT" {
		c.useful = time.Now()
	}
	if last, reason := c.count(verb, code); reason != "" {
		c.kill(last, reason)
		return nil
	}
	switch {
	case verb == "QUIT":
		c.visit.end(EndQuit)
	case c.broken:
		c.phase = phaseDead
		c.visit.end(EndChunk)
	case code == 421:
		c.phase = phaseDead
	case (verb == "MAIL" || verb == "RCPT" || verb == "RSET") && c.lineWaits():
		return nil
	}
	return c.flush()
}

// count keeps the tallies of what leads nowhere and gives the last word when one is
// over its limit. Recipients over their number (452) are an honest sender's.
func (c *conn) count(verb string, code int) (Reply, string) {
	switch {
	case verb == "RCPT" && code >= 550:
		c.denied++
	case code >= 500 && code <= 504:
		c.errs++
	}
	switch verb {
	case "NOOP", "RSET", "HELO", "EHLO", "VRFY", "EXPN", "HELP":
		c.junk++
	case "DATA", "BDAT":
		if code == 250 && c.last {
			c.junk, c.commands = 0, 0
		}
	}
	switch {
	case over(c.denied, c.cfg.MaxRefused):
		return replyRefused, EndRefused
	case over(c.errs, c.cfg.MaxErrors):
		return replyErrors, EndErrors
	case over(c.junk, c.cfg.MaxJunk), c.commands > maxCommands:
		return replyJunk, EndJunk
	}
	return Reply{}, ""
}

// kill says the last word and reads no more.
func (c *conn) kill(last Reply, reason string) {
	c.visit.end(reason)
	c.cfg.Observer.Replied(last.Code)
	c.out = append(c.out, last.String()+"\r\n"...)
	c.flush()
	c.phase, c.mute = phaseDead, true
}

func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	c.Conn.SetWriteDeadline(time.Now().Add(c.cfg.WriteTimeout))
	_, err := c.Conn.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		c.visit.end(EndError)
		c.phase, c.mute = phaseDead, true
	}
	return err
}

// Close ends the visit, unless it goes on behind STARTTLS.
func (c *conn) Close() error {
	if c.closed {
		return nil
	}
	c.flush()
	c.closed, c.phase = true, phaseDead
	c.in.Reset(nil)
	readers.Put(c.in)
	c.in = nil // nothing reads in phaseDead
	if c.moved {
		return nil
	}
	if c.mute {
		c.linger()
	}
	err := c.Conn.Close()
	c.visit.leave()
	return err
}

// linger lets a client read our last word: closing a socket with unread bytes in it
// sends a reset, which can overtake the reply.
func (c *conn) linger() {
	if t, ok := c.Conn.(*tls.Conn); ok {
		t.CloseWrite()
	}
	half, ok := c.visit.raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.visit.raw.SetReadDeadline(time.Now().Add(refusalTimeout))
	io.CopyN(io.Discard, c.visit.raw, 256<<10)
}

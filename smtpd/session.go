package smtpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// session is one dialogue in go-smtp. With BDAT, go-smtp calls Data in a goroutine
// of its own while it goes on to call the others; turn puts them in a row again, so
// that RSET and the end of the connection wait until the handler has let go.
type session struct {
	srv     *Server
	library *smtp.Conn
	guard   *conn

	turn   sync.Mutex
	env    *Envelope      // nil when no message is under way
	begun  chan struct{}  // closed when Data is called for env
	chunks *io.PipeReader // where go-smtp fed the chunks of the last Data
}

func (s *Server) newSession(l *smtp.Conn) (smtp.Session, error) {
	guard, ok := l.Conn().(*conn)
	if !ok {
		return nil, replyInternal.smtpError()
	}
	guard.visit.note(func(sum *Summary) { sum.Helo = l.Hostname() })
	guard.session = &session{srv: s, library: l, guard: guard}
	return guard.session, nil
}

// Mail begins a message: RFC 5321 §4.1.1.2.
func (s *session) Mail(from string, opts *smtp.MailOptions) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.env != nil {
		return replyNested.smtpError()
	}
	if over(s.guard.visit.messages()+1, s.srv.cfg.MaxMessages) {
		s.guard.visit.end(EndMessages)
		return replyMessages.smtpError()
	}
	if opts.Size > s.srv.cfg.MaxMessageBytes {
		return replySize.smtpError()
	}
	if r := checkPath(from, opts.UTF8); r != nil {
		return r.smtpError()
	}
	env := s.envelope(from, opts.UTF8)
	r := s.ask(func(ctx context.Context) *Reply { return s.srv.handler.Mail(ctx, env, opts.Size) })
	if r != nil && !r.OK() {
		return r.smtpError()
	}
	s.env, s.begun = env, make(chan struct{})
	return nil
}

func (s *session) envelope(from string, utf8 bool) *Envelope {
	helo := s.library.Hostname()
	env := &Envelope{Helo: helo, Extended: s.guard.greeted == "EHLO", MailFrom: from, UTF8: utf8}
	s.guard.visit.note(func(sum *Summary) {
		sum.Helo = helo
		env.Session, env.ClientIP, env.TLS = sum.Session, sum.ClientIP, sum.TLS
	})
	return env
}

// Rcpt adds a recipient: RFC 5321 §4.1.1.3.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.env == nil {
		return replyNoMail.smtpError()
	}
	if r := checkPath(to, s.env.UTF8); r != nil {
		return r.smtpError()
	}
	r := s.ask(func(ctx context.Context) *Reply { return s.srv.handler.Rcpt(ctx, s.env, to) })
	if r != nil && !r.OK() {
		return r.smtpError()
	}
	s.env.RcptTo = append(s.env.RcptTo, to)
	return nil
}

// checkPath holds the limits of RFC 5321 §4.5.3.1 and RFC 6531 §3.1.
func checkPath(address string, utf8 bool) *Reply {
	if len(address) > maxPathBytes {
		return &replyPath
	}
	if !utf8 && slices.ContainsFunc([]byte(address), func(c byte) bool { return c >= 0x80 }) {
		return &replyUTF8
	}
	return nil
}

// Data takes the content: of chunks as go-smtp feeds them, of DATA from the guard. The
// reply is always an SMTPError, the 250 too: only so does its text reach the client.
func (s *session) Data(r io.Reader) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.chunks, _ = r.(*io.PipeReader)
	from := s.guard.readData
	if s.chunks != nil {
		from = r.Read
	} else {
		defer s.guard.skip()
	}
	if s.env == nil {
		return replyNoMail.smtpError()
	}
	close(s.begun)
	s.guard.visit.begin()
	reply := s.take(&body{from: from, left: s.srv.cfg.MaxMessageBytes})
	s.guard.visit.finish(reply)
	return reply.smtpError()
}

func (s *session) take(b *body) Reply {
	deepen()
	reply := s.ask(func(ctx context.Context) *Reply {
		r := s.srv.handler.Data(ctx, s.env, b)
		return &r
	})
	if b.err == nil && reply.OK() {
		// A message is safe only when all of it came, whatever the handler read.
		io.Copy(io.Discard, b)
	}
	if b.err != nil && !errors.Is(b.err, io.EOF) {
		return bodyReply(b.err)
	}
	return *reply
}

// deepen has the stack grow once, while little is on it. Else it grows step by step deep
// in the handler, and each time all frames are copied: for a client with one message that
// was a thirtieth of the processor time of its session.
//
//go:noinline
func deepen() byte {
	var room [stackRoom]byte
	return room[len(os.Args)%stackRoom]
}

// stackRoom is what handlers need of a stack, in bytes.
const stackRoom = 9 << 10

// ask calls the handler and turns a panic into a reply.
func (s *session) ask(question func(context.Context) *Reply) (r *Reply) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			r = &replyInternal
		}
	}()
	return question(s.guard.visit.ctx)
}

func (s *session) panicked(p any) {
	s.srv.cfg.Observer.Panicked()
	s.guard.visit.mu.Lock()
	id, ip := s.guard.visit.sum.Session, s.guard.visit.sum.ClientIP
	s.guard.visit.mu.Unlock()
	s.srv.cfg.Logger.Error("handler panicked", "session", id, "client_ip", ip,
		"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}

// expect gives what is closed when Data is called for a chunk of that size, nil when
// go-smtp will not call it.
func (s *session) expect(size int64) <-chan struct{} {
	if s == nil || s.env == nil || len(s.env.RcptTo) == 0 || size > s.srv.cfg.MaxMessageBytes+1 {
		return nil
	}
	return s.begun
}

// Reset forgets the message under way.
func (s *session) Reset() {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.env = nil
	s.settle()
}

// settle waits until go-smtp's goroutine for chunks is done with its connection: it
// reports the outcome of a message to whatever message is under way by then, so one
// that was given up could answer for the next. Its last act is to close the pipe.
func (s *session) settle() {
	for try := 0; s.chunks != nil && try < settleTries; try++ {
		if _, err := s.chunks.Read(nil); errors.Is(err, io.ErrClosedPipe) {
			s.chunks = nil
		} else if try < settleTries/10 {
			runtime.Gosched()
		} else {
			time.Sleep(time.Millisecond)
		}
	}
}

// Logout waits for the handler to let go of a message that broke off.
func (s *session) Logout() error {
	s.Reset()
	return nil
}

// body is the content as the handler reads it: bounded, and it remembers how it ended.
type body struct {
	from func([]byte) (int, error)
	left int64 // bytes to the limit
	err  error // io.EOF when all came
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.from(p)
	if b.left -= int64(n); b.left < 0 {
		b.err = ErrTooLarge
		return 0, b.err
	}
	b.err = err
	return n, err
}

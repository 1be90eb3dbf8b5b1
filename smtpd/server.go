package smtpd

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/time/rate"
)

// Server is the SMTP server. go-smtp leads the dialogue, in two servers: one for
// plaintext, and one for what goes on behind STARTTLS. Between the network and
// either stands a guard (conn) that frames commands and content, holds the limits
// and does the handshake, so that they are the same with TLS and without.
//
//	socket ─► gate ─► conn ─► go-smtp, plain ── STARTTLS ─► TLS ─► conn ─► go-smtp, secure
//	                            └──────────► session ─► Handler ◄──────────┘
type Server struct {
	cfg      Config
	handler  Handler
	gate     *gate
	tls      *tls.Config // nil without a certificate
	plain    *smtp.Server
	secure   *smtp.Server
	handover *handover
	refusals *rate.Limiter // of log lines
	base     context.Context
	cancel   context.CancelFunc

	mu        sync.Mutex
	visits    map[*visit]struct{}
	draining  bool
	listeners []net.Listener
	serving   sync.WaitGroup
}

// New makes a server that is not serving yet. Its errors wrap ErrConfig.
func New(cfg Config, handler Handler) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg:      cfg,
		handler:  handler,
		gate:     newGate(cfg, affordable(cfg)),
		handover: newHandover(),
		refusals: rate.NewLimiter(10, 20),
		visits:   map[*visit]struct{}{},
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.plain, s.secure = s.library(), s.library()
	if cfg.Certificate != nil {
		s.tls = cfg.Certificate.config()
		// Only makes go-smtp offer STARTTLS; the guard does the handshake.
		s.plain.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return s, nil
}

func (s *Server) library() *smtp.Server {
	l := smtp.NewServer(smtp.BackendFunc(s.newSession))
	l.Domain = s.cfg.Hostname
	l.MaxRecipients = max(s.cfg.MaxRecipients, 0)
	l.MaxMessageBytes = s.cfg.MaxMessageBytes + 1 // go-smtp refuses a message of exactly its limit
	l.MaxLineLength = s.cfg.MaxLineBytes
	l.EnableSMTPUTF8 = true
	l.ErrorLog = libraryLog{s.cfg.Logger}
	return l
}

// affordable gives the number of connections that leaves descriptors for the rest
// of the program; negative for no limit.
func affordable(cfg Config) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<30 {
		return cfg.MaxConnections
	}
	have := max(int(limit.Cur)-spareDescriptors, int(limit.Cur)/2)
	if cfg.MaxConnections >= 0 && cfg.MaxConnections <= have {
		return cfg.MaxConnections
	}
	cfg.Logger.Warn("fewer connections than configured", "connections", have,
		"configured", cfg.MaxConnections, "file_descriptors", limit.Cur)
	return have
}

// Serve takes connections from all listeners until Shutdown, then returns nil, or
// until one of them fails, then closes the others and returns the error. It owns
// the listeners and closes them.
func (s *Server) Serve(listeners ...net.Listener) error {
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		closeAll(listeners)
		return ErrClosed
	}
	s.serving.Add(1)
	s.listeners = append(s.listeners, listeners...)
	s.mu.Unlock()
	defer s.serving.Done()

	ended := make(chan error, len(listeners)+1)
	go func() { ended <- s.secure.Serve(s.handover) }()
	for _, l := range listeners {
		go func() {
			ended <- s.accept(l)
		}()
	}
	var first error
	for range len(listeners) + 1 {
		if err := <-ended; err != nil && first == nil {
			first = err
			closeAll(listeners)
			s.handover.Close()
		}
	}
	return first
}

func (s *Server) accept(l net.Listener) error {
	g := s.guard(l)
	err := s.plain.Serve(g)
	if g.spare != nil {
		g.spare.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil || s.draining {
		return nil
	}
	return fmt.Errorf("accept on %s: %w", l.Addr(), err)
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// Shutdown closes the listeners, answers 421 to clients that wait, and lets
// messages under way finish until ctx ends; then it closes the connections,
// cancels the handler's contexts and returns the error of ctx. It returns after
// every session has ended, at most five seconds after ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	closeAll(s.listeners)
	for v := range s.visits {
		v.drain()
	}
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		defer close(done)
		// First our own count, which knows a session from its accept to its end: the
		// library must not begin to wait while it may yet take a session over.
		s.awaitVisits()
		// One after the other: a plain session may yet hand over to a secure one.
		s.plain.Shutdown(context.Background())
		s.secure.Shutdown(context.Background())
		s.handover.Close()
		s.serving.Wait()
	}()
	defer s.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	s.mu.Lock()
	left := len(s.visits)
	for v := range s.visits {
		v.end(EndShutdown)
		v.raw.Close()
	}
	s.mu.Unlock()
	s.cfg.Logger.Warn("sessions cut short by shutdown", "sessions", left)
	select {
	case <-done:
		return fmt.Errorf("wait for %d sessions: %w", left, ctx.Err())
	case <-time.After(forceTimeout):
		return fmt.Errorf("sessions still busy after their connections were closed: %w", ctx.Err())
	}
}

// awaitVisits returns when no session is left, or soon after the base context ended.
func (s *Server) awaitVisits() {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		left := len(s.visits)
		s.mu.Unlock()
		if left == 0 || s.base.Err() != nil {
			return
		}
		<-tick.C
	}
}

func (s *Server) remember(v *visit) {
	s.cfg.Observer.Opened()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.visits[v] = struct{}{}
	if s.draining {
		v.drain()
	}
}

func (s *Server) forget(v *visit) {
	s.mu.Lock()
	delete(s.visits, v)
	s.mu.Unlock()
	v.mu.Lock()
	claimed, address := v.claimed, v.sum.ClientIP
	v.mu.Unlock()
	if claimed {
		s.gate.unclaim(address)
	}
	s.gate.exit()
}

// libraryLog takes what go-smtp has to say: accept errors, and panics that it
// caught because they were not ours.
type libraryLog struct{ *slog.Logger }

func (l libraryLog) Printf(format string, v ...any) {
	l.Warn("go-smtp complains", "text", fmt.Sprintf(format, v...))
}

func (l libraryLog) Println(v ...any) {
	l.Warn("go-smtp complains", "text", strings.TrimSuffix(fmt.Sprintln(v...), "\n"))
}

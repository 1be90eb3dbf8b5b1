package smtpd

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/pires/go-proxyproto"
)

// guardListener turns away whom the gate does not let in and gives go-smtp
// guarded connections of the others.
type guardListener struct {
	net.Listener
	srv   *Server
	spare *os.File // held so that a client can be told when descriptors run out
}

func (s *Server) guard(l net.Listener) *guardListener {
	g := &guardListener{Listener: l, srv: s}
	g.spare, _ = os.Open(os.DevNull) // without it, the client only waits longer
	return g
}

func (l *guardListener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			l.shed()
			return nil, err // go-smtp waits a little and comes back
		}
		if err != nil {
			return nil, err
		}
		if c := l.srv.receive(raw); c != nil {
			return c, nil
		}
	}
}

// shed answers one waiting client with the descriptor kept for that.
func (l *guardListener) shed() {
	if l.spare == nil {
		return
	}
	l.spare.Close()
	if raw, err := l.Listener.Accept(); err == nil {
		l.srv.refuse(raw, EndDescriptor)
	}
	l.spare, _ = os.Open(os.DevNull)
}

// receive lets a connection in; nil when it was turned away. Behind a proxy the
// address is known only after the header, which is read with the greeting.
func (s *Server) receive(raw net.Conn) *conn {
	if reason := s.gate.enter(); reason != "" {
		s.refuse(raw, reason)
		return nil
	}
	v := s.newVisit(raw)
	if within(s.cfg.ProxyFrom, v.sum.ClientIP) {
		s.remember(v)
		proxied := proxyproto.NewConn(raw, proxyproto.WithPolicy(proxyproto.REQUIRE),
			proxyproto.SetReadHeaderTimeout(proxyTimeout))
		return newConn(v, proxied, phaseGreeting)
	}
	if reason := s.gate.claim(v.sum.ClientIP); reason != "" {
		v.cancel()
		s.gate.exit()
		s.refuse(raw, reason)
		return nil
	}
	v.claimed = true
	s.remember(v)
	return newConn(v, raw, phaseGreeting)
}

// refuse tells a client that it is turned away, without a session of its own: the
// few bytes fit into the empty buffer of a new socket.
func (s *Server) refuse(raw net.Conn, reason string) {
	raw.SetWriteDeadline(time.Now().Add(refusalTimeout))
	raw.Write([]byte(refusal(reason).String() + "\r\n"))
	raw.Close()
	s.cfg.Observer.Refused(reason)
	if s.refusals.Allow() {
		s.cfg.Logger.Info("connection refused", "client_ip", addressOf(raw.RemoteAddr()), "reason", reason)
	}
}

// handover is the listener of go-smtp's second server: each connection that it
// accepts has just finished its TLS handshake.
type handover struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newHandover() *handover {
	return &handover{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// give hands c over; false when nobody takes it any more.
func (h *handover) give(c net.Conn) bool {
	select {
	case h.conns <- c:
		return true
	case <-h.done:
		return false
	}
}

func (h *handover) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

func (h *handover) Addr() net.Addr { return &net.TCPAddr{} }

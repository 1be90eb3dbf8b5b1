package smtpd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Why a connection was turned away or a session ended: the closed set that
// Observer and the log use.
const (
	EndQuit       = "quit"
	EndClosed     = "closed"        // the client hung up
	EndError      = "error"         // the network broke
	EndTimeout    = "timeout"       // no command in time
	EndData       = "data_timeout"  // content stalled
	EndSlow       = "slow"          // content below the minimum rate
	EndSession    = "session"       // the session lasted too long
	EndShutdown   = "shutdown"      // we stop
	EndJunk       = "junk"          // too many commands that lead nowhere
	EndErrors     = "errors"        // too many commands that were wrong
	EndRefused    = "refused"       // too many recipients refused
	EndMessages   = "messages"      // too many messages
	EndLine       = "line_too_long" // a command line over the limit
	EndBytes      = "bytes"         // more bytes than one message may cost
	EndChunk      = "bdat_broken"   // a chunk that cannot be framed
	EndSync       = "sync"          // talked before its turn
	EndTLS        = "tls"           // the handshake did not succeed
	EndProxy      = "proxy"         // no PROXY header from an address that must send one
	EndFull       = "conn_limit"    // too many connections in all
	EndAddress    = "conn_limit_ip" // too many from one address
	EndRate       = "conn_rate"     // too many new ones from one address
	EndDescriptor = "fd_low"        // no file descriptor left
)

// Observer is told what the server does, for metrics. Its methods are called from
// many goroutines and must not block.
type Observer interface {
	// Opened is called for each connection that is not turned away at once.
	Opened()
	// Closed is called once for each Opened.
	Closed(Summary)
	// Refused is called for each connection turned away, with its End constant;
	// those found out at the greeting were Opened as well.
	Refused(reason string)
	// Replied is called for each reply with its code.
	Replied(code int)
	// Panicked is called for each panic of a Handler.
	Panicked()
}

// Summary is what is known of a session when it has ended.
type Summary struct {
	Session  string // id, as in Envelope
	ClientIP netip.Addr
	Helo     string // the last one given; a stranger wrote it
	TLS      string // version and cipher suite, "" without TLS
	Accepted int    // messages answered 2xx
	Refused  int    // messages answered otherwise
	Bytes    int64  // received, commands and content, inside TLS
	Duration time.Duration
	End      string // an End constant
}

type nobody struct{}

func (nobody) Opened()        {}
func (nobody) Closed(Summary) {}
func (nobody) Refused(string) {}
func (nobody) Replied(int)    {}
func (nobody) Panicked()      {}

// visit is one connection from accept to close, before and behind STARTTLS.
type visit struct {
	srv     *Server
	raw     net.Conn // the socket, to be closed by force
	started time.Time
	ctx     context.Context
	cancel  context.CancelFunc

	mu       sync.Mutex
	sum      Summary
	claimed  bool     // counted for its address
	reader   net.Conn // whose deadline holds at the moment
	waiting  bool     // for a command
	busy     bool     // the handler has a message in its hands
	draining bool
}

func (s *Server) newVisit(raw net.Conn) *visit {
	v := &visit{srv: s, raw: raw, reader: raw, started: time.Now()}
	v.ctx, v.cancel = context.WithCancel(s.base)
	v.sum.Session = newID()
	v.sum.ClientIP = addressOf(raw.RemoteAddr())
	return v
}

// newID makes the id of a session: 64 random bits, so that it says nothing and
// never repeats after a restart.
func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func addressOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

// arm sets the deadline for the next read. With a command awaited it fails once
// the server drains, unless a message is half way in.
func (v *visit) arm(c net.Conn, until time.Time, command bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reader, v.waiting = c, command
	if command && v.draining && !v.busy {
		return errShutdown
	}
	return c.SetReadDeadline(until)
}

// proceed tells whether a command that is here already may be taken: see arm.
func (v *visit) proceed() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting = true
	if v.draining && !v.busy {
		return errShutdown
	}
	return nil
}

// drain asks the visit to end before its next command.
func (v *visit) drain() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.draining = true
	v.interrupt()
}

func (v *visit) interrupt() {
	if v.draining && v.waiting && !v.busy {
		v.reader.SetReadDeadline(time.Unix(1, 0))
	}
}

func (v *visit) begin() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.busy = true
}

// finish notes the outcome of a message.
func (v *visit) finish(r Reply) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.busy = false
	if r.OK() {
		v.sum.Accepted++
	} else {
		v.sum.Refused++
	}
	v.interrupt()
}

func (v *visit) messages() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sum.Accepted + v.sum.Refused
}

// received counts bytes.
func (v *visit) received(n int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sum.Bytes += n
}

// note changes the summary under its lock.
func (v *visit) note(change func(*Summary)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(&v.sum)
}

// end sets why the session ends; the first reason stays.
func (v *visit) end(reason string) {
	v.note(func(s *Summary) {
		if s.End == "" {
			s.End = reason
		}
	})
}

// leave gives the place back and writes the session's one log line.
func (v *visit) leave() {
	v.cancel()
	v.mu.Lock()
	sum := v.sum
	v.mu.Unlock()
	sum.Duration = time.Since(v.started)
	if sum.End == "" {
		sum.End = EndClosed
	}
	v.srv.forget(v)
	level := slog.LevelInfo
	if sum.Bytes == 0 && (sum.End == EndClosed || sum.End == EndShutdown) {
		level = slog.LevelDebug // a health check of a load balancer, every few seconds
	}
	v.srv.cfg.Logger.LogAttrs(context.Background(), level, "session ended",
		slog.String("session", sum.Session), slog.Any("client_ip", sum.ClientIP), slog.String("helo", shorten(sum.Helo)), slog.String("tls", sum.TLS),
		slog.Int("accepted", sum.Accepted), slog.Int("refused", sum.Refused), slog.Int64("bytes", sum.Bytes),
		slog.Float64("seconds", sum.Duration.Seconds()), slog.String("end", sum.End))
	v.srv.cfg.Observer.Closed(sum)
}

func (v *visit) stopping() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.draining
}

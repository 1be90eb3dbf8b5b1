package smtpd

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
)

// discard takes every message and forgets it, for us and for bare go-smtp.
type discard struct{}

func (discard) Mail(context.Context, *Envelope, int64) *Reply  { return nil }
func (discard) Rcpt(context.Context, *Envelope, string) *Reply { return nil }
func (discard) Data(_ context.Context, _ *Envelope, r io.Reader) Reply {
	io.Copy(io.Discard, r)
	return Reply{250, [3]int{2, 0, 0}, "ok"}
}

type discardSession struct{}

func (discardSession) Reset()                               {}
func (discardSession) Logout() error                        { return nil }
func (discardSession) Mail(string, *smtp.MailOptions) error { return nil }
func (discardSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (discardSession) Data(r io.Reader) error               { io.Copy(io.Discard, r); return nil }
func newDiscardSession(*smtp.Conn) (smtp.Session, error)    { return discardSession{}, nil }
func serveLibrary(b *testing.B, l net.Listener) func() error {
	s := smtp.NewServer(smtp.BackendFunc(newDiscardSession))
	go s.Serve(l)
	return s.Close
}

func serveGuarded(b *testing.B, l net.Listener) func() error {
	s, err := New(Config{
		Hostname: "mx.example.net", MaxPerAddress: -1, ConnectionsPerMinute: -1, MaxMessages: -1,
		Logger: slog.New(slog.DiscardHandler),
	}, discard{})
	if err != nil {
		b.Fatal(err)
	}
	go s.Serve(l)
	return func() error { return s.Shutdown(context.Background()) }
}

// BenchmarkMessages compares the guarded server with bare go-smtp: messages of 4 KB
// from 50 sessions, each command after the reply to the one before.
func BenchmarkMessages(b *testing.B) {
	servers := []struct {
		name  string
		serve func(*testing.B, net.Listener) func() error
	}{{"go-smtp", serveLibrary}, {"guarded", serveGuarded}}
	for _, mails := range []int{100, 1} {
		for _, server := range servers {
			name := map[int]string{100: "many-per-connection/", 1: "one-per-connection/"}[mails]
			b.Run(name+server.name, func(b *testing.B) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				defer server.serve(b, l)()
				b.SetParallelism(25)
				b.RunParallel(func(pb *testing.PB) { deliver(b, pb, l.Addr().String(), mails) })
			})
		}
	}
}

func deliver(b *testing.B, pb *testing.PB, addr string, mails int) {
	body := strings.Repeat(strings.Repeat("x", 74)+"\r\n", 54) + ".\r\n"
	for more := pb.Next(); more; {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Error(err)
			return
		}
		c := newClient(b, conn)
		c.want("220 ")
		c.say("EHLO client.example", "250-")
		for n := 0; more && n < mails; n++ {
			c.say("MAIL FROM:<a@example.com>", "250 ", "RCPT TO:<dmarc@reports.example.net>", "250 ", "DATA", "354 ")
			c.send(body)
			c.want("250 ")
			more = pb.Next()
		}
		c.say("QUIT", "221 ")
		conn.Close()
	}
}

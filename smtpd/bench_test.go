package smtpd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

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

// content is of 4 KB, as DATA has it and as one chunk (RFC 3030 §2).
var (
	lines4K = strings.Repeat(strings.Repeat("x", 74)+"\r\n", 54)
	content = map[string][]string{
		"data":  {"DATA\r\n", lines4K + ".\r\n"},
		"chunk": {fmt.Sprintf("BDAT %d LAST\r\n%s", len(lines4K), lines4K)},
	}
)

// BenchmarkMessages compares the guarded server with bare go-smtp: messages of 4 KB
// from 50 sessions, each command after the reply to the one before. cpu-µs/op is the
// processor time of both ends.
func BenchmarkMessages(b *testing.B) {
	servers := []struct {
		name  string
		serve func(*testing.B, net.Listener) func() error
	}{{"go-smtp", serveLibrary}, {"guarded", serveGuarded}}
	for _, load := range []struct {
		name  string
		mails int
		as    string
	}{{"many-per-connection/", 100, "data"}, {"one-per-connection/", 1, "data"}, {"many-chunks/", 100, "chunk"}} {
		for _, server := range servers {
			name := load.name
			b.Run(name+server.name, func(b *testing.B) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				defer server.serve(b, l)()
				b.SetParallelism(25)
				b.ReportAllocs()
				before := spent()
				b.RunParallel(func(pb *testing.PB) {
					if err := deliver(pb, l.Addr().String(), load.mails, content[load.as]); err != nil {
						b.Error(err)
					}
				})
				b.ReportMetric(float64((spent()-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

// spent is the processor time of this process so far.
func spent() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// deliver sends messages until pb has enough. It allocates nothing for a message, so
// that what is measured is the server's.
func deliver(pb *testing.PB, addr string, mails int, content []string) error {
	turns := [][]byte{[]byte("MAIL FROM:<a@example.com>\r\n"), []byte("RCPT TO:<dmarc@reports.example.net>\r\n")}
	for _, turn := range content {
		turns = append(turns, []byte(turn))
	}
	for more := pb.Next(); more; {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		in := bufio.NewReaderSize(conn, 1024)
		err = errors.Join(answer(in), exchange(conn, in, []byte("EHLO client.example\r\n")))
		for n := 0; more && n < mails && err == nil; n++ {
			for _, turn := range turns {
				err = errors.Join(err, exchange(conn, in, turn))
			}
			more = pb.Next()
		}
		err = errors.Join(err, exchange(conn, in, []byte("QUIT\r\n")))
		conn.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func exchange(conn net.Conn, in *bufio.Reader, b []byte) error {
	if _, err := conn.Write(b); err != nil {
		return err
	}
	return answer(in)
}

// answer reads one reply that accepts.
func answer(in *bufio.Reader) error {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if line[0] != '2' && line[0] != '3' {
			return fmt.Errorf("reply: got %q", line)
		}
		if line[3] == ' ' {
			return nil
		}
	}
}

package intake

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"reportmx/internal/dmarcdns"
	"reportmx/internal/mailauth"
	"reportmx/reports"
	"reportmx/smtpd"
	"reportmx/storage"
)

// nowhere is a store that costs nothing.
type nowhere struct{}

func (nowhere) Commit(_ context.Context, b storage.Batch) (storage.Outcome, error) {
	return storage.Outcome{Reports: make([]storage.ReportOutcome, len(b.Reports))}, nil
}

// silence is a DNS without any record.
type silence struct{}

func (silence) TXT(context.Context, string) (dmarcdns.Answer, error) {
	return dmarcdns.Answer{Kind: dmarcdns.NXDomain}, nil
}
func (silence) MX(context.Context, string) (dmarcdns.Answer, error) {
	return dmarcdns.Answer{Kind: dmarcdns.NXDomain}, nil
}
func (silence) A(context.Context, string) (dmarcdns.Answer, error) {
	return dmarcdns.Answer{Kind: dmarcdns.NXDomain}, nil
}

func (silence) AAAA(context.Context, string) (dmarcdns.Answer, error) {
	return dmarcdns.Answer{Kind: dmarcdns.NXDomain}, nil
}
func (silence) PTR(context.Context, netip.Addr) (dmarcdns.Answer, error) {
	return dmarcdns.Answer{Kind: dmarcdns.NXDomain}, nil
}

// packed is a mail as large senders make it: some 3 KB of header, a text, and the
// document as gzip.
func packed(b *testing.B) []byte {
	b.Helper()
	var zip bytes.Buffer
	w := gzip.NewWriter(&zip)
	if _, err := io.WriteString(w, document("example.com", "1")); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	trace := strings.Repeat("X-Trace: "+strings.Repeat("0123456789abcdef", 4)+"\r\n\t"+strings.Repeat("fedcba9876543210", 4)+"\r\n", 20)
	return []byte("From: reports@receiver.example\r\nSubject: Report Domain: example.com Submitter: receiver.example\r\n" +
		"Message-ID: <1@receiver.example>\r\nDate: Mon, 16 Nov 2026 06:00:00 +0000\r\nMIME-Version: 1.0\r\n" + trace + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n" +
		"--b\r\nContent-Type: application/gzip; name=\"receiver.example!example.com!1795132800!1795219199.xml.gz\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString(zip.Bytes()) + "\r\n--b--\r\n")
}

// BenchmarkData takes a report mail, with a store and a DNS that cost nothing; find is
// the part of it that package reports does. cpu-µs/op is processor time.
func BenchmarkData(b *testing.B) {
	mail := packed(b)
	b.Run("find", func(b *testing.B) {
		b.ReportAllocs()
		before := spent()
		for b.Loop() {
			reports.Find(mail, reports.Limits{})
		}
		b.ReportMetric(float64((spent()-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
	})
	for _, mode := range []AuthorizationMode{Off, Observe} {
		b.Run("authorization "+string(mode), func(b *testing.B) {
			in := newBench(b, func(c *Config) {
				c.Store, c.Verifier, c.DNS = nowhere{}, mailauth.New(silence{}), silence{}
				c.Policy.Authorization = mode
				c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
			})
			env := &smtpd.Envelope{ClientIP: netip.MustParseAddr("192.0.2.1"), Helo: "[192.0.2.1]", Extended: true, RcptTo: []string{"dmarc@reports.example.net"}}
			b.ReportAllocs()
			before := spent()
			for b.Loop() {
				if r := in.Data(b.Context(), env, bytes.NewReader(mail)); !r.OK() {
					b.Fatal(r)
				}
			}
			b.ReportMetric(float64((spent()-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
		})
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

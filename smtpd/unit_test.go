package smtpd

import (
	"errors"
	"io"
	"net/mail"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

func TestReply(t *testing.T) {
	tests := []struct {
		name  string
		reply Reply
		want  string
	}{
		{"as it is", Reply{250, [3]int{2, 0, 0}, "stored"}, "250 2.0.0 stored"},
		{"class follows the code", Reply{451, [3]int{5, 7, 1}, "later"}, "451 4.7.1 later"},
		{"one line", Reply{550, [3]int{5, 7, 1}, "a\r\n250 b\x1b\u00e4"}, "550 5.7.1 a? 250 b??"},
		{"no reply at all", Reply{}, replyInternal.String()},
		{"not a final code", Reply{354, [3]int{}, "go on"}, replyInternal.String()},
		{"too long", Reply{550, [3]int{5, 0, 0}, strings.Repeat("x", 600)}, "550 5.0.0 " + strings.Repeat("x", 477) + "..."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := test.reply.smtpError()
			got := Reply{e.Code, [3]int(e.EnhancedCode), e.Message}.String()
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestVerb: the guard sees the verb that go-smtp sees.
func TestVerb(t *testing.T) {
	tests := []struct{ line, want string }{
		{"mail FROM:<>\r\n", "MAIL"},
		{"QUIT\r\n", "QUIT"},
		{"QUI\r\n", ""},
		{"QUITS\r\n", ""},
		{"starttls\r\n", "STARTTLS"},
		{"STARTTLSX\r\n", "STARTTLS"},
		{"ſTARTTLS\r\n", "STARTTLS"},
		{"ſtarttlſ\r\n", "STARTTLS"},
		{"STARTTL\r\n", ""},
	}
	for _, test := range tests {
		if got := verbOf([]byte(test.line)); got != test.want {
			t.Errorf("%q: got %q, want %q", test.line, got, test.want)
		}
	}
}

func TestBodyReply(t *testing.T) {
	tests := []struct {
		err  error
		want int
	}{
		{ErrTooLarge, 552},
		{smtp.ErrDataTooLarge, 552},
		{smtp.ErrTooLongLine, 554},
		{smtp.ErrDataReset, 451},
		{io.ErrUnexpectedEOF, 451},
		{errors.New("anything"), 451},
		{replyStalled.smtpError(), 421},
	}
	for _, test := range tests {
		if got := bodyReply(test.err).Code; got != test.want {
			t.Errorf("%v: got %d, want %d", test.err, got, test.want)
		}
	}
}

func TestReceived(t *testing.T) {
	at := time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	env := Envelope{
		ClientIP: netip.MustParseAddr("192.0.2.1"), Helo: "client.example", Extended: true,
		RcptTo: []string{"dmarc@reports.example.net"}, TLS: "TLS 1.3 TLS_AES_128_GCM_SHA256",
	}
	tests := []struct {
		name   string
		change func(*Envelope)
		want   string
	}{
		{"everything", func(*Envelope) {}, "from client.example ([192.0.2.1]) by mx.example.net (reportmx) with ESMTPS id id1 (TLS 1.3 TLS_AES_128_GCM_SHA256) for <dmarc@reports.example.net>; Sat, 21 Nov 2026 13:00:00 +0000"},
		{"HELO, no TLS, two recipients", func(e *Envelope) { e.Extended, e.TLS, e.RcptTo = false, "", []string{"a@x", "b@x"} }, "from client.example ([192.0.2.1]) by mx.example.net (reportmx) with SMTP id id1; Sat, 21 Nov 2026 13:00:00 +0000"},
		{"IPv6, SMTPUTF8", func(e *Envelope) { e.ClientIP, e.UTF8, e.RcptTo = netip.MustParseAddr("2001:db8::1"), true, nil }, "from client.example ([IPv6:2001:db8::1]) by mx.example.net (reportmx) with UTF8SMTPS id id1 (TLS 1.3 TLS_AES_128_GCM_SHA256); Sat, 21 Nov 2026 13:00:00 +0000"},
		{"a stranger's tricks", func(e *Envelope) { e.Helo, e.RcptTo, e.TLS = "a (b)\r\nX: y;\x1b", []string{"a>\r\nY: <b@x"}, "" }, "from a??b???X:?y?? ([192.0.2.1]) by mx.example.net (reportmx) with ESMTP id id1; Sat, 21 Nov 2026 13:00:00 +0000"},
		{"nothing known", func(e *Envelope) { *e = Envelope{} }, "from unknown (unknown) by mx.example.net (reportmx) with SMTP id id1; Sat, 21 Nov 2026 13:00:00 +0000"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := env
			test.change(&e)
			line := e.Received("mx.example.net", "id1", at)
			m, err := mail.ReadMessage(strings.NewReader(line + "\r\n"))
			if err != nil || len(m.Header) != 1 {
				t.Fatalf("header: got %v, %v, want one field", m, err)
			}
			if got := m.Header.Get("Received"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	env.Helo = strings.Repeat("h", 1000)
	for _, line := range strings.Split(env.Received("mx.example.net", "id1", at), "\r\n") {
		if len(line) > 998 {
			t.Errorf("line: got %d bytes, want at most 998", len(line))
		}
	}
}

func TestConfig(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		ok   bool
	}{
		{"no name", Config{}, false},
		{"no size limit", Config{Hostname: "mx.example.net", MaxMessageBytes: -1}, false},
		{"defaults", Config{Hostname: "mx.example.net"}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(test.cfg, &sink{})
			if (err == nil) != test.ok || !test.ok && !errors.Is(err, ErrConfig) {
				t.Errorf("got %v, want success %v", err, test.ok)
			}
		})
	}
}

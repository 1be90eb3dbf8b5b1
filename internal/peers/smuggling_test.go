package peers

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// ends are the published spellings of an end of data that is none: only CR LF . CR LF
// ends one (RFC 5321 §4.1.1.4).
var ends = []string{
	"\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\n.\r", "\r\n.\n", "\r\n.\r", "\r\n\x00.\r\n", "\r\n.\x00\r\n",
	"\r\r\n.\r\n", "\r\r\n.\r\r\n", "\r\n.\r\r\n", "\n\n.\n\n", "\n\n.\r\n", "\r\n\n.\r\n", "\r\n. \r\n", "\r\n..\r\n",
	"\xc2\x85.\xc2\x85", "\r\n\x1a.\r\n", "\x0b.\x0b", "\r\n.\r\x00\n", "\n\r.\n\r",
}

// smuggled is a report in a text, an end of data that is none, and behind it the
// commands and content of a second report. As part of the first mail it is a text
// that nobody reads; its own report can be read only in a mail of its own.
func smuggled(i int) string {
	head, report, _ := strings.Cut(mail(fmt.Sprintf("outer-%d", i), 2), "Content-Type: text/xml\r\n")
	outer := head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/xml\r\n" + report +
		"--b\r\nContent-Type: text/plain\r\n\r\nfirst"
	head, report, _ = strings.Cut(mail(fmt.Sprintf("inner-%d", i), 2), "\r\n\r\n")
	encoded := base64.StdEncoding.EncodeToString([]byte(report))
	inner := "MAIL FROM:<evil@receiver.example>\r\nRCPT TO:<" + address + ">\r\nDATA\r\n" + head + "\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	for len(encoded) > 0 {
		n := min(len(encoded), 76)
		inner, encoded = inner+encoded[:n]+"\r\n", encoded[n:]
	}
	return outer + ends[i] + inner + ".\r\n"
}

// smuggle sends all spellings to a server and gives for how many inner mails it
// itself fell: what it then passes on are two mails, and rightly so.
func smuggle(t *testing.T, name, addr string) (accepted int, fell map[int]bool) {
	t.Helper()
	fell = make(map[int]bool)
	var refused []string
	for i := range ends {
		took, replies, err := dialog(addr, "a@receiver.example", smuggled(i))
		if err != nil {
			t.Fatalf("%q to %s: %v", ends[i], name, err)
		}
		accepted += took
		switch {
		case took == 0:
			refused = append(refused, fmt.Sprintf("%q: %s", ends[i], replies[len(replies)-1]))
		case took > 1:
			fell[i] = true
		}
	}
	t.Logf("%s took %d messages in %d dialogs, fell for %d and refused %d %q", name, accepted, len(ends), len(fell), len(refused), refused)
	return accepted, fell
}

// TestSmuggling: what comes is one mail each, through our own server and through
// mail servers that bring to it what they took for one mail.
func TestSmuggling(t *testing.T) {
	together(t)
	tests := []struct {
		name  string
		start func(*testing.T, *mx) *relay // nil where it cannot be tested here
	}{
		{"directly", func(_ *testing.T, m *mx) *relay {
			return &relay{name: "reportmx", addr: m.addr, queue: func(*testing.T) int { return 0 }}
		}},
		{"through Postfix", func(t *testing.T, m *mx) *relay {
			if !havePostfix(t) {
				return nil
			}
			return startPostfix(t, m.addr)
		}},
		{"through Exim", func(t *testing.T, m *mx) *relay {
			if !deep(t, "exim4") {
				return nil
			}
			return startExim(t, m.addr)
		}},
		{"through OpenSMTPD", func(t *testing.T, m *mx) *relay {
			if !deep(t, "smtpd", "smtpctl") {
				return nil
			}
			return startOpenSMTPD(t, m.addr)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMX(t)
			r := tt.start(t, m)
			if r == nil {
				return
			}
			accepted, fell := smuggle(t, r.name, r.addr)
			if r.addr == m.addr && len(fell) > 0 {
				t.Errorf("our own server took the mails behind ends %v", fell)
			}
			r.settle(t, patience)
			if got := m.accepted(t); got != accepted {
				t.Errorf("%s took %d messages, our server %d", r.name, accepted, got)
			}
			for _, s := range m.export(t, "aggregate") {
				var i int
				if n, _ := fmt.Sscanf(s.Report.ReportID, "inner-%d", &i); n == 1 && !fell[i] {
					t.Errorf("the mail behind %q came out", ends[i])
				}
			}
			m.wantHeld(t, 0)
		})
	}
}

package smtpd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDialogs plays the files of testdata/dialogs against a server. A line is
//
//	C: what the client sends, with CRLF
//	c: the same without CRLF; \r, \n, \t and \xNN are understood in both
//	S: how the next reply begins; of a reply with many lines, as many as there are S: lines
//	S:  (nothing) the server has closed the connection
//	M: how the next message kept must read, its lines joined by \r\n
//	# a remark; the first says what the file is about
//
// The server has a limit of 2,000 bytes a message, 3 recipients, and TLS.
func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogs/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("dialogs: got %d files, %v", len(files), err)
	}
	cert := testCertificate(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b := start(t, Config{MaxMessageBytes: 2000, MaxRecipients: 3, MaxLineBytes: 4000, Certificate: cert, GreetPause: -1}, &sink{})
			play(t, b, string(text))
		})
	}
}

func play(t *testing.T, b *bench, script string) {
	c := dial(t, b.addr)
	var reply []string
	kept := 0
	for _, line := range strings.Split(script, "\n") {
		kind, text, _ := strings.Cut(line, ":")
		text = strings.TrimPrefix(text, " ")
		switch kind {
		case "C":
			reply = nil
			c.send(unescape(text) + "\r\n")
		case "c":
			reply = nil
			c.send(unescape(text))
		case "S":
			if len(reply) == 0 {
				reply = strings.Split(c.reply(), "\n")
			}
			if !strings.HasPrefix(reply[0], text) || text == "" && reply[0] != "" {
				t.Fatalf("reply: got %q, want %q…", reply[0], text)
			}
			reply = reply[1:]
		case "M":
			all := b.sink.all()
			if kept >= len(all) {
				t.Fatalf("messages: got %d, want another", len(all))
			}
			if got := all[kept].body; got != unescape(text) {
				t.Fatalf("message: got %q, want %q", got, unescape(text))
			}
			kept++
		}
	}
	c.Close()
	b.stop()
	if got := len(b.sink.all()); strings.Contains(script, "\nM:") && got != kept {
		t.Errorf("messages: got %d, want %d", got, kept)
	}
}

func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'r':
			out.WriteByte('\r')
		case 'n':
			out.WriteByte('\n')
		case 't':
			out.WriteByte('\t')
		case 'x':
			const digits = "0123456789abcdef"
			out.WriteByte(byte(strings.IndexByte(digits, s[i+1])<<4 | strings.IndexByte(digits, s[i+2])))
			i += 2
		default:
			out.WriteByte(s[i])
		}
	}
	return out.String()
}

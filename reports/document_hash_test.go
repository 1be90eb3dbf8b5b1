package reports

import (
	"crypto/sha256"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestDocumentHash: only the CR of a CRLF does not count, however the document
// comes in pieces, and whatever was hashed before it.
func TestDocumentHash(t *testing.T) {
	for _, tt := range []struct{ name, document, hashed string }{
		{"empty", "", ""},
		{"LF", "a\nb\n", "a\nb\n"},
		{"CRLF", "a\r\nb\r\n", "a\nb\n"},
		{"CR alone", "a\rb", "a\rb"},
		{"CR at the end", "a\r", "a\r"},
		{"CR CR LF", "a\r\r\nb", "a\r\nb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := sha256.Sum256([]byte(tt.hashed))
			whole := newDocumentHash(strings.NewReader(tt.document))
			pieces := newDocumentHash(iotest.OneByteReader(strings.NewReader(tt.document)))
			for _, d := range []*documentHash{whole, pieces} {
				defer d.release()
				if read, err := io.ReadAll(d); string(read) != tt.document || err != nil {
					t.Fatalf("got %q and %v, want %q", read, err, tt.document)
				}
			}
			if got := whole.sum(); got != want {
				t.Errorf("whole: got %x, want %x", got, want)
			}
			if got := pieces.sum(); got != want {
				t.Errorf("byte by byte: got %x, want %x", got, want)
			}
		})
	}
}

// TestLineEndsMakeNoConflict: the same mail with LF, as it is imported, and with
// CRLF, as it is received, is the same report with the same content.
func TestLineEndsMakeNoConflict(t *testing.T) {
	for _, tt := range []struct{ name, document string }{
		{"aggregate", string(generatedReport(3))},
		{"TLS", strings.ReplaceAll(hostileTLS+`"policies":[{"policy":{"policy-domain":"example.com"}}]}`, ",", ",\n")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lf := "Subject: x\n\n" + tt.document
			crlf := strings.ReplaceAll(lf, "\n", "\r\n")
			imported, received := Find([]byte(lf), Limits{}).Reports, Find([]byte(crlf), Limits{}).Reports
			if len(imported) != 1 || len(received) != 1 {
				t.Fatalf("got %d and %d reports, want one each", len(imported), len(received))
			}
			if imported[0].Identity() != received[0].Identity() {
				t.Error("the identities differ")
			}
			if imported[0].ContentHash != received[0].ContentHash {
				t.Error("the content hashes differ")
			}
		})
	}
}

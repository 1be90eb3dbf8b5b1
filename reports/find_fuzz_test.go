package reports

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// addMails adds all mails of the golden cases.
func addMails(f *testing.F) {
	f.Helper()
	for _, pattern := range []string{"testdata/mail/*/input.eml", "testdata/failure/*/input.eml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: got %d mails, %v", pattern, len(files), err)
		}
		for _, file := range files {
			message, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(message)
		}
	}
}

// FuzzFindPromises holds what Find promises of any bytes: they stay as they are, nothing
// that is found shares memory with them, another time the same is found, and each thing
// that could not be read says why.
func FuzzFindPromises(f *testing.F) {
	addMails(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		given := bytes.Clone(message)
		found := Find(given, fuzzLimits)
		if !bytes.Equal(given, message) {
			t.Fatal("the message was changed")
		}
		for i := range given {
			given[i] = 'X'
		}
		if d := cmp.Diff(found, Find(bytes.Clone(message), fuzzLimits), cmpopts.EquateComparable(netip.Addr{})); d != "" {
			t.Errorf("the second time it differs (-first +second):\n%s", d)
		}
		for _, u := range found.Unreadable {
			if u.Code == "" || u.Code == CodePanic || u.Reason == "" {
				t.Errorf("unreadable: got %+v, want a code and a reason", u)
			}
		}
		for _, r := range found.Reports {
			if r.ContentHash == ([32]byte{}) || r.Part == "" {
				t.Errorf("got a report without a hash or a part: %+v", r)
			}
		}
	})
}

// FuzzLineEnds reads a mail of text as it comes from a mailbox, with LF, and as it
// comes over SMTP, with CRLF: the header and the reports are the same.
func FuzzLineEnds(f *testing.F) {
	addMails(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		stored := bytes.ReplaceAll(message, []byte("\r\n"), []byte("\n"))
		if !utf8.Valid(stored) || bytes.ContainsAny(stored, "\r\x00") {
			return // no text: bytes in an archive are not line ends
		}
		sent := bytes.ReplaceAll(stored, []byte("\n"), []byte("\r\n"))
		got, want := Find(stored, fuzzLimits), Find(sent, fuzzLimits)
		if d := cmp.Diff(got.Header, want.Header); d != "" {
			t.Errorf("headers differ (-LF +CRLF):\n%s", d)
		}
		if len(got.Reports) != len(want.Reports) || len(got.Unreadable) != len(want.Unreadable) {
			t.Fatalf("got %d reports and %d unreadable, want %d and %d", len(got.Reports), len(got.Unreadable), len(want.Reports), len(want.Unreadable))
		}
		for i, r := range got.Reports {
			if r.ContentHash != want.Reports[i].ContentHash {
				t.Errorf("report %d: got %x, want %x", i, r.ContentHash, want.Reports[i].ContentHash)
			}
		}
	})
}

package command

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitMessages(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"one message", "Subject: a\n\nbody\nFrom here on\n", []string{"Subject: a\n\nbody\nFrom here on\n"}},
		{"a document", "<feedback/>", []string{"<feedback/>"}},
		{"nothing", "", []string{""}},
		{"mbox of one", "From a@b Thu\nSubject: a\n\nbody\n", []string{"Subject: a\n\nbody\n"}},
		{"mbox of two", "From a\nSubject: a\n\none\n\nFrom b\nSubject: b\n\ntwo\n", []string{"Subject: a\n\none\n\n", "Subject: b\n\ntwo\n"}},
		{"CRLF", "From a\r\nSubject: a\r\n\r\none\r\n\r\nFrom b\r\nSubject: b\r\n\r\ntwo", []string{"Subject: a\r\n\r\none\r\n\r\n", "Subject: b\r\n\r\ntwo"}},
		{"From within the text", "From a\nSubject: a\n\nbody\nFrom here on\n", []string{"Subject: a\n\nbody\nFrom here on\n"}},
		{"quoted From", "From a\n\n>From one\n>>From two\n> From three\n", []string{"\nFrom one\n>From two\n> From three\n"}},
		{"long line", "From a\n\n" + strings.Repeat("x", 1<<17) + "\n\nFrom b\n\ny\n", []string{"\n" + strings.Repeat("x", 1<<17) + "\n\n", "\ny\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			err := splitMessages(strings.NewReader(tt.in), "in", func(_ string, m []byte) error {
				got = append(got, string(m))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSplitMessagesTooLarge(t *testing.T) {
	err := splitMessages(&endless{}, "in", func(string, []byte) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "256 MiB") {
		t.Errorf("got %v, want an error that names the bound", err)
	}
}

// endless is a message without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestWalkFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"a.eml", "below/b.xml", "below/.hidden",
		"maildir/new/1", "maildir/cur/2:2,S", "maildir/tmp/3", "maildir/dovecot-uidlist",
		"maildir/.Sent/cur/4", "maildir/.Sent/new/5", "maildir/.Sent/tmp/6",
		"tmp/7",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	if err := walkFiles(dir, func(p string) { got = append(got, strings.TrimPrefix(p, dir+"/")) }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	want := []string{"a.eml", "below/.hidden", "below/b.xml", "maildir/.Sent/cur/4", "maildir/.Sent/new/5", "maildir/cur/2:2,S", "maildir/new/1", "tmp/7"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := walkFiles(filepath.Join(dir, "missing"), func(string) {}); err == nil {
		t.Error("got no error for a path that is not there")
	}
}

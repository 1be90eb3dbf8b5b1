package reports

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mailSummary is what want.json holds of a mail: what the walk found, without
// the contents of the documents, which the tests of their readers hold.
type mailSummary struct {
	Header        MessageHeader
	Reports       []reportSummary
	Unreadable    []Unreadable
	OtherFeedback []string
}

type reportSummary struct {
	Kind          Kind
	Part          string
	OrgName       string
	ReportID      string
	PolicyDomains []string
	Warnings      []Warning
}

func summarise(found Found) mailSummary {
	s := mailSummary{Header: found.Header, Unreadable: found.Unreadable, OtherFeedback: found.OtherFeedback}
	for _, r := range found.Reports {
		id := ""
		switch r.Kind {
		case KindAggregate:
			id = r.Aggregate.ReportID
		case KindTLS:
			id = r.TLS.ReportID
		}
		s.Reports = append(s.Reports, reportSummary{r.Kind, r.Part, r.OrgName(), id, r.PolicyDomains(), r.Warnings})
	}
	return s
}

func TestFindMail(t *testing.T) {
	for _, dir := range goldenFolders(t, "mail") {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			golden(t, dir, summarise(Find(readInput(t, dir), Limits{})))
		})
	}
}

// failureSummary is what want.json holds of a failure report: all of it, the
// sample as text.
type failureSummary struct {
	mailSummary
	Failures []Failure
	Samples  []string
	Hashes   []string
}

func summariseFailures(found Found) failureSummary {
	s := failureSummary{mailSummary: summarise(found)}
	for _, r := range found.Reports {
		if r.Failure == nil {
			continue
		}
		f := *r.Failure
		s.Samples = append(s.Samples, string(f.Sample.Raw))
		f.Sample.Raw = nil
		s.Failures = append(s.Failures, f)
		s.Hashes = append(s.Hashes, hex.EncodeToString(r.ContentHash[:]))
	}
	return s
}

func TestFindFailure(t *testing.T) {
	for _, dir := range goldenFolders(t, "failure") {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			golden(t, dir, summariseFailures(Find(readInput(t, dir), Limits{})))
		})
	}
}

func readInput(t *testing.T, dir string) []byte {
	t.Helper()
	message, err := os.ReadFile(filepath.Join(dir, "input.eml"))
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// TestFindLineEnds holds that the line ends of a mail do not change what it says.
func TestFindLineEnds(t *testing.T) {
	ends := map[string]string{"CRLF": "\r\n", "CR": "\r", "CRCRLF": "\r\r\n"}
	folders := slices.Concat(goldenFolders(t, "mail"), goldenFolders(t, "failure"))
	for _, dir := range folders {
		message := readInput(t, dir)
		want := summariseFailures(Find(message, Limits{}))
		want.Samples = nil
		for name, end := range ends {
			t.Run(filepath.Base(dir)+"/"+name, func(t *testing.T) {
				got := summariseFailures(Find(bytes.ReplaceAll(message, []byte("\n"), []byte(end)), Limits{}))
				got.Samples = nil
				if diff := cmp.Diff(jsonText(t, got), jsonText(t, want)); diff != "" {
					t.Errorf("differs from LF (- got, + want):\n%s", diff)
				}
			})
		}
	}
}

func TestFindDoesNotShareMemory(t *testing.T) {
	message := readInput(t, "testdata/failure/every-field")
	found := Find(message, Limits{})
	want := string(found.Reports[0].Failure.Sample.Raw)
	clear(message)
	if got := string(found.Reports[0].Failure.Sample.Raw); got != want {
		t.Errorf("got a sample that changed with the message: %q", got)
	}
}

// TestFindPanic holds that a panic of a reader ends in the hold.
func TestFindPanic(t *testing.T) {
	f := &finder{budget: newBudget(Limits{})}
	f.guard(func() { panic("out of range") })
	if len(f.found.Unreadable) != 1 {
		t.Fatalf("got %d unreadable, want 1", len(f.found.Unreadable))
	}
	u := f.found.Unreadable[0]
	if u.Code != CodePanic || !strings.Contains(u.Reason, "out of range") || len(u.Stack) == 0 {
		t.Errorf("got %+v", u)
	}
}

func TestFindBounds(t *testing.T) {
	const subject = "Subject: Report Domain: example.com Submitter: receiver.example\r\n"
	tests := []struct {
		name    string
		message []byte
		want    string // in the reason, "" for nothing found
	}{
		{"5,000 levels", nested(subject, 5000), "10 nested parts"},
		{"5,000 levels, no report", nested("", 5000), ""},
		{"as many levels as allowed", nested(subject, maxDepth), ""},
		{"one level too many", nested(subject, maxDepth+1), "10 nested parts"},
		{"as many parts as allowed", parts(subject, maxParts-1), ""},
		{"one part too many", parts(subject, maxParts), "100 parts"},
		{"as many fields as allowed", fields(subject, maxHeaderFields-1), ""},
		{"one field too many", fields(subject, maxHeaderFields), "1000 fields"},
		{"a report below too many levels", append(nested("", maxDepth+1), "\r\n<feedback>"...), "10 nested parts"},
		{"720,000 parts", parts(subject, 720_000), "100 parts"},
		{"720,000 parts, no report", parts("", 720_000), ""},
		{"3.2 M fields", fields(subject, 3_200_000), "1000 fields"},
		{"one field of 1 MiB", []byte(subject + "X: " + strings.Repeat("x", 1<<20) + "\r\n\r\nbody"), "262144 bytes"},
		{"1 M continuations", []byte(subject + "X: y\r\n" + strings.Repeat(" z\r\n", 1<<20) + "\r\nbody"), "262144 bytes"},
		{"1 M lines without a colon", []byte(subject + strings.Repeat("z\r\n", 1<<20) + "\r\nbody"), "262144 bytes"},
		{"long boundary", []byte(subject + "Content-Type: multipart/mixed; boundary=" +
			strings.Repeat("b", 5000) + "\r\n\r\n"), "boundary exceeds the bound of 1024 bytes"},
		{"1 M lines that could be boundaries", []byte(subject + "Content-Type: multipart/mixed\r\n\r\n" +
			countingLines(1<<20)), ""},
		{"1 M stray equals signs", []byte(subject + "Content-Transfer-Encoding: quoted-printable\r\n\r\n" +
			strings.Repeat("= ", 1<<20)), ""},
		{"1 M paddings", []byte(subject + "Content-Transfer-Encoding: base64\r\n\r\n" +
			strings.Repeat("AA=\r\n", 1<<20)), ""},
		{"100,000 continued parameters", []byte(subject + "Content-Type: a/b" +
			strings.Repeat(";\r\n name*1=x", 10_000) + "\r\n\r\nbody"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := Find(tt.message, Limits{})
			got := ""
			if len(found.Unreadable) > 0 {
				got = found.Unreadable[0].Reason
			}
			if !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
}

func nested(subject string, depth int) []byte {
	var b bytes.Buffer
	b.WriteString(subject)
	for i := range depth {
		boundary := fmt.Sprintf("b%d", i)
		b.WriteString("Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n")
	}
	return b.Bytes()
}

func parts(subject string, n int) []byte {
	return []byte(subject + "Content-Type: multipart/mixed; boundary=b\r\n" + strings.Repeat("\r\n--b\r\n", n))
}

func countingLines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "--%x!\r\n", i)
	}
	return b.String()
}

func fields(subject string, n int) []byte {
	return []byte(subject + strings.Repeat("A: b\r\n", n) + "\r\nbody")
}

func TestFindFile(t *testing.T) {
	mail := readInput(t, "testdata/failure/every-field")
	found := FindFile(mail, "saved.eml", Limits{})
	if len(found.Reports) != 1 || found.Header.MessageID == "" {
		t.Errorf("got %d reports and header %+v of a mail, want one", len(found.Reports), found.Header)
	}
	for _, data := range []string{"", "\n\n", "hello", "{}", "<html></html>"} {
		found := FindFile([]byte(data), "file", Limits{})
		if len(found.Reports) != 0 || len(found.Unreadable) != 0 {
			t.Errorf("%q: got %+v, want nothing", data, found)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, pattern := range []string{"testdata/mail/*/input.eml", "testdata/failure/*/input.eml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			message, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(message)
		}
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		for _, found := range []Found{Find(message, Limits{Unpacked: 1 << 20}), FindFile(message, "x", Limits{Unpacked: 1 << 20})} {
			for _, u := range found.Unreadable {
				if u.Code == CodePanic {
					t.Errorf("panic: %s\n%s", u.Reason, u.Stack)
				}
			}
			for i := range found.Reports {
				if found.Reports[i].Kind == KindFailure && found.Reports[i].Failure.FeedbackType != feedbackAuthFailure {
					t.Errorf("got a failure report of type %q", found.Reports[i].Failure.FeedbackType)
				}
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	for _, dir := range []string{"mail/mixed-gzip", "failure/every-field"} {
		b.Run(dir, func(b *testing.B) {
			message, err := os.ReadFile(filepath.Join("testdata", dir, "input.eml"))
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				if found := Find(message, Limits{}); len(found.Reports) != 1 {
					b.Fatalf("got %d reports", len(found.Reports))
				}
			}
		})
	}
}

// TestFindNestedFeedback holds that whoever wrote a failed message cannot put a report into
// it, also when the feedback part is nested; another feedback report beside it is found.
func TestFindNestedFeedback(t *testing.T) {
	feedback := func(boundary string) string {
		return "--" + boundary + "\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: auth-failure\r\nVersion: 1\r\n" +
			"User-Agent: x\r\nAuth-Failure: dmarc\r\nReported-Domain: example.com\r\n\r\n--" + boundary + "--\r\n"
	}
	for _, tt := range []struct {
		name, behind string
		want         int
	}{
		{"a sample that is text", "text/plain\r\n\r\nFrom: evil@example.net\r\n\r\n" + smallReport + "\r\n", 1},
		{"another feedback report", "multipart/report; boundary=j\r\n\r\n" + feedback("j"), 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := Find([]byte("From: a@example.org\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"+
				"Content-Type: multipart/mixed; boundary=i\r\n\r\n"+feedback("i")+"--o\r\nContent-Type: "+tt.behind+"--o--\r\n"), Limits{})
			for _, r := range found.Reports {
				if r.Kind != KindFailure {
					t.Errorf("got a report of kind %s in part %s", r.Kind, r.Part)
				}
			}
			if len(found.Reports) != tt.want {
				t.Errorf("got %d reports, want %d", len(found.Reports), tt.want)
			}
		})
	}
}

package reports

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// partsOf is a mail with a document in each part.
func partsOf(kind string, documents ...string) []byte {
	var b strings.Builder
	b.WriteString("From: a@example.org\r\nContent-Type: multipart/mixed; boundary=p\r\n\r\n")
	for _, d := range documents {
		fmt.Fprintf(&b, "--p\r\nContent-Type: %s\r\n\r\n%s\r\n", kind, d)
	}
	return []byte(b.String() + "--p--\r\n")
}

var (
	manyRecords  = hostileHead + strings.Repeat("<record/>", 2000) + "</feedback>"
	manyPolicies = hostileTLS + `"policies":[{"policy":{"policy-domain":"example.com"}}` + strings.Repeat(",{}", 5000) + "]}"
)

// TestMemoryOfAllParts holds that the bound is on the reports of a message together,
// and that Reserve is asked for what they take.
func TestMemoryOfAllParts(t *testing.T) {
	for kind, document := range map[string]string{"text/xml": manyRecords, "application/tlsrpt+json": manyPolicies} {
		t.Run(kind, func(t *testing.T) {
			one, all := int64(0), int64(0)
			reserve := func(sum *int64) func(int64) error {
				return func(n int64) error { *sum += n; return nil }
			}
			Find(partsOf(kind, document), Limits{Reserve: reserve(&one)})
			found := Find(partsOf(kind, document, document, document, document), Limits{Reserve: reserve(&all)})
			if len(found.Reports) != 4 || all < 2*one || one == 0 {
				t.Errorf("got %d reports with %d bytes, one with %d, want 4 and more than twice as many", len(found.Reports), all, one)
			}
			bounded := Find(partsOf(kind, document, document, document, document), Limits{Memory: 2 * one})
			if n := len(bounded.Reports); n == 0 || n == 4 || len(bounded.Unreadable) == 0 || bounded.Unreadable[0].Code != CodeLimit {
				t.Errorf("with room for two: got %d reports, unreadable %+v", n, bounded.Unreadable)
			}
		})
	}
}

// TestDenied holds that a message which gets no memory is told apart from one that
// cannot be read.
func TestDenied(t *testing.T) {
	full := errors.New("full")
	asked := 0
	limits := Limits{Reserve: func(int64) error { asked++; return full }}
	found := Find(partsOf("text/xml", manyRecords, manyRecords), limits)
	if found.Denied != full || asked != 1 {
		t.Errorf("got %v after %d questions, want %v after one", found.Denied, asked, full)
	}
	if found := Find(partsOf("text/xml", "no report"), limits); found.Denied != nil {
		t.Errorf("without a report: got %v, want nil", found.Denied)
	}
}

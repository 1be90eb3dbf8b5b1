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

// TestMemoryAsked holds that what a message makes us keep is asked for, whatever it is:
// little text can take much memory.
func TestMemoryAsked(t *testing.T) {
	namespace := strings.Repeat("n", 60_000)
	zone := func(i int) string { return fmt.Sprintf("fe80::1%%%d%s", i, namespace) }
	rows := ""
	for i := range 100 {
		rows += "<record><row><source_ip>" + zone(i) + "</source_ip></row></record>"
	}
	deep := gzipped(t, string(gzipped(t, "PK\x03\x04", "\x00", 8<<20, "")), "", 0, "")
	tests := []struct {
		name  string
		input []byte
		most  int64 // bytes of what is kept
		least int64 // bytes that are asked for
	}{
		{"namespaces of extensions", []byte(strings.Replace(hostileHead, "<feedback>", `<feedback xmlns:a="`+namespace+`">`, 1) +
			"<extension>" + strings.Repeat("<a:x/>", 3000) + "</extension></feedback>"), maxExtensions, maxExtensions / 2},
		{"namespaces of extensions of records", []byte(strings.Replace(hostileHead, "<feedback>", `<feedback xmlns:a="`+namespace+`">`, 1) +
			strings.Repeat("<record><a:x/></record>", 3000) + "</feedback>"), maxExtensions, maxExtensions / 2},
		{"zones of addresses", []byte(hostileHead + rows + "</feedback>"), 10_000, 0},
		{"a zip archive in an archive", deep, 0, 8 << 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asked := int64(0)
			found := FindFile(tt.input, hostileName, Limits{Reserve: func(n int64) error { asked += n; return nil }})
			kept := int64(0)
			for i := range found.Reports {
				kept += keptBytes(found.Reports[i].Aggregate)
			}
			if kept > tt.most || asked < tt.least {
				t.Errorf("kept %d bytes and asked for %d, want %d at most and %d at least", kept, asked, tt.most, tt.least)
			}
		})
	}
}

// keptBytes is how long the extensions and zones of a report are.
func keptBytes(a *Aggregate) (n int64) {
	for _, text := range a.Extensions {
		n += int64(len(text))
	}
	for i := range a.Records {
		n += int64(len(a.Records[i].SourceIP.Zone()))
		for _, text := range a.Records[i].Extensions {
			n += int64(len(text))
		}
	}
	return n
}

package reports

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadHeader(t *testing.T) {
	tests := []struct {
		name, raw       string
		subject, body   string
		wantRecovered   bool
		wantFieldsCount int
	}{
		{"CRLF", "Subject: a\r\nFrom: b\r\n\r\nbody", "a", "body", false, 2},
		{"LF", "Subject: a\nFrom: b\n\nbody", "a", "body", false, 2},
		{"CR", "Subject: a\rFrom: b\r\rbody", "a", "body", false, 2},
		{"CR CR LF", "Subject: a\r\r\nFrom: b\r\r\n\r\r\nbody", "a", "body", false, 2},
		{"folded", "Subject: a\r\n\tb\r\n  c\r\n\r\nbody", "a b c", "body", false, 1},
		{"no header", "\r\nbody", "", "body", false, 0},
		{"no body", "Subject: a\r\n", "a", "", false, 1},
		{"blank before colon", "Subject : a\r\n\r\nbody", "a", "body", false, 1},
		{"line without colon", "X: y\r\nnonsense\r\n folded\r\nSubject: a\r\n\r\nbody", "a", "body", true, 2},
		{"8-bit name", "S\xfc: y\r\n z\r\nSubject: a\r\n\r\nbody", "a", "body", true, 1},
		{"missing blank line, boundary", "Subject: a\r\n--b\r\n\r\nbody", "a", "--b\r\n\r\nbody", true, 1},
		{"missing blank line, document", "Subject: a\r\n<feedback>", "a", "<feedback>", true, 1},
		{"missing blank line, text", "Subject: a\r\nsome\r\ntext", "a", "some\r\ntext", true, 1},
		{"leading blank", " x\r\nSubject: a\r\n\r\nbody", "a", "body", false, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, body, err := readHeader([]byte(tt.raw))
			if err != nil {
				t.Fatal(err)
			}
			if got := h.Get("Subject"); got != tt.subject {
				t.Errorf("subject: got %q, want %q", got, tt.subject)
			}
			if string(body) != tt.body {
				t.Errorf("body: got %q, want %q", body, tt.body)
			}
			if h.recovered != tt.wantRecovered || h.Len() != tt.wantFieldsCount {
				t.Errorf("got %d fields, recovered %v, want %d and %v", h.Len(), h.recovered, tt.wantFieldsCount, tt.wantRecovered)
			}
		})
	}
}

// TestReadEntity: fields that are not asked for are left out with their folded
// lines, and Received fields are counted all the same.
func TestReadEntity(t *testing.T) {
	const raw = "Received: a\r\n\tb\r\nsubject: a\r\n b\r\nX-Subject: c\r\n d\r\nSubject : e\r\nRECEIVED: f\r\n\r\nbody"
	h, body, err := readEntity([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h.Values("Subject"), []string{"a b", "e"}); diff != "" {
		t.Errorf("- got, + want:\n%s", diff)
	}
	if len(h.fieldList) != 2 || h.received != 2 || string(body) != "body" || h.recovered {
		t.Errorf("got %d fields, %d Received, the body %q, recovered %v", len(h.fieldList), h.received, body, h.recovered)
	}
}

func TestDecodeWords(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"plain", "Report Domain: example.com", "Report Domain: example.com"},
		{"B", "=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"},
		{"B without padding", "=?utf-8?B?R3LDvMOfZQ?=", "Grüße"},
		{"Q", "=?iso-8859-1?Q?Gr=FC=DFe_an_alle?=", "Grüße an alle"},
		{"language", "=?iso-8859-1*de?q?Gr=FC=DFe?=", "Grüße"},
		{"windows-1252", "=?windows-1252?Q?=80?=", "€"},
		{"character split between words", "=?utf-8?B?R3LD?= =?utf-8?B?vA==?=", "Grü"},
		{"blanks between words", "a =?utf-8?Q?b?=\r\n =?utf-8?Q?c?= d", "a bc d"},
		{"two charsets", "=?utf-8?Q?=C3=BC?= =?iso-8859-1?Q?=FC?=", "üü"},
		{"within quotes", `"=?utf-8?Q?=C3=BC?=" <a@example.com>`, `"ü" <a@example.com>`},
		{"unknown charset", "=?x-none?Q?a?=", "=?x-none?Q?a?="},
		{"unknown encoding", "=?utf-8?X?a?=", "=?utf-8?X?a?="},
		{"cut short", "=?utf-8?Q?a", "=?utf-8?Q?a"},
		{"invalid UTF-8", "a\xffb", "a\uFFFDb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := decodeWords(tt.value); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	many := strings.Repeat("=?utf-8?Q?a?= ", maxWords+1)
	if got := decodeWords(many); got != many {
		t.Errorf("got %q of too many words, want them as they are", got[:20])
	}
}

func TestParseMediaType(t *testing.T) {
	tests := []struct{ name, field, value, param, want string }{
		{"plain", "text/plain; charset=utf-8", "text/plain", "charset", "utf-8"},
		{"case", "Multipart/MIXED; Boundary=Abc", "multipart/mixed", "boundary", "Abc"},
		{"stray semicolons", "a/b;; ; name=x;", "a/b", "name", "x"},
		{"unquoted", "a/b; name=r!d!1!2.xml.gz", "a/b", "name", "r!d!1!2.xml.gz"},
		{"blank in a bare value", "a/b; name=my report.xml", "a/b", "name", "my report.xml"},
		{"open quote", `a/b; boundary="abc`, "a/b", "boundary", "abc"},
		{"escaped", `a/b; name="a\"b;c"`, "a/b", "name", `a"b;c`},
		{"comment", "a/b (c;d); name=x (note)", "a/b", "name", "x"},
		{"repeated", "a/b; name=x; name=y", "a/b", "name", "x"},
		{"no type", "; boundary=b", "", "boundary", "b"},
		{"extended", "a/b; name*=iso-8859-1'en'%FC", "a/b", "name", "ü"},
		{"extended without charset", "a/b; name*=%41", "a/b", "name", "A"},
		{"continued", "a/b; name*1=c; name*0=b", "a/b", "name", "bc"},
		{"continued and extended", "a/b; name*0*=utf-8''%C3; name*1*=%BC; name*2=x", "a/b", "name", "üx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := parseMediaType(tt.field)
			if m.value != tt.value {
				t.Errorf("value: got %q, want %q", m.value, tt.value)
			}
			if got := m.param(tt.param); got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.param, got, tt.want)
			}
		})
	}
}

func TestFileName(t *testing.T) {
	tests := []struct{ name, disposition, contentType, want string }{
		{"disposition first", "attachment; filename=a.xml", "x/y; name=b.xml", "a.xml"},
		{"content type", "attachment", "x/y; name=b.xml", "b.xml"},
		{"folders", `attachment; filename="..\\..\\etc/passwd"`, "", "passwd"},
		{"folded", "attachment; filename=\"a! b.xml\"", "", "a!b.xml"},
		{"only folders", "attachment; filename=../..", "", ".."},
		{"too long", "attachment; filename=" + strings.Repeat("a", maxFileName+1), "", ""},
		{"none", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			disposition, contentType := parseMediaType(tt.disposition), parseMediaType(tt.contentType)
			if got := fileName(&disposition, &contentType); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAddressesOf(t *testing.T) {
	tests := []struct {
		name, field string
		want        []string
	}{
		{"bare", "a@example.com", []string{"a@example.com"}},
		{"name", "A B <a@example.com>", []string{"a@example.com"}},
		{"several", "a@example.com, B <b@example.net>", []string{"a@example.com", "b@example.net"}},
		{"quoted comma and at sign", `"x@evil.example, y" <a@example.com>`, []string{"a@example.com"}},
		{"comment", "a@example.com (b@example.net)", []string{"a@example.com"}},
		{"group", "all: a@example.com, b@example.com;", []string{"a@example.com", "b@example.com"}},
		{"source route", "<@x.example,@y.example:a@example.com>", []string{"a@example.com"}},
		{"empty group", "undisclosed-recipients:;", nil},
		{"nothing", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(addressesOf([]string{tt.field}), tt.want); diff != "" {
				t.Errorf("- got, + want:\n%s", diff)
			}
		})
	}
}

func TestParseDate(t *testing.T) {
	tests := []struct{ text, want string }{
		{"Fri, 02 Jan 2026 01:02:03 +0100", "2026-01-02T00:02:03Z"},
		{"Fri, 02 Jan 2026 01:02:03 +0100 (CET)", "2026-01-02T00:02:03Z"},
		{"2 Jan 2026 01:02:03 EST", "2026-01-02T06:02:03Z"},
		{"Fri, 2 Jan 2026 01:02 GMT", "2026-01-02T01:02:00Z"},
		{"2026-01-02T01:02:03Z", "2026-01-02T01:02:03Z"},
		{"2026-01-02 01:02:03", "2026-01-02T01:02:03Z"},
		{"Fri, Jan 2 2026 01:02:03 -0800", "2026-01-02T09:02:03Z"},
		{"yesterday", ""},
		{"", ""},
		{strings.Repeat("(", 1000), ""},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got := ""
			if date, ok := parseDate(tt.text); ok {
				got = date.Format(time.RFC3339)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzHeader(f *testing.F) {
	for _, seed := range []string{
		"Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\r\nbody",
		"From: \"a, b\" <a@example.com>, c@example.net\nContent-Type: a/b; name*0*=utf-8''%C3; name*1*=%BC\n\n",
		"From x\rno colon\r folded\r\r--b",
		"Date: Fri, 02 Jan 2026 01:02:03 EST\r\r\n\r\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, body, err := readHeader(raw)
		if err == nil && len(body) > len(raw) {
			t.Errorf("got a body of %d bytes from %d", len(body), len(raw))
		}
		few, fewBody, fewErr := readEntity(raw)
		if err == nil && (fewErr != nil || !bytes.Equal(fewBody, body) || few.recovered != h.recovered) {
			t.Errorf("got the body %q and the error %v, want %q", fewBody, fewErr, body)
		}
		for _, name := range entityFields {
			if diff := cmp.Diff(few.Values(name), h.Values(name)); err == nil && diff != "" {
				t.Errorf("%s: - got, + want:\n%s", name, diff)
			}
		}
		newMessageHeader(&few)
		m := parseMediaType(few.Get("Content-Type"))
		if name := fileName(&m, &m); strings.ContainsAny(name, "/\\") || len(name) > maxFileName {
			t.Errorf("got the file name %q", name)
		}
		stripComments(string(raw))
		decodeWords(string(raw))
	})
}

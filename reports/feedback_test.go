package reports

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSourceIP(t *testing.T) {
	tests := []struct{ value, want string }{
		{"192.0.2.7", "192.0.2.7"},
		{"[192.0.2.7]", "192.0.2.7"},
		{"2001:db8::25", "2001:db8::25"},
		{"[IPv6:2001:DB8::25]", "2001:db8::25"},
		{"192.0.2.7 (mail.example.com)", "192.0.2.7"},
		{"mail.example.com (192.0.2.7)", "192.0.2.7"},
		{"mail.example.com [192.0.2.7]", "192.0.2.7"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"unknown", ""},
		{"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.value, func(t *testing.T) {
			got := ""
			if ip, ok := sourceIP(tt.value); ok {
				got = ip.String()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDecodeFolded(t *testing.T) {
	tests := []struct {
		name, value, want string
		ok                bool
	}{
		{"base64", "UGxlYXNlIHBheS4NCg==", "Please pay.\r\n", true},
		{"without padding", "UGxlYXNlIHBheS4NCg", "Please pay.\r\n", true},
		{"folded", "UGxlYXNlIHBheSB0b2RheSwg cGxlYXNlLg==", "Please pay today, please.", true},
		{"header in clear", "from:Alice <alice@example.com>", "", false},
		{"words that are base64 characters", "sensitive message body", "", false},
		{"one word", "sensitive", "", false},
		{"bytes that are no text", "/////w==", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := decodeFolded(tt.value)
			if got != tt.want || ok != tt.ok {
				t.Errorf("got %q, %v, want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestAlignment(t *testing.T) {
	tests := []struct {
		name, results, from, mailFrom, dkimDomain string
		dkim, spf                                 string
	}{
		{"aligned pass", "r; dkim=pass header.d=mail.example.com; spf=pass smtp.mailfrom=a@b.example.com", "x@example.com", "", "", "pass", "pass"},
		{"pass of others", "r; dkim=pass header.d=example.org; spf=pass smtp.mailfrom=example.net", "x@example.com", "", "", "fail", "fail"},
		{"public suffix is no organization", "r; dkim=pass header.d=a.co.uk", "x@b.co.uk", "", "", "fail", ""},
		{"one signature of two", "r; dkim=fail header.d=example.com; dkim=pass header.i=@example.com", "x@example.com", "", "", "pass", ""},
		{"fail", "r; dkim=fail header.d=example.com; spf=softfail smtp.mailfrom=example.com", "x@example.com", "", "", "fail", "fail"},
		{"domains from other fields", "r; dkim=pass; spf=pass", "x@example.com", "b@example.com", "example.com", "pass", "pass"},
		{"pass without a domain", "r; dkim=pass; spf=pass", "x@example.com", "", "", "", ""},
		{"header.from without a sample", "r; dkim=pass header.d=example.com; dmarc=fail header.from=example.com", "", "", "", "pass", ""},
		{"only dmarc", "dmarc=fail (p=none; dis=none) header.from=example.com", "x@example.com", "", "", "", ""},
		{"comment with a semicolon", "r; dkim=pass (ok; spf=pass) header.d=example.com", "x@example.com", "", "", "pass", ""},
		{"version and case", "r 1; DKIM/1=PASS Header.D=Example.COM.", "x@EXAMPLE.com", "", "", "pass", ""},
		{"nothing", "", "x@example.com", "", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &Failure{OriginalMailFrom: tt.mailFrom, DKIMDomain: tt.dkimDomain, Sample: Sample{From: tt.from}}
			f.AuthenticationResults = appendValue(nil, tt.results)
			dkim, spf := alignment(f)
			if dkim != tt.dkim || spf != tt.spf {
				t.Errorf("got dkim %q, spf %q, want %q, %q", dkim, spf, tt.dkim, tt.spf)
			}
		})
	}
}

func TestFeedbackFieldsOrder(t *testing.T) {
	body := "Original-Rcpt-To: a@example.com\n\nX-One: 1\nOriginal-Rcpt-To: b@example.com\n\nX-Two: 2\nFeedback-Type: abuse\n"
	r, err := readFailure([]byte(body), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Failure.OriginalRcptTo, []string{"a@example.com", "b@example.com"}); diff != "" {
		t.Errorf("recipients: - got, + want:\n%s", diff)
	}
	if diff := cmp.Diff(r.Failure.OtherFields, []Field{{"X-One", "1"}, {"X-Two", "2"}}); diff != "" {
		t.Errorf("other fields: - got, + want:\n%s", diff)
	}
}

func TestFailureContentHash(t *testing.T) {
	sample := func(raw string) *entity { return &entity{body: []byte(raw)} }
	body := []byte("Feedback-Type: auth-failure\n")
	hash := func(body []byte, sample *entity) string {
		r, err := readFailure(body, sample)
		if err != nil {
			t.Fatal(err)
		}
		return string(r.ContentHash[:])
	}
	same := hash(body, sample("Subject: a\n"))
	if got := hash(body, sample("Subject: a\n")); got != same {
		t.Error("got two hashes of the same parts")
	}
	if got := hash(body, sample("Subject: b\n")); got == same {
		t.Error("got one hash of two samples")
	}
	if got := hash([]byte("Feedback-Type: auth-failure\nSubject: a\n"), nil); got == same {
		t.Error("got one hash of two splits of the same bytes")
	}
}

func TestFailureBounds(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"fields in blocks", "Feedback-Type: auth-failure\n" + strings.Repeat("\nA: b\n", maxHeaderFields), "1000 fields"},
		{"long block", "Feedback-Type: auth-failure\nX: " + strings.Repeat("x", maxHeaderBytes), "262144 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			message := "Content-Type: message/feedback-report\n\n" + tt.body
			found := Find([]byte(message), Limits{})
			if len(found.Unreadable) != 1 || found.Unreadable[0].Code != CodeLimit ||
				!strings.Contains(found.Unreadable[0].Reason, tt.want) {
				t.Errorf("got %+v, want one that names %s", found.Unreadable, tt.want)
			}
		})
	}
}

func FuzzFailure(f *testing.F) {
	for _, dir := range []string{"every-field", "repeated-fields", "interrupted-header"} {
		message, err := os.ReadFile(filepath.Join("testdata/failure", dir, "input.eml"))
		if err != nil {
			f.Fatal(err)
		}
		_, body, _ := strings.Cut(string(message), "message/feedback-report\n")
		feedback, sample, _ := strings.Cut(body, "--b1\n")
		f.Add([]byte(feedback), []byte(sample))
	}
	f.Fuzz(func(t *testing.T, feedback, sample []byte) {
		r, err := readFailure(feedback, &entity{body: sample, contentType: mediaType{value: "message/rfc822"}})
		if err != nil {
			return
		}
		if r.Failure.FeedbackType == "" {
			t.Error("got a report without a feedback type")
		}
		if len(r.Warnings) > maxWarnings+1 {
			t.Errorf("got %d warnings", len(r.Warnings))
		}
		if a := r.Failure.DKIMAligned; a != "" && a != alignedPass && a != alignedFail {
			t.Errorf("got alignment %q", a)
		}
	})
}

// TestPolicyDomain: an address in place of a domain gives its domain alone.
func TestPolicyDomain(t *testing.T) {
	tests := []struct {
		name    string
		failure Failure
		want    string
	}{
		{"reported", Failure{ReportedDomains: []string{"<Example.com.>"}}, "Example.com"},
		{"address", Failure{ReportedDomains: []string{"Jo.Secret@example.com"}}, "example.com"},
		{"URI", Failure{ReportedDomains: []string{"mailto:Jo.Secret@example.com"}}, "example.com"},
		{"empty", Failure{ReportedDomains: []string{"@", "example.com"}}, "example.com"},
		{"From", Failure{Sample: Sample{From: "Jo <jo@example.com>"}, OriginalMailFrom: "jo@example.org"}, "example.com"},
		{"MAIL FROM", Failure{OriginalMailFrom: "jo@example.org"}, "example.org"},
		{"nothing", Failure{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := policyDomain(&tt.failure); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

package reports

import (
	"slices"
	"strings"
	"testing"
)

// TestExtensionNamespaces: an extension is kept with the namespaces that stand on
// the elements around it (RFC 9990 §3.2).
func TestExtensionNamespaces(t *testing.T) {
	const document = `<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0" xmlns:arc="urn:a&amp;b" xmlns:unused="urn:unused">
<report_metadata><org_name>R</org_name><report_id>1</report_id><date_range><begin>1</begin><end>2</end></date_range></report_metadata>
<policy_published><domain>example.com</domain></policy_published>
<extension>%</extension></feedback>`
	tests := []struct{ name, extension, want string }{
		{"prefix from the root", `<arc:policy kind="x"><arc:on/></arc:policy>`, `<arc:policy xmlns:arc="urn:a&amp;b" kind="x"><arc:on/></arc:policy>`},
		{"empty element", `<arc:on/>`, `<arc:on xmlns:arc="urn:a&amp;b"/>`},
		{"prefix of a child only", `<x xmlns="urn:x"><arc:on/></x>`, `<x xmlns:arc="urn:a&amp;b" xmlns="urn:x"><arc:on/></x>`},
		{"declared by itself", `<arc:on xmlns:arc="urn:other"/>`, `<arc:on xmlns:arc="urn:other"/>`},
		{"none needed", `<x xmlns="urn:x">text</x>`, `<x xmlns="urn:x">text</x>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := FindFile([]byte(strings.Replace(document, "%", tt.extension, 1)), "", Limits{})
			if len(found.Reports) != 1 {
				t.Fatalf("got %+v, want one report", found)
			}
			if got := found.Reports[0].Aggregate.Extensions; !slices.Equal(got, []string{tt.want}) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestTLSWordCase: enumerated words are lower-cased like those of aggregate
// reports, with a warning.
func TestTLSWordCase(t *testing.T) {
	const document = `{"organization-name":"R","report-id":"1","date-range":{"start-datetime":"2026-11-20T00:00:00Z","end-datetime":"2026-11-20T23:59:59Z"},
"policies":[{"policy":{"policy-type":"STS","policy-domain":"example.com"},"summary":{"total-successful-session-count":1,"total-failure-session-count":1},
"failure-details":[{"result-type":"Validation-Failure","failed-session-count":1}]}]}`
	found := FindFile([]byte(document), "", Limits{})
	if len(found.Reports) != 1 {
		t.Fatalf("got %+v, want one report", found)
	}
	r := found.Reports[0]
	p := r.TLS.Policies[0]
	if p.PolicyType != "sts" || p.FailureDetails[0].ResultType != "validation-failure" {
		t.Errorf("got %q and %q, want them in lower case", p.PolicyType, p.FailureDetails[0].ResultType)
	}
	var codes []string
	for _, w := range r.Warnings {
		codes = append(codes, w.Code+" "+w.Text)
	}
	if !slices.Equal(codes, []string{"word_case STS", "word_case Validation-Failure"}) {
		t.Errorf("got warnings %q", codes)
	}
}

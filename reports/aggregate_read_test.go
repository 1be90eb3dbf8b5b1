package reports

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// TestSchema holds how the edition of the format is told.
func TestSchema(t *testing.T) {
	const old, final = ` xmlns="http://dmarc.org/dmarc-xml/0.1"`, ` xmlns="urn:ietf:params:xml:ns:dmarc-2.0"`
	tests := []struct {
		name, namespace, inside string
		want                    Schema
	}{
		{"neither version nor namespace", "", "", SchemaDraft},
		{"version", "", "<version>1.0</version>", SchemaRFC7489},
		{"namespace of RFC 7489", old, "", SchemaRFC7489},
		{"namespace of RFC 9990", final, "", SchemaRFC9990},
		{"another namespace", ` xmlns="urn:example:dmarc"`, "", SchemaRFC7489},
		{"extension", "", "<extension/>", SchemaRFC9990},
		{"generator", "", "<report_metadata><generator/></report_metadata>", SchemaRFC9990},
		{"np", "", "<policy_published><domain>example.com</domain><np>none</np></policy_published>", SchemaRFC9990},
		{"testing", "", "<policy_published><domain>example.com</domain><testing>n</testing></policy_published>", SchemaRFC9990},
		{"discovery method", old,
			"<policy_published><domain>example.com</domain><discovery_method>psl</discovery_method></policy_published>",
			SchemaRFC9990},
		{"disposition pass", old,
			"<record><row><policy_evaluated><disposition>pass</disposition></policy_evaluated></row></record>",
			SchemaRFC9990},
		{"policy_test_mode", "", "<record><row><policy_evaluated><reason><type>policy_test_mode</type></reason>" +
			"</policy_evaluated></row></record>", SchemaRFC9990},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := strings.Replace(smallReport, "<feedback>", "<feedback"+tt.namespace+">"+tt.inside, 1)
			if strings.Contains(tt.inside, "<report_metadata>") { // the first one counts
				doc = strings.Replace(doc, tt.inside, "", 1)
				doc = strings.Replace(doc, "<org_name>", "<generator/><org_name>", 1)
			}
			a, _, err := readAggregate(strings.NewReader(doc), newBudget(Limits{}))
			if err != nil {
				t.Fatal(err)
			}
			if a.Schema != tt.want {
				t.Errorf("schema: got %q, want %q", a.Schema, tt.want)
			}
		})
	}
}

// TestTruncatedAnywhere holds that a report which is cut anywhere is an error,
// never a part of a report.
func TestTruncatedAnywhere(t *testing.T) {
	for n := range len(smallReport) {
		a, _, err := readAggregate(strings.NewReader(smallReport[:n]), newBudget(Limits{}))
		if err == nil {
			t.Fatalf("cut at %d: got %+v, want an error", n, a)
		}
	}
}

// TestTLSTruncatedAnywhere is the same for TLS reports.
func TestTLSTruncatedAnywhere(t *testing.T) {
	doc := hostileTLS + `"policies":[{"policy":{"policy-domain":"example.com"}}]}`
	for n := range len(doc) {
		r, _, err := readTLS(strings.NewReader(doc[:n]), newBudget(Limits{}))
		if err == nil {
			t.Fatalf("cut at %d: got %+v, want an error", n, r)
		}
	}
	if _, _, err := readTLS(strings.NewReader(doc), newBudget(Limits{})); err != nil {
		t.Errorf("whole: got the error %v, want none", err)
	}
}

// TestWarningsAreBounded holds that a report that is odd in each record says so a
// hundred times and counts the rest.
func TestWarningsAreBounded(t *testing.T) {
	var doc bytes.Buffer
	doc.WriteString(hostileHead)
	for range 1000 {
		doc.WriteString("<record><row><source_ip>192.0.2.1</source_ip><count>x</count><policy_evaluated><dkim>pass</dkim>" +
			"<spf>pass</spf></policy_evaluated></row><identifiers><header_from>example.com</header_from></identifiers></record>")
	}
	doc.WriteString("</feedback>")
	_, warned, err := readAggregate(&doc, newBudget(Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	if len(warned) != maxWarnings+1 {
		t.Fatalf("warnings: got %d, want %d", len(warned), maxWarnings+1)
	}
	if got, want := warned[0], (Warning{Code: WarnNumber, Where: "record 1: count", Text: "x"}); got != want {
		t.Errorf("first: got %+v, want %+v", got, want)
	}
	if got, want := warned[maxWarnings], (Warning{Code: WarnMoreWarnings, Text: "900 more"}); got != want {
		t.Errorf("last: got %+v, want %+v", got, want)
	}
}

// TestExtensionTooLong holds that an extension past its bound is left out whole,
// with a warning, and costs nothing else.
func TestExtensionTooLong(t *testing.T) {
	extension := "<extension><x:a>" + strings.Repeat("<x:b>text</x:b>", 10_000) + "</x:a><x:c/></extension>"
	doc := strings.Replace(smallReport, "<feedback>", `<feedback xmlns:x="urn:x">`+extension, 1)
	a, warned, err := readAggregate(strings.NewReader(doc), newBudget(Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{`<x:c xmlns:x="urn:x"/>`}; !slices.Equal(a.Extensions, want) {
		t.Errorf("extensions: got %q, want %q", a.Extensions, want)
	}
	if !slices.ContainsFunc(warned, func(w Warning) bool { return w.Code == WarnExtension }) {
		t.Errorf("warnings: got %+v, want one of %q", warned, WarnExtension)
	}
	if len(a.Records) != 1 {
		t.Errorf("records: got %d, want 1", len(a.Records))
	}
}

// TestNamespaces holds which elements count as the report's own.
func TestNamespaces(t *testing.T) {
	const old, final = "http://dmarc.org/dmarc-xml/0.1", "urn:ietf:params:xml:ns:dmarc-2.0"
	tests := []struct {
		name, root, child string
		ours              bool
	}{
		{"none and none", "", "", true},
		{"none and RFC 7489", "", old, true},
		{"none and RFC 9990", "", final, true},
		{"RFC 7489 and none", old, "", true},
		{"RFC 9990 and RFC 7489", final, old, true},
		{"one of their own", "urn:example:dmarc", "urn:example:dmarc", true},
		{"one of their own and RFC 9990", "urn:example:dmarc", final, true},
		{"none and a foreign one", "", "urn:example:other", false},
		{"RFC 9990 and a foreign one", final, "urn:example:other", false},
		{"not UTF-8", "urn:example:\xc3\x28", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := strings.Replace(smallReport, "<feedback>", `<a:feedback xmlns:a="`+tt.root+`">`, 1)
			doc = strings.Replace(doc, "</feedback>", "</a:feedback>", 1)
			doc = strings.Replace(doc, "<row>", `<row xmlns="`+tt.child+`">`, 1)
			a, _, err := readAggregate(strings.NewReader(doc), newBudget(Limits{}))
			if err != nil {
				t.Fatal(err)
			}
			if got := a.Records[0].Count == 1; got != tt.ours {
				t.Errorf("row read: got %v, want %v", got, tt.ours)
			}
			if got := len(a.Records[0].Extensions) == 0; got != tt.ours {
				t.Errorf("row is no extension: got %v, want %v", got, tt.ours)
			}
			if want := strings.ToValidUTF8(tt.root, "\uFFFD"); a.Namespace != want {
				t.Errorf("namespace: got %q, want %q", a.Namespace, want)
			}
		})
	}
}

// TestFilling holds that one read fills what it is given: json.Decoder takes time
// that grows with the square of the blanks in a report otherwise.
func TestFilling(t *testing.T) {
	r := filling{oneByte{strings.NewReader("0123456789")}}
	p := make([]byte, 8)
	for _, want := range []string{"01234567", "89"} {
		n, _ := r.Read(p) // the end of the input comes with the second
		if got := string(p[:n]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestAppendLower holds appendLower to strings.ToLower.
func TestAppendLower(t *testing.T) {
	for _, text := range []string{"", "pass", "PASS", "Pass-1_Z[@`{", "SOFT\u212a", "ÄÖ", "no \xff UTF-8", "A\xff"} {
		if got, want := string(appendLower([]byte("x"), []byte(text))), "x"+strings.ToLower(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

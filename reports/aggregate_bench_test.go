package reports

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// generatedReport returns an aggregate report with n records, each of about 800
// bytes as large organizations write them.
func generatedReport(n int) []byte {
	var doc bytes.Buffer
	doc.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<feedback>
  <version>1.0</version>
  <report_metadata>
    <org_name>Mail Example</org_name>
    <email>dmarc@mail.example</email>
    <report_id>20260101.1</report_id>
    <date_range><begin>1767225600</begin><end>1767311999</end></date_range>
  </report_metadata>
  <policy_published>
    <domain>example.com</domain><adkim>r</adkim><aspf>r</aspf><p>reject</p><sp>reject</sp><pct>100</pct><fo>0</fo>
  </policy_published>
`)
	for i := range n {
		fmt.Fprintf(&doc, `  <record>
    <row>
      <source_ip>198.51.%d.%d</source_ip>
      <count>%d</count>
      <policy_evaluated>
        <disposition>none</disposition>
        <dkim>pass</dkim>
        <spf>fail</spf>
      </policy_evaluated>
    </row>
    <identifiers>
      <envelope_from>bounce%d.example.net</envelope_from>
      <header_from>example.com</header_from>
    </identifiers>
    <auth_results>
      <dkim>
        <domain>example.com</domain>
        <selector>s%d</selector>
        <result>pass</result>
      </dkim>
      <spf>
        <domain>bounce%d.example.net</domain>
        <scope>mfrom</scope>
        <result>softfail</result>
      </spf>
    </auth_results>
  </record>
`, i>>8&0xff, i&0xff, i%90+1, i%500, i%7, i%500)
	}
	doc.WriteString("</feedback>\n")
	return doc.Bytes()
}

// BenchmarkAggregate reads a document of 5 MB.
func BenchmarkAggregate(b *testing.B) {
	const records = 6500
	doc := generatedReport(records)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		a, warned, err := readAggregate(bytes.NewReader(doc), newBudget(Limits{}))
		if err != nil || len(warned) > 0 || len(a.Records) != records {
			b.Fatal(err, warned)
		}
	}
	b.ReportMetric(records*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkSmall reads what most reports are: three records, in a gzip.
func BenchmarkSmall(b *testing.B) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(generatedReport(3)); err != nil {
		b.Fatal(err)
	}
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var found Found
		readBlob(bytes.NewReader(packed.Bytes()), "1", "report.xml.gz", newBudget(Limits{}), &found)
		if len(found.Reports) != 1 {
			b.Fatal(found.Unreadable)
		}
	}
}

// TestAggregateMemory holds a report of many records to the memory that the
// records themselves need. The largest that is known of has five times as many.
func TestAggregateMemory(t *testing.T) {
	const records, bound = 30_000, 20 << 20
	head, _, _ := strings.Cut(string(generatedReport(1)), "  <record>")
	record := string(generatedReport(1)[len(head):])
	record = strings.TrimSuffix(record, "</feedback>\n")
	doc := &repeated{parts: []string{head}, record: record, times: records}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a, _, err := readAggregate(doc, newBudget(Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > bound {
		t.Errorf("memory of %d records: got %d MiB, want at most %d", records, kept>>20, bound>>20)
	}
	t.Logf("kept %d MiB, allocated %d MiB", (after.HeapAlloc-before.HeapAlloc)>>20,
		(after.TotalAlloc-before.TotalAlloc)>>20)
	if len(a.Records) != records {
		t.Errorf("records: got %d, want %d", len(a.Records), records)
	}
}

package export

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reportmx/reports"
	"reportmx/storage"
)

// TestCorpusParsedmarc reads the inputs of parsedmarc's golden files from the
// folder that REPORTMX_CORPUS names, writes them in its formats, and compares
// with the files beside that folder. Every difference is listed here; each is a
// line of the table in docs/exports.md.
func TestCorpusParsedmarc(t *testing.T) {
	dir := os.Getenv("REPORTMX_CORPUS")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("REPORTMX_CORPUS is not set")
		}
		t.Log("REPORTMX_CORPUS is not set: nothing compared with parsedmarc")
		return
	}
	address := strings.NewReplacer( // addresses in the one spelling of RFC 5952
		"2001:db8:abcd:0012::1", "2001:db8:abcd:12::1",
		"2001:db8:abcd:0013::1", "2001:db8:abcd:13::1",
	)
	tests := []struct {
		name  string // of the golden file
		kind  reports.Kind
		files []string
		// differ changes what parsedmarc wrote to what we write.
		differ func(golden string) string
	}{
		{"aggregate", reports.KindAggregate, []string{
			"aggregate/parsedmarc__rfc9990-sample.xml", "aggregate/parsedmarc__fastmail.com_example.com_1516060800_1516147199_102675056.xml.gz",
		}, func(golden string) string { return golden }},
		{"smtp_tls", reports.KindTLS, []string{"tlsrpt/parsedmarc__rfc8460.json"}, func(golden string) string {
			return tlsDifferences(t, address.Replace(golden))
		}},
	}
	for _, test := range tests {
		for extension, format := range map[string]Format{".csv": FormatParsedmarcCSV, ".json": FormatParsedmarcJSON} {
			t.Run(test.name+extension, func(t *testing.T) {
				golden, err := os.ReadFile(filepath.Join(dir, "..", "parsedmarc-golden", test.name+extension))
				if err != nil {
					t.Fatal(err)
				}
				var list []*storage.Report
				for i, file := range test.files {
					list = append(list, corpusReport(t, filepath.Join(dir, file), uint64(i+1)))
				}
				got := written(t, test.kind, Options{Format: format}, list...)
				if diff := cmp.Diff(test.differ(string(golden)), got); diff != "" {
					t.Errorf("byte for byte (-parsedmarc +ours):\n%s", diff)
				}
			})
		}
	}
}

// tlsDifferences makes the golden of the one TLS report what ours is to be.
func tlsDifferences(t *testing.T, golden string) string {
	t.Helper()
	const mx = "*.mail.company-y.example"
	const info = "https://reports.company-x.example/report_info?id=5065427c-23d3#StarttlsNotSupported"
	changes := []struct{ from, to string }{
		// mx-host, which RFC 8460 §4.4 names so, is read.
		{`max_age: 86400,,,,,,,` + "\r\n", `max_age: 86400,` + mx + `,,,,,,` + "\r\n"},
		{`max_age: 86400,,2001`, `max_age: 86400,` + mx + `,2001`},
		{`max_age: 86400,,198`, `max_age: 86400,` + mx + `,198`},
		{"        ],\n        \"successful", "        ],\n        \"mx_host_patterns\": [\n          \"" + mx + "\"\n        ],\n        \"successful"},
		// So is additional-information.
		{`mx2.mail.company-y.example,,,`, `mx2.mail.company-y.example,,` + info + `,`},
		{`"mx2.mail.company-y.example"`, `"mx2.mail.company-y.example",` + "\n" + `            "additional_info_uri": "` + info + `"`},
		// Rows of details name their policy, and no session is counted twice.
		{`,100,,,version`, `,100,company-y.example,sts,version`},
		{`,200,,,version`, `,200,company-y.example,sts,version`},
		{`,3,,,version`, `,3,company-y.example,sts,version`},
		{`,,5326,303,`, `,,5326,0,`},
	}
	for _, change := range changes {
		golden = strings.ReplaceAll(golden, change.from, change.to)
	}
	return golden
}

func corpusReport(t *testing.T, file string, seq uint64) *storage.Report {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := reports.FindFile(data, filepath.Base(file), reports.Limits{})
	if len(found.Reports) != 1 {
		t.Fatalf("%s: got %d reports, want 1", file, len(found.Reports))
	}
	return &storage.Report{Seq: seq, Last: true, Report: found.Reports[0]}
}

// TestCorpusParsedmarcAll writes every report of the corpus in both formats: the
// CSV is whole, the JSON is JSON, and no messages are lost.
func TestCorpusParsedmarcAll(t *testing.T) {
	dir := os.Getenv("REPORTMX_CORPUS")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("REPORTMX_CORPUS is not set")
		}
		t.Log("REPORTMX_CORPUS is not set: no reports of the corpus written")
		return
	}
	counts := map[reports.Kind]int{}
	for _, folder := range []string{"aggregate", "failure", "tlsrpt"} {
		files, err := filepath.Glob(filepath.Join(dir, folder, "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no reports in %s: %v", folder, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found := reports.FindFile(data, filepath.Base(file), reports.Limits{})
			for i := range found.Reports {
				r := &storage.Report{Seq: 1, Last: true, Report: found.Reports[i]}
				counts[r.Kind]++
				checkParsedmarc(t, filepath.Base(file), r)
			}
		}
	}
	t.Logf("written: %v", counts)
}

func checkParsedmarc(t *testing.T, name string, r *storage.Report) {
	t.Helper()
	rows := readCSV(t, written(t, r.Kind, Options{Format: FormatParsedmarcCSV}, r))
	out := written(t, r.Kind, Options{Format: FormatParsedmarcJSON}, r)
	if !json.Valid([]byte(out)) {
		t.Errorf("%s: not JSON: %.300s", name, out)
	}
	if r.Kind != reports.KindAggregate {
		return
	}
	var want, got int64
	for i := range r.Aggregate.Records {
		want += r.Aggregate.Records[i].Count
	}
	for _, row := range rows[1:] {
		var n int64
		if _, err := fmt.Sscan(row[28], &n); err != nil {
			t.Fatalf("%s: count %q: %v", name, row[28], err)
		}
		got += n
	}
	if got != want {
		t.Errorf("%s: got %d messages in CSV, want %d", name, got, want)
	}
}

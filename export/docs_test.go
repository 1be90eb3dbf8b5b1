package export

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reportmx/reports"
	"reportmx/storage"
)

const docsPath = "../docs/exports.md"

// block is what stands between a marker and its end in docs/exports.md.
var block = regexp.MustCompile(`(?s)<!-- (columns|sample) ([a-z -]+) -->\n(.*?)<!-- end -->`)

// TestDocs holds docs/exports.md to the code: its tables of columns to the header
// rows, its samples to what is written. With -update the samples are rewritten.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string][]string{}
	samples := map[string]bool{}
	updated := block.ReplaceAllStringFunc(string(page), func(found string) string {
		m := block.FindStringSubmatch(found)
		if m[1] == "columns" {
			columns[m[2]] = tableColumns(m[3])
			return found
		}
		samples[m[2]] = true
		want := docsSample(t, m[2])
		if !*update && m[3] != want {
			t.Errorf("sample %s (-docs +written):\n%s", m[2], cmp.Diff(m[3], want))
		}
		return "<!-- sample " + m[2] + " -->\n" + want + "<!-- end -->"
	})
	if *update {
		if err := os.WriteFile(docsPath, []byte(updated), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []string{"aggregate", "failure", "tls"} {
		got := append(append([]string{}, columns["all"]...), columns[kind]...)
		checkHeader(t, kind, written(t, reports.Kind(kind), Options{Format: FormatCSV}), got)
	}
	enriched := strings.Split(csvHeader(written(t, reports.KindFailure, Options{Format: FormatCSV, Enricher: knownSource{}})), ",")
	if diff := cmp.Diff(columns["enriched"], enriched[len(columns["all"])+len(columns["failure"]):]); diff != "" {
		t.Errorf("columns of enrichment (-docs +written):\n%s", diff)
	}
	checkHeader(t, "summary", docsSummary(t, FormatCSV), columns["summary"])
	checkHeader(t, "summary tls", docsTLSSummary(t, FormatCSV), columns["summary tls"])
	if len(samples) != 15 {
		t.Errorf("%d samples were found, want 15", len(samples))
	}
}

func checkHeader(t *testing.T, name, csv string, documented []string) {
	t.Helper()
	if diff := cmp.Diff(documented, strings.Split(csvHeader(csv), ",")); diff != "" {
		t.Errorf("columns of %s (-docs +written):\n%s", name, diff)
	}
}

func csvHeader(csv string) string {
	header, _, _ := strings.Cut(csv, "\r\n")
	return header
}

// tableColumns are the names in the first column of a Markdown table.
func tableColumns(table string) []string {
	var names []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(table, -1) {
		names = append(names, m[1])
	}
	return names
}

// docsSample makes the fenced block of a sample: "aggregate csv".
func docsSample(t *testing.T, name string) string {
	t.Helper()
	kind, format, _ := strings.Cut(name, " ")
	text := ""
	if tls, ok := strings.CutPrefix(format, "tls "); ok && kind == "summary" {
		format = tls
		text = docsTLSSummary(t, Format(format))
	} else if kind == "summary" {
		text = docsSummary(t, Format(format))
	} else {
		in := map[string]*storage.Report{"aggregate": sampleAggregate(), "failure": sampleFailure(), "tls": sampleTLS()}[kind]
		if format == string(FormatNDJSONFlat) {
			in.Aggregate.Records = in.Aggregate.Records[1:]
		}
		text = written(t, in.Kind, Options{Format: Format(format)}, in)
	}
	language := "text"
	switch Format(format) {
	case FormatNDJSON:
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
			t.Fatal(err)
		}
		text, language = b.String(), "json"
	case FormatJSON, FormatNDJSONFlat:
		language = "json"
	case FormatCSV, FormatParsedmarcCSV:
		language = "csv"
	}
	return "```" + language + "\n" + strings.ReplaceAll(text, "\r\n", "\n") + "```\n"
}

func docsSummary(t *testing.T, format Format) string {
	t.Helper()
	var b bytes.Buffer
	s := summed(t, SummaryOptions{By: ByOrg, Top: 1}, summaryReports()...)
	if err := s.Write(&b, Options{Format: format}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func docsTLSSummary(t *testing.T, format Format) string {
	t.Helper()
	var b bytes.Buffer
	s := summedTLS(t, SummaryOptions{By: ByResultType, Top: 2}, tlsReports()...)
	if err := s.Write(&b, Options{Format: format}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

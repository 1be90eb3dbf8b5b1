package reports

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wantDocument is what the corpus expects of one file that is no failure report.
// null and "" count as equal.
type wantDocument struct {
	Unparseable bool   `json:"unparseable"`
	Kind        string `json:"kind"`
	Level       string `json:"level"`

	wantAggregate
	wantTLS

	OrgName        string `json:"org_name"`
	ReportID       string `json:"report_id"`
	AttachmentName string `json:"attachment_name"`
	Mail           *struct {
		wantMail
		Date         string `json:"date"`
		TLSDomain    string `json:"tls_report_domain"`
		TLSSubmitter string `json:"tls_report_submitter"`
	} `json:"mail"`
}

// TestCorpus reads every aggregate and TLS report of the folder that
// REPORTMX_CORPUS names, and every malformed file, and compares every field.
// TestCorpusFailure does the same for failure reports.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("REPORTMX_CORPUS")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("REPORTMX_CORPUS is not set")
		}
		t.Log("REPORTMX_CORPUS is not set: no reports of the corpus compared")
		return
	}
	counts := map[string]int{}
	for _, folder := range []string{"aggregate", "tlsrpt", "malformed"} {
		files, err := filepath.Glob(filepath.Join(dir, "expected", folder, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no expected reports in %s/expected/%s: %v", dir, folder, err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			outcome := compareDocument(t, folder+"/"+name, file, filepath.Join(dir, folder, name))
			counts[folder+": "+outcome]++
		}
	}
	for _, outcome := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%s: %d", outcome, counts[outcome])
	}
}

// compareDocument returns what became of one sample, in words to count.
func compareDocument(t *testing.T, name, expected, file string) string {
	t.Helper()
	text, err := os.ReadFile(expected)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want wantDocument
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatalf("%s: %v", expected, err)
	}
	if !want.Unparseable && want.Kind != "aggregate" && want.Kind != "tlsrpt" {
		return compareFailure(t, name, readJSON(t, expected), file)
	}
	found := FindFile(data, filepath.Base(file), Limits{})
	return judgeDocument(t, name, &found, &want)
}

func judgeDocument(t *testing.T, name string, found *Found, want *wantDocument) string {
	t.Helper()
	switch {
	case want.Unparseable && len(found.Reports) == 0:
		return "unparseable, refused"
	case want.Unparseable:
		t.Errorf("%s: got %d reports, want none", name, len(found.Reports))
		return "unparseable, wrong"
	case want.Level == "should" && len(found.Reports) == 0 && len(found.Unreadable) > 0:
		return "should, refused"
	case len(found.Reports) != 1:
		t.Errorf("%s: got %d reports, want 1; unreadable: %+v", name, len(found.Reports), found.Unreadable)
		return want.Level + ", wrong"
	}
	ok := true
	deviate := func(field string, got, want any) {
		if got, want := fmt.Sprint(got), fmt.Sprint(want); got != want {
			ok = false
			t.Errorf("%s: %s: got %q, want %q", name, field, got, want)
		}
	}
	r := &found.Reports[0]
	if a := r.Aggregate; a != nil {
		deviate("kind", "aggregate", want.Kind)
		deviate("report_id", a.ReportID, want.ReportID)
		want.wantAggregate.compare(deviate, a)
	} else {
		deviate("kind", "tlsrpt", want.Kind)
		deviate("report_id", r.TLS.ReportID, want.ReportID)
		want.wantTLS.compare(deviate, r.TLS)
	}
	deviate("org_name", r.OrgName(), want.OrgName)
	if !strings.Contains(r.Part, want.AttachmentName) {
		deviate("attachment_name", r.Part, want.AttachmentName)
	}
	if m := want.Mail; m != nil {
		h := &found.Header
		compareMail(func(field, got, want string) { deviate(field, got, want) }, h, &m.wantMail)
		deviate("mail.tls_report_domain", h.TLSReportDomain, m.TLSDomain)
		deviate("mail.tls_report_submitter", h.TLSReportSubmitter, m.TLSSubmitter)
		if date, err := mail.ParseDate(m.Date); err == nil {
			deviate("mail.date", h.Date, date.UTC())
		}
	}
	if !ok {
		return want.Level + ", wrong"
	}
	return want.Level + ", right"
}

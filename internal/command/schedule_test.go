package command

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reportmx/internal/config"
	"reportmx/internal/control"
	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/bolt"
)

// TestSummariesOfTheDayBefore writes them on the day after something came, and on
// the one after that.
func TestSummariesOfTheDayBefore(t *testing.T) {
	store, err := bolt.Open(filepath.Join(t.TempDir(), storeFile), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	came := time.Date(2026, 11, 20, 4, 5, 6, 0, time.UTC)
	failed := int64(3)
	_, err = store.Commit(t.Context(), storage.Batch{Reports: []storage.Report{
		{Message: storage.Message{ReceivedAt: came}, Report: reports.Report{Kind: reports.KindAggregate, Aggregate: &reports.Aggregate{
			PolicyPublished: reports.PolicyPublished{Domain: "example.com"}, Records: []reports.Record{{Count: 2}}}}},
		{Message: storage.Message{ReceivedAt: came}, Report: reports.Report{Kind: reports.KindTLS, TLS: &reports.TLS{
			Policies: []reports.TLSPolicy{{PolicyDomain: "example.com", Failed: &failed, FailureDetails: []reports.TLSFailure{
				{ResultType: "certificate-expired", FailedSessionCount: &failed}}}}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	client := control.Local((&control.Server{Store: store}).Handler())
	tests := []struct {
		kind reports.Kind
		now  time.Time
		want map[string]string // start of the name → what the file has in it
	}{
		{reports.KindAggregate, came.AddDate(0, 0, 1), map[string]string{
			"x-summary-2026-11-20.csv": "group,example.com,1,2,", "x-summary-2026-11-20.json": `"key":"example.com"`}},
		{reports.KindAggregate, came.AddDate(0, 0, 2), map[string]string{
			"x-summary-2026-11-21.csv": "row,key,", "x-summary-2026-11-21.json": `"groups":[]`}},
		{reports.KindTLS, came.AddDate(0, 0, 1), map[string]string{
			"x-summary-2026-11-20.csv": "group,example.com,1,0,3,", "x-summary-2026-11-20.json": `"kind":"tls_summary"`,
			"x-summary-result_type-2026-11-20.csv":  "group,certificate-expired,1,,,3,",
			"x-summary-result_type-2026-11-20.json": `"by":"result_type"`}},
		{reports.KindTLS, came.AddDate(0, 0, 2), nil},
		{reports.KindFailure, came.AddDate(0, 0, 1), nil},
	}
	for _, test := range tests {
		t.Run(string(test.kind)+test.now.Format("-02"), func(t *testing.T) {
			var written bytes.Buffer
			dir := t.TempDir()
			run := &scheduleRun{client: client, plan: storage.Schedule{Name: "x", Kind: test.kind}, schedule: &config.Schedule{Dir: dir}, written: &written}
			if err := run.summaries(t.Context(), test.now); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(written.String(), "\n"); n != len(test.want) {
				t.Errorf("named %d files, want %d:\n%s", n, len(test.want), written.String())
			}
			for name, want := range test.want {
				got, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil || !strings.Contains(string(got), want) {
					t.Errorf("%s: got error %v and no %q in it:\n%s", name, err, want, got)
				}
			}
		})
	}
}

// TestSummariesOfMissedDays writes those of each day since the last one that is there.
func TestSummariesOfMissedDays(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 30, 0, 0, time.UTC)
	for _, test := range []struct {
		there string
		want  []string
	}{
		{"x-summary-2026-11-18.json", []string{"19", "20", "21"}},
		{"x-summary-2026-11-21.json", []string{"21"}},
		{"x-summary-2026-10-21.json", []string{"21"}},
	} {
		var written, want strings.Builder
		run := emptyRun(t, &written)
		if err := os.WriteFile(filepath.Join(run.schedule.Dir, test.there), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run.summaries(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		for _, day := range test.want {
			name := filepath.Join(run.schedule.Dir, "x-summary-2026-11-"+day)
			want.WriteString(name + ".csv\n" + name + ".json\n")
		}
		if written.String() != want.String() {
			t.Errorf("after %s: wrote\n%swant\n%s", test.there, &written, &want)
		}
	}
}

// TestSummariesWithoutExport writes them although the export fails: this server has none.
func TestSummariesWithoutExport(t *testing.T) {
	var written strings.Builder
	run := emptyRun(t, &written)
	if err := run.all(t.Context()); err == nil || strings.Count(written.String(), "-summary-") != 2 {
		t.Errorf("got error %v and wrote\n%swant an error and two summaries", err, &written)
	}
}

// emptyRun is a run over a store without reports.
func emptyRun(t *testing.T, written io.Writer) *scheduleRun {
	t.Helper()
	store, err := bolt.Open(filepath.Join(t.TempDir(), storeFile), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &scheduleRun{client: control.Local((&control.Server{Store: store}).Handler()),
		plan: storage.Schedule{Name: "x", Kind: reports.KindAggregate}, schedule: &config.Schedule{Dir: t.TempDir()}, written: written}
}

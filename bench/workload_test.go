package main

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"reportmx/reports"
)

func mailsOf(t *testing.T, w workload, n int) []mail {
	t.Helper()
	list, err := w.mails(0, n)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestWorkloadIsDetermined: one seed makes one workload, whichever worker makes
// which mail; another seed makes another.
func TestWorkloadIsDetermined(t *testing.T) {
	const n = 50
	first, again, other := mailsOf(t, workload{seed: 7}, n), mailsOf(t, workload{seed: 7}, n), mailsOf(t, workload{seed: 8}, n)
	later, err := workload{seed: 7}.mails(n/2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(later[0].content, first[n/2].content) {
		t.Error("a mail depends on those made before it")
	}
	for i := range first {
		if !bytes.Equal(first[i].content, again[i].content) {
			t.Fatalf("mail %d of the same seed differs", i)
		}
		if bytes.Equal(first[i].content, other[i].content) {
			t.Errorf("mail %d of another seed is the same", i)
		}
	}
}

// TestMailsAreRead: every mail holds one report without a warning, with the
// records that were put in, and no two are the same report.
func TestMailsAreRead(t *testing.T) {
	seen := make(map[[32]byte]bool)
	for i, m := range mailsOf(t, workload{seed: 1}, 200) {
		r := onlyReport(t, m)
		if got := len(r.Aggregate.Records); got != m.records {
			t.Errorf("mail %d: got %d records, want %d", i, got, m.records)
		}
		if len(r.Warnings) > 0 {
			t.Errorf("mail %d: got the warnings %v, want none", i, r.Warnings)
		}
		if seen[r.Identity()] {
			t.Errorf("mail %d has the identity of one before", i)
		}
		seen[r.Identity()] = true
		if got, err := readNaive(m.message()); err != nil || got != m.records {
			t.Errorf("mail %d, naive reader: got %d records and the error %v, want %d", i, got, err, m.records)
		}
	}
}

// TestMailsNeedNoStuffing: what is sent is what is received.
func TestMailsNeedNoStuffing(t *testing.T) {
	keys, err := newKeys()
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range mailsOf(t, workload{1, signed, keys}, 20) {
		if bytes.Contains(m.message(), []byte("\n.")) || !bytes.HasSuffix(m.content, []byte("\r\n.\r\n")) {
			t.Errorf("mail %d has a line that begins with a dot, or does not end with one", i)
		}
		if bytes.Count(m.content, []byte("\n")) != bytes.Count(m.content, []byte("\r\n")) {
			t.Errorf("mail %d has a bare line feed", i)
		}
	}
}

func TestLargeMail(t *testing.T) {
	m, err := workload{seed: 1}.large(3000)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(onlyReport(t, m).Aggregate.Records); got != 3000 {
		t.Errorf("got %d records, want 3000", got)
	}
}

func TestRecordCounts(t *testing.T) {
	const n = 20_000
	var sum int
	counts := make([]float64, n)
	for i := range counts {
		c := recordCount(rand.New(rand.NewPCG(1, uint64(i))), i)
		counts[i] = float64(c)
		sum += c
	}
	if got := quantile(counts, 0.5); got != 3 {
		t.Errorf("median: got %v records, want 3", got)
	}
	if got := quantile(counts, 1); got != longest {
		t.Errorf("largest: got %v records, want %d", got, longest)
	}
	if sum < 170_000 || sum > 200_000 {
		t.Errorf("got %d records in all, want about 185,000", sum)
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	for _, line := range []string{
		`# TYPE reportmx_intake_seconds histogram`,
		`reportmx_intake_seconds_bucket{le="0.001"} 6`,
		`reportmx_intake_seconds_bucket{le="0.002"} 10`,
		`reportmx_intake_seconds_bucket{le="+Inf"} 10`,
		`reportmx_intake_seconds_sum 0.012`,
		`reportmx_intake_seconds_count 10`,
		`reportmx_smtpd_sessions 3`,
	} {
		h.line(line)
	}
	if h.count != 10 || h.sum != 0.012 || h.quantile(0.5) != 0.001 || h.quantile(0.99) != 0.002 {
		t.Errorf("got %+v with the quantiles %v and %v", h, h.quantile(0.5), h.quantile(0.99))
	}
}

func onlyReport(t *testing.T, m mail) reports.Report {
	t.Helper()
	found := reports.Find(m.message(), reports.Limits{})
	if len(found.Reports) != 1 || len(found.Unreadable) > 0 {
		t.Fatalf("got %d reports, unreadable %v", len(found.Reports), found.Unreadable)
	}
	return found.Reports[0]
}

func TestRising(t *testing.T) {
	for list, want := range map[string][]int{
		"10000,1000000": {10_000, 1_000_000},
		"2":             {2},
		"":              nil,
		"1":             nil,
		"5,5":           nil,
		"5,x":           nil,
	} {
		got, err := rising(list)
		if !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("rising(%q): got %v and the error %v, want %v", list, got, err, want)
		}
	}
}

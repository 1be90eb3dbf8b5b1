package storagetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"testing"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

func testEmpty(t *testing.T, s *suite) {
	if got := s.read(t, storage.Query{}); len(got) != 0 {
		t.Errorf("reports: got %d, want none", len(got))
	}
	for h, err := range s.HeldMessages(t.Context()) {
		t.Errorf("held: got %v, %v, want none", h, err)
	}
	if _, err := s.Raw(1); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("raw: got error %v, want %v", err, storage.ErrNotFound)
	}
	if o := s.commit(t, storage.Batch{}); len(o.Reports) != 0 || o.Held != 0 {
		t.Errorf("empty batch: got %+v, want nothing", o)
	}
}

func testRoundTrip(t *testing.T, s *suite) {
	odd := Aggregate(3, 2)
	odd.Aggregate.Begin, odd.Aggregate.End = time.Time{}, time.Time{}
	odd.Aggregate.OrgName = "caf\xe9 \x00\x1b[31m" // no UTF-8, and control characters
	odd.Aggregate.PolicyPublished.PCT = nil
	odd.Aggregate.Records[0].SourceIP = netip.Addr{}
	odd.Aggregate.Records[1].SourceIP = netip.MustParseAddr("fe80::1%eth0")
	odd.Aggregate.Extensions = []string{"<x:a/>"}
	odd.Implausible = true
	odd.Message = storage.Message{}
	early := Aggregate(4, 0)
	early.Aggregate.Begin = time.Unix(-1e9, 0).UTC()

	want := []storage.Report{Aggregate(1, 3), Failure(1), TLS(1), odd, early, Failure(5)}
	for i, seq := range s.store(t, want...) {
		want[i] = with(want[i], seq, false)
	}
	if d := diff(s.read(t, storage.Query{}), want); d != "" {
		t.Errorf("read (-want +got):\n%s", d)
	}
	s.reopen(t)
	if d := diff(s.read(t, storage.Query{}), want); d != "" {
		t.Errorf("read after reopening (-want +got):\n%s", d)
	}
}

func testOrder(t *testing.T, s *suite) {
	var want []uint64
	for n := range 600 { // kinds mixed, begins falling, more than one page
		r := Aggregate(1000-n, 1)
		switch n % 3 {
		case 1:
			r = Failure(1000 - n)
		case 2:
			r = TLS(1000 - n)
		}
		o := s.commit(t, storage.Batch{Reports: []storage.Report{r}})
		want = append(want, o.Reports[0].Seq)
	}
	got := seqs(s.read(t, storage.Query{}))
	if d := diff(got, want); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
	for i := 1; i < len(got); i++ {
		if got[i] <= got[i-1] {
			t.Fatalf("number %d comes after %d", got[i], got[i-1])
		}
	}
}

func testDuplicate(t *testing.T, s *suite) {
	for _, r := range []storage.Report{Aggregate(1, 3), Failure(2), TLS(3)} {
		first := s.commit(t, storage.Batch{Reports: []storage.Report{r}, Raw: Raw(1)}).Reports[0]
		again := r
		again.Message.Subject = "sent again"
		want := storage.ReportOutcome{Seq: first.Seq, Duplicate: true}
		if got := s.commit(t, storage.Batch{Reports: []storage.Report{again}, Raw: Raw(2)}).Reports[0]; got != want {
			t.Errorf("%s: got %+v, want %+v", r.Kind, got, want)
		}
		s.reopen(t)
		if got := s.commit(t, storage.Batch{Reports: []storage.Report{again}}).Reports[0]; got != want {
			t.Errorf("%s, after reopening: got %+v, want %+v", r.Kind, got, want)
		}
	}
	if got := len(s.read(t, storage.Query{})); got != 3 {
		t.Errorf("got %d reports, want 3", got)
	}
	twice := s.commit(t, storage.Batch{Reports: []storage.Report{Aggregate(9, 1), Aggregate(9, 1)}}).Reports
	if twice[0].Duplicate || !twice[1].Duplicate || twice[0].Seq != twice[1].Seq {
		t.Errorf("twice in one message: got %+v", twice)
	}
}

func testConflict(t *testing.T, s *suite) {
	variant := func(content string) storage.Report {
		r := Aggregate(1, 3)
		r.Aggregate.Email = content
		r.ContentHash = sha256.Sum256([]byte(content))
		return r
	}
	a := s.store(t, variant("a"))[0]
	for _, step := range []struct {
		content string
		want    storage.ReportOutcome
	}{
		{"b", storage.ReportOutcome{Seq: a + 1, Conflict: true}},
		{"b", storage.ReportOutcome{Seq: a + 1, Duplicate: true}},
		{"a", storage.ReportOutcome{Seq: a, Duplicate: true}},
		{"c", storage.ReportOutcome{Seq: a + 2, Conflict: true}},
	} {
		got := s.commit(t, storage.Batch{Reports: []storage.Report{variant(step.content)}}).Reports[0]
		if got != step.want {
			t.Errorf("content %s: got %+v, want %+v", step.content, got, step.want)
		}
	}
	want := []storage.Report{with(variant("a"), a, false), with(variant("b"), a+1, true), with(variant("c"), a+2, true)}
	if d := diff(s.read(t, storage.Query{}), want); d != "" {
		t.Errorf("read (-want +got):\n%s", d)
	}
}

func testFailedBatch(t *testing.T, s *suite) {
	s.store(t, Aggregate(1, 1))
	empty := storage.Report{Report: reports.Report{Kind: reports.KindAggregate}}
	bad := storage.Batch{Reports: []storage.Report{Aggregate(2, 1), empty}, Held: Held(1), Raw: Raw(1)}
	if o, err := s.Commit(t.Context(), bad); err == nil {
		t.Fatalf("a report without content: got %+v, want an error", o)
	}
	want := s.store(t, Aggregate(2, 1))
	if got := seqs(s.read(t, storage.Query{After: want[0] - 1})); diff(got, want) != "" {
		t.Errorf("after the failed batch: got %v, want %v", got, want)
	}
	for h := range s.HeldMessages(t.Context()) {
		t.Errorf("held by the failed batch: %+v", h)
	}
}

func testChunks(t *testing.T, s *suite) {
	counts := []int{0, 1, storage.ChunkRecords - 1, storage.ChunkRecords, storage.ChunkRecords + 1, 2500}
	var want []storage.Report
	for i, n := range counts {
		want = append(want, Aggregate(i, n))
	}
	for i, seq := range s.store(t, want...) {
		want[i].Seq = seq
	}
	for r, err := range s.Reports(t.Context(), storage.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		n := len(r.Aggregate.Records)
		if n > storage.ChunkRecords {
			t.Errorf("a part of report %d has %d records", r.Seq, n)
		}
		if r.OrgName() == "" || r.Authorization == "" {
			t.Errorf("part %d of report %d lacks the head", r.Chunk, r.Seq)
		}
	}
	for _, q := range []storage.Query{{}, {Target: "example.com"}} {
		if d := diff(s.read(t, q), want); d != "" {
			t.Errorf("read %+v (-want +got):\n%s", q, d)
		}
	}
	if got := s.read(t, storage.Query{OrgName: "Mailbox 2"}); len(got) != 2 {
		t.Errorf("some of the long reports: got %d, want 2", len(got))
	}
}

func testReaderIsBounded(t *testing.T, s *suite) {
	s.store(t, Aggregate(0, 1), Aggregate(1, 1))
	n := 0
	for _, err := range s.Reports(t.Context(), storage.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		s.store(t, Aggregate(1+n, 1)) // as fast as they are read
	}
	if n != 2 {
		t.Errorf("got %d reports, want the 2 that were there at the start", n)
	}
}

func testSlowReader(t *testing.T, s *suite) {
	s.store(t, Aggregate(0, 1), Aggregate(1, 2500), Aggregate(2, 1))
	var got []uint64
	for r, err := range s.Reports(t.Context(), storage.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Seq)
		// An engine that a reader holds up would hang here: much is written, and
		// other readers come and go, while this one stands still.
		for i := range 3 {
			n := 1000*len(got) + 10*i
			s.commit(t, storage.Batch{Reports: []storage.Report{Aggregate(n, 1), Aggregate(n+1, 1500)}, Raw: make([]byte, 1<<20)})
			s.read(t, storage.Query{Target: "d1.example.com"})
		}
	}
	if want := []uint64{1, 2, 2, 2, 3}; diff(got, want) != "" {
		t.Errorf("got the parts %v, want %v", got, want)
	}
}

func testContext(t *testing.T, s *suite) {
	s.store(t, Aggregate(0, 1), Aggregate(1, 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Commit(ctx, storage.Batch{Reports: []storage.Report{Aggregate(2, 1)}}); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: got error %v, want %v", err, context.Canceled)
	}
	if _, err := Collect(s.Reports(ctx, storage.Query{})); !errors.Is(err, context.Canceled) {
		t.Errorf("read: got error %v, want %v", err, context.Canceled)
	}
	if got := len(s.read(t, storage.Query{})); got != 2 {
		t.Errorf("got %d reports, want 2", got)
	}
}

func testRaw(t *testing.T, s *suite) {
	b := storage.Batch{Reports: []storage.Report{Aggregate(1, 1), Aggregate(2, 1), TLS(1)}, Raw: Raw(1)}
	shared := s.commit(t, b).Reports
	failure := s.commit(t, storage.Batch{Reports: []storage.Report{Failure(1)}, Raw: Raw(2)}).Reports[0]
	none := s.store(t, Aggregate(3, 1))[0]
	empty := s.commit(t, storage.Batch{Reports: []storage.Report{Aggregate(4, 1)}, Raw: []byte{}}).Reports[0]
	s.reopen(t)
	for _, test := range []struct {
		seq  uint64
		want []byte
	}{
		{shared[0].Seq, Raw(1)}, {shared[1].Seq, Raw(1)}, {shared[2].Seq, Raw(1)}, {failure.Seq, Raw(2)}, {empty.Seq, []byte{}},
	} {
		got, err := s.Raw(test.seq)
		if err != nil || string(got) != string(test.want) {
			t.Errorf("message of report %d: got %d bytes and error %v, want %d bytes", test.seq, len(got), err, len(test.want))
		}
	}
	if _, err := s.Raw(none); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("message that was not kept: got error %v, want %v", err, storage.ErrNotFound)
	}
}

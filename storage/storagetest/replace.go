package storagetest

import (
	"errors"
	"testing"

	"reportmx/storage"
)

// testReplace replaces reports as they are read by a better reader.
func testReplace(t *testing.T, s *suite) {
	long := Aggregate(1, 2*storage.ChunkRecords+1)
	o := s.commit(t, storage.Batch{Reports: []storage.Report{Aggregate(0, 1), long, Failure(1)}, Raw: Raw(1)})
	long.Seq = o.Reports[1].Seq
	differs := func(r storage.Report, want bool) {
		t.Helper()
		if got, err := s.Differs(&r); got != want || err != nil {
			t.Errorf("report %d: got that it differs %v and error %v, want %v", r.Seq, got, err, want)
		}
	}
	differs(long, false)
	short := Aggregate(1, 3)
	short.Seq = long.Seq
	short.Warnings = nil
	failure := Failure(1)
	failure.Seq = o.Reports[2].Seq
	failure.Failure.PolicyDomain = "better.example"
	for _, r := range []storage.Report{short, failure} {
		differs(r, true)
		if err := s.Replace(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
		differs(r, false)
	}
	s.reopen(t)
	if d := diff(s.read(t, storage.Query{Target: "d1.example.com"}), []storage.Report{short}); d != "" {
		t.Errorf("replaced (-want +got):\n%s", d)
	}
	if d := diff(s.read(t, storage.Query{Target: "better.example"}), []storage.Report{failure}); d != "" {
		t.Errorf("replaced, about another domain (-want +got):\n%s", d)
	}
	if got := s.read(t, storage.Query{Target: "d0.example.com"}); len(got) != 1 {
		t.Errorf("got %d reports about the domain that one was about, want 1", len(got))
	}
	if raw, err := s.Raw(short.Seq); err != nil || string(raw) != string(Raw(1)) {
		t.Errorf("message: got %d bytes and error %v", len(raw), err)
	}
	other := Aggregate(2, 1)
	other.Seq = short.Seq
	if err := s.Replace(t.Context(), &other); !errors.Is(err, storage.ErrOtherReport) {
		t.Errorf("another report: got error %v, want %v", err, storage.ErrOtherReport)
	}
	other.Seq = 99
	if err := s.Replace(t.Context(), &other); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("no such report: got error %v, want %v", err, storage.ErrNotFound)
	}
	s.remove(t, storage.Removal{What: storage.FailureReports}, 1)
}

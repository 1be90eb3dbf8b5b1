package storagetest

import (
	"errors"
	"testing"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

func (s *suite) remove(t *testing.T, r storage.Removal, want int) {
	t.Helper()
	if n, err := s.Remove(t.Context(), r); n != want || err != nil {
		t.Fatalf("remove %+v: got %d and error %v, want %d", r, n, err, want)
	}
}

// arrival is when report or held message n arrived.
func arrival(n int) time.Time { return Message(n).ReceivedAt }

// testRemoveOld removes more than one step, of one kind.
func testRemoveOld(t *testing.T, s *suite) {
	const all, old = 400, 300
	for n := 0; n < all; n += 4 {
		b := storage.Batch{Reports: []storage.Report{Aggregate(n, 1), Aggregate(n+1, 1), Aggregate(n+2, 1), Aggregate(n+3, 1)}, Raw: []byte("message")}
		if n == 8 {
			b.Reports[0] = Aggregate(n, 2*storage.ChunkRecords+1)
		}
		s.commit(t, b)
	}
	other := s.store(t, TLS(0), Failure(0))
	s.remove(t, storage.Removal{What: storage.AggregateReports, Before: arrival(old)}, old)
	s.remove(t, storage.Removal{What: storage.AggregateReports, Before: arrival(old)}, 0)
	for _, when := range []string{"at once", "after reopening"} {
		got := s.read(t, storage.Query{})
		if len(got) != all-old+len(other) || got[0].Seq != old+1 {
			t.Fatalf("%s: got %d reports from number %d on, want %d from %d on", when, len(got), got[0].Seq, all-old+len(other), old+1)
		}
		if n := len(s.read(t, storage.Query{Target: "example.com"})); n != all-old+1 {
			t.Errorf("%s: the index of domains gives %d, want %d", when, n, all-old+1)
		}
		if n := len(s.read(t, storage.Query{Until: start.Add(old * time.Hour)})); n != len(other) {
			t.Errorf("%s: the index of times gives %d, want %d", when, n, len(other))
		}
		if _, err := s.Raw(old); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: message of what was removed: got error %v, want %v", when, err, storage.ErrNotFound)
		}
		if raw, err := s.Raw(old + 1); err != nil || string(raw) != "message" {
			t.Errorf("%s: message of what stayed: got %q and error %v", when, raw, err)
		}
		s.reopen(t)
	}
	st, err := s.Stats()
	if err != nil || st.Reports[reports.KindAggregate] != all-old {
		t.Errorf("got %d aggregate reports in the counts and error %v, want %d", st.Reports[reports.KindAggregate], err, all-old)
	}
	if o := s.commit(t, storage.Batch{Reports: []storage.Report{Aggregate(0, 1)}}); o.Reports[0].Duplicate {
		t.Error("what was removed is still known")
	}
}

func testRemoveTarget(t *testing.T, s *suite) {
	below := Aggregate(8, 1)
	below.Aggregate.PolicyPublished.Domain = "mail.d1.example.com"
	seqs := s.store(t, Aggregate(0, 1), Aggregate(1, 1), below, TLS(1))
	shared := s.commit(t, storage.Batch{Reports: []storage.Report{Aggregate(2, 1), Aggregate(15, 1)}, Raw: Raw(1)})
	s.remove(t, storage.Removal{What: storage.AggregateReports, Target: "D1.example.com."}, 3)
	got := s.read(t, storage.Query{})
	want := []uint64{seqs[0], seqs[3], shared.Reports[0].Seq}
	if len(got) != 3 || got[0].Seq != want[0] || got[1].Seq != want[1] || got[2].Seq != want[2] {
		t.Errorf("got %d reports, want the numbers %v", len(got), want)
	}
	if _, err := s.Raw(want[2]); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("message that held a report about the target: got error %v, want %v", err, storage.ErrNotFound)
	}
}

func testRemoveMessages(t *testing.T, s *suite) {
	for n := range 3 {
		s.commit(t, storage.Batch{Reports: []storage.Report{Aggregate(n, 1), TLS(n)}, Raw: Raw(n)})
	}
	failure := s.commit(t, storage.Batch{Reports: []storage.Report{Failure(0)}, Raw: Raw(9)}).Reports[0].Seq
	s.remove(t, storage.Removal{What: storage.RawMessages, Before: arrival(2)}, 2)
	for seq, kept := range map[uint64]bool{1: false, 2: false, 3: false, 4: false, 5: true, 6: true, failure: true} {
		if _, err := s.Raw(seq); (err == nil) != kept || err != nil && !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("message of report %d: got error %v, want it kept: %v", seq, err, kept)
		}
	}
	if n := len(s.read(t, storage.Query{})); n != 7 {
		t.Errorf("got %d reports, want all 7", n)
	}
	s.remove(t, storage.Removal{What: storage.AggregateReports, Before: arrival(1)}, 1) // its message is gone already
}

func testRemoveHeld(t *testing.T, s *suite) {
	left := 0
	for n := range 100 {
		s.commit(t, storage.Batch{Held: Held(n), Raw: Raw(n)})
		if n >= 90 {
			left += len(Raw(n))
		}
	}
	s.remove(t, storage.Removal{What: storage.HeldMessages, Before: arrival(90)}, 90)
	if got := s.held(t); len(got) != 10 || got[0].Hash != Held(90).Hash {
		t.Errorf("got %d held messages, want the last 10", len(got))
	}
	if st, err := s.Stats(); err != nil || st.Held != 10 || st.HeldBytes != int64(left) {
		t.Errorf("got %+v and error %v, want 10 messages of %d bytes", st, err, left)
	}
	if o := s.commit(t, storage.Batch{Held: Held(0), Raw: Raw(0)}); !o.HeldNew {
		t.Error("what was removed is still known")
	}
}

func testRemoveBounds(t *testing.T, s *suite) {
	var b storage.Batch
	for n := range 20 {
		b.Reports = append(b.Reports, Aggregate(n, 1))
	}
	s.commit(t, b)
	s.remove(t, storage.Removal{What: storage.AggregateReports, Before: arrival(10), Count: true}, 10)
	s.remove(t, storage.Removal{What: storage.AggregateReports, Before: arrival(10), KeepFrom: 5}, 4)
	if got := s.read(t, storage.Query{}); len(got) != 16 {
		t.Errorf("got %d reports, want 16", len(got))
	}
	s.remove(t, storage.Removal{What: storage.AggregateReports}, 16)
	if n, err := s.Remove(t.Context(), storage.Removal{What: "everything"}); n != 0 || err == nil {
		t.Errorf("remove what there is not: got %d and error %v", n, err)
	}
}

// testRemoveWhileReading removes what a reader has not come to, by all ways in which
// it can read: it misses that, and takes it for nothing worse.
func testRemoveWhileReading(t *testing.T, s *suite) {
	const all = 600
	for _, q := range []storage.Query{{}, {Target: "example.com"}, {Since: start}} {
		var b storage.Batch
		for n := range all {
			b.Reports = append(b.Reports, Aggregate(n, 1))
		}
		s.commit(t, b)
		n := 0
		for _, err := range s.Reports(t.Context(), q) {
			if err != nil {
				t.Fatalf("%+v: %v", q, err)
			}
			if n == 0 {
				s.remove(t, storage.Removal{What: storage.AggregateReports}, all)
			}
			n++
		}
		if n == 0 || n == all {
			t.Errorf("%+v: got %d reports, want the first pages", q, n)
		}
	}
}

// testRemoveLong removes a report of three parts at a time when a reader that fetches
// a few hundred parts at once has fetched some of them.
func testRemoveLong(t *testing.T, s *suite) {
	for before := 253; before < 256; before++ {
		var b storage.Batch
		for n := range before {
			b.Reports = append(b.Reports, TLS(n))
		}
		b.Reports = append(b.Reports, Aggregate(0, 2*storage.ChunkRecords+1))
		s.commit(t, b)
		parts := 0
		var last error
		for r, err := range s.Reports(t.Context(), storage.Query{}) {
			if last = err; err != nil {
				break
			}
			if parts == 0 && r.Kind == reports.KindTLS {
				s.remove(t, storage.Removal{What: storage.AggregateReports}, 1)
				parts = -before + 1
			} else {
				parts++
			}
		}
		if last == nil && parts != 0 && parts != 3 || last != nil && !errors.Is(last, storage.ErrRemoved) {
			t.Errorf("behind %d others: got %d parts and error %v, want all 3, none, or %v", before, parts, last, storage.ErrRemoved)
		}
		s.remove(t, storage.Removal{What: storage.TLSReports}, before)
	}
}

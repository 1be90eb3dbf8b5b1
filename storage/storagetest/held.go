package storagetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"reportmx/reports"
	"reportmx/storage"
)

func (s *suite) held(t *testing.T) []storage.Held {
	t.Helper()
	var all []storage.Held
	for h, err := range s.HeldMessages(t.Context()) {
		if err != nil {
			t.Fatalf("held messages: %v", err)
		}
		all = append(all, *h)
	}
	return all
}

func testHeld(t *testing.T, s *suite) {
	var want []storage.Held
	for n := range 300 { // more than one page
		o := s.commit(t, storage.Batch{Held: Held(n), Raw: Raw(n)})
		if !o.HeldNew {
			t.Fatalf("message %d: got %+v, want it to be new", n, o)
		}
		h := *Held(n)
		h.Seq = o.Held
		want = append(want, h)
	}
	s.reopen(t)
	if d := diff(s.held(t), want); d != "" {
		t.Errorf("held (-want +got):\n%s", d)
	}
	seq := want[7].Seq
	got, err := s.Held(seq)
	if d := diff(got, &want[7]); err != nil || d != "" {
		t.Errorf("held %d: error %v (-want +got):\n%s", seq, err, d)
	}
	if raw, err := s.HeldRaw(seq); err != nil || string(raw) != string(Raw(7)) {
		t.Errorf("raw of %d: got %d bytes and error %v", seq, len(raw), err)
	}
	if err := s.DropHeld(t.Context(), seq); err != nil {
		t.Fatalf("drop: %v", err)
	}
	if _, err := s.Held(seq); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("held after drop: got error %v, want %v", err, storage.ErrNotFound)
	}
	if _, err := s.HeldRaw(seq); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("raw after drop: got error %v, want %v", err, storage.ErrNotFound)
	}
	if err := s.DropHeld(t.Context(), seq); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("drop again: got error %v, want %v", err, storage.ErrNotFound)
	}
	if got := len(s.held(t)); got != 299 {
		t.Errorf("got %d held messages, want 299", got)
	}
	if _, err := s.Raw(want[8].Seq); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("held message asked for as a report: got error %v, want %v", err, storage.ErrNotFound)
	}
}

func testHeldTwice(t *testing.T, s *suite) {
	// A report and a part that cannot be read, in one message.
	b := storage.Batch{Reports: []storage.Report{Aggregate(1, 1)}, Held: Held(1), Raw: Raw(1)}
	first := s.commit(t, b)
	again := s.commit(t, b)
	if again.Held != first.Held || again.HeldNew || !again.Reports[0].Duplicate {
		t.Errorf("again: got %+v, want what %+v holds", again, first)
	}
	if err := s.DropHeld(t.Context(), first.Held); err != nil {
		t.Fatal(err)
	}
	if raw, err := s.Raw(first.Reports[0].Seq); err != nil || string(raw) != string(Raw(1)) {
		t.Errorf("message of the report, after drop: got %d bytes and error %v", len(raw), err)
	}
	if o := s.commit(t, b); !o.HeldNew || o.Held == first.Held {
		t.Errorf("after drop: got %+v, want it held anew", o)
	}
}

// testRawForHold holds a message of whose reports the bytes are not to be kept.
func testRawForHold(t *testing.T, s *suite) {
	o := s.commit(t, storage.Batch{Reports: []storage.Report{Aggregate(1, 1), Failure(1)}, Held: Held(1), Raw: Raw(1), RawForHold: true})
	for _, r := range o.Reports {
		if raw, err := s.Raw(r.Seq); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("message of report %d: got %d bytes and error %v, want %v", r.Seq, len(raw), err, storage.ErrNotFound)
		}
	}
	if raw, err := s.HeldRaw(o.Held); err != nil || string(raw) != string(Raw(1)) {
		t.Errorf("message in the hold: got %d bytes and error %v", len(raw), err)
	}
}

func testConcurrent(t *testing.T, s *suite) {
	const callers, each = 64, 10
	var group sync.WaitGroup
	var fresh atomic.Int64
	for c := range callers {
		group.Go(func() {
			for i := range each {
				// Every report is sent by two callers.
				n := c/2*each + i
				b := storage.Batch{Reports: []storage.Report{Aggregate(n, 2)}, Raw: Raw(n)}
				o, err := s.Commit(t.Context(), b)
				if err != nil {
					t.Errorf("commit: %v", err)
					return
				}
				if !o.Reports[0].Duplicate {
					fresh.Add(1)
				}
				// What is acknowledged is visible at once.
				at, err := Collect(s.Reports(t.Context(), storage.Query{After: o.Reports[0].Seq - 1, Target: at0(n)}))
				if err != nil || len(at) == 0 || at[0].Seq != o.Reports[0].Seq {
					t.Errorf("report %d is not there after its commit: error %v", n, err)
				}
			}
		})
	}
	group.Wait()
	if got := len(s.read(t, storage.Query{})); got != callers*each/2 || fresh.Load() != callers*each/2 {
		t.Errorf("got %d reports and %d said to be new, want %d", got, fresh.Load(), callers*each/2)
	}
}

// at0 is the policy domain of Aggregate(n, …).
func at0(n int) string {
	r := Aggregate(n, 0)
	return r.PolicyDomains()[0]
}

func testNumbers(t *testing.T, s *suite) {
	last := s.commit(t, storage.Batch{Held: Held(1), Raw: Raw(1)}).Held
	if err := s.DropHeld(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	if got := s.store(t, Aggregate(1, 1))[0]; got <= last {
		t.Errorf("got number %d again after %d was dropped", got, last)
	}
}

func testStats(t *testing.T, s *suite) {
	s.store(t, Aggregate(1, 1), Aggregate(2, 1), Aggregate(2, 1), Failure(1), TLS(1), TLS(1), TLS(2), TLS(3))
	s.commit(t, storage.Batch{Held: Held(1), Raw: Raw(1)})
	second := s.commit(t, storage.Batch{Held: Held(2), Raw: Raw(2)})
	if err := s.DropHeld(t.Context(), second.Held); err != nil {
		t.Fatal(err)
	}
	s.store(t, Aggregate(1, 1)) // a duplicate is the last thing before closing
	want := storage.Stats{
		Reports: map[reports.Kind]uint64{reports.KindAggregate: 2, reports.KindFailure: 1, reports.KindTLS: 3},
		Held:    1, HeldBytes: int64(len(Raw(1))), LastSeq: second.Held, Duplicates: 3,
	}
	for _, when := range []string{"at once", "after reopening"} {
		got, err := s.Stats()
		if err != nil || got.FileBytes <= 0 {
			t.Fatalf("%s: got %d bytes and error %v", when, got.FileBytes, err)
		}
		got.FileBytes = 0
		if d := diff(got, want); d != "" {
			t.Errorf("%s (-want +got):\n%s", when, d)
		}
		s.reopen(t)
	}
}

func testClosed(t *testing.T, s *suite) {
	s.commit(t, storage.Batch{Reports: []storage.Report{Aggregate(1, 1)}, Held: Held(1), Raw: Raw(1)})
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	_, commit := s.Commit(t.Context(), storage.Batch{Reports: []storage.Report{Aggregate(2, 1)}})
	_, read := Collect(s.Reports(t.Context(), storage.Query{}))
	_, raw := s.Raw(1)
	_, held := s.HeldRaw(2)
	for _, test := range []struct {
		name string
		err  error
	}{
		{"commit", commit}, {"read", read}, {"raw", raw}, {"held raw", held}, {"drop", s.DropHeld(t.Context(), 2)},
	} {
		if !errors.Is(test.err, storage.ErrClosed) {
			t.Errorf("%s: got error %v, want %v", test.name, test.err, storage.ErrClosed)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}

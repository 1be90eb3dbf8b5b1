package storagetest

import (
	"errors"
	"slices"
	"testing"

	"reportmx/storage"
)

// testQuota fills the hold. Of Held(n) every second sender passed.
func testQuota(t *testing.T, s *suite) {
	size := int64(len(Raw(100)))
	hold := func(n int) (storage.Outcome, error) {
		h := Held(n)
		if h.Size = size; n%3 == 0 {
			h.Size, h.Cost = 13, size
		}
		return s.Commit(t.Context(), storage.Batch{Held: h, Raw: Raw(n), HoldQuota: 4 * size, Reports: []storage.Report{Aggregate(n, 1)}})
	}
	numbers := map[int]uint64{}
	for _, step := range []struct {
		n       int
		evicted []int
		full    bool
	}{
		{n: 0}, {n: 1}, {n: 2}, {n: 3}, // 1 and 3 did not pass
		{n: 3},                    // known: needs no room
		{n: 5, evicted: []int{1}}, // the oldest of those
		{n: 4, evicted: []int{3}},
		{n: 6, evicted: []int{5}},
		{n: 7, full: true}, {n: 8, full: true}, // all that is there passed
		{n: 6},
	} {
		o, err := hold(step.n)
		if errors.Is(err, storage.ErrHoldFull) != step.full || err != nil && !step.full {
			t.Fatalf("message %d: got error %v, want it full: %v", step.n, err, step.full)
		}
		var want []uint64
		for _, n := range step.evicted {
			want = append(want, numbers[n])
		}
		if !slices.Equal(o.Evicted, want) {
			t.Errorf("message %d: got %v evicted, want %v", step.n, o.Evicted, want)
		}
		numbers[step.n] = o.Held
	}
	if st, err := s.Stats(); err != nil || st.Held != 4 || st.HeldBytes != 4*size {
		t.Errorf("got %+v and error %v, want 4 messages of %d bytes", st, err, size)
	}
	if got := len(s.read(t, storage.Query{})); got != 7 {
		t.Errorf("got %d reports, want the 7 whose message was taken", got)
	}
	s.reopen(t)
	if _, err := hold(7); !errors.Is(err, storage.ErrHoldFull) {
		t.Errorf("after reopening: got error %v, want %v", err, storage.ErrHoldFull)
	}
	if err := s.DropHeld(t.Context(), numbers[2]); err != nil {
		t.Fatal(err)
	}
	if _, err := hold(7); err != nil {
		t.Errorf("with room: %v", err)
	}
}

// testRelease moves a message from the hold to the reports, in one transaction.
func testRelease(t *testing.T, s *suite) {
	held := s.commit(t, storage.Batch{Held: Held(1), Raw: Raw(1)}).Held
	b := storage.Batch{Reports: []storage.Report{Aggregate(1, 1)}, Raw: Raw(1), Release: held}
	o := s.commit(t, b)
	if raw, err := s.Raw(o.Reports[0].Seq); err != nil || string(raw) != string(Raw(1)) {
		t.Errorf("message of the report: got %d bytes and error %v", len(raw), err)
	}
	if got := s.held(t); len(got) != 0 {
		t.Errorf("got %d held messages, want none", len(got))
	}
	b.Reports = []storage.Report{Aggregate(2, 1)}
	if _, err := s.Commit(t.Context(), b); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("release again: got error %v, want %v", err, storage.ErrNotFound)
	}
	if got := len(s.read(t, storage.Query{})); got != 1 {
		t.Errorf("got %d reports, want 1: nothing of a batch that failed", got)
	}
}

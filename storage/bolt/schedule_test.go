package bolt

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/storagetest"
)

var now = time.Date(2026, 11, 18, 9, 30, 0, 0, time.UTC) // a Wednesday

func arrive(t *testing.T, s *Store, n int) {
	t.Helper()
	if _, err := s.Commit(t.Context(), storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, 1)}}); err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, s *Store, plan storage.Schedule, at time.Time) (*storage.Range, bool) {
	t.Helper()
	r, resumed, err := s.BeginExport(t.Context(), plan, at)
	if err != nil {
		t.Fatal(err)
	}
	return r, resumed
}

func confirm(t *testing.T, s *Store, plan storage.Schedule, r *storage.Range, at time.Time) {
	t.Helper()
	if err := s.ConfirmExport(t.Context(), plan, *r, at); err != nil {
		t.Fatal(err)
	}
}

func TestScheduleOfArrivals(t *testing.T) {
	dir := t.TempDir() + "/s.db"
	s := openStore(t, dir, Options{})
	plan := storage.Schedule{Name: "daily", Kind: reports.KindAggregate, Period: storage.PeriodArrived}
	if r, _ := begin(t, s, plan, now); r != nil {
		t.Errorf("nothing has arrived: got %+v", r)
	}
	arrive(t, s, 1)
	arrive(t, s, 2)
	first, resumed := begin(t, s, plan, now)
	if d := cmp.Diff(first, &storage.Range{From: 1, To: 2}); d != "" || resumed {
		t.Fatalf("first range, resumed %t: got (-) want (+):\n%s", resumed, d)
	}
	arrive(t, s, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, Options{}) // as after a crash
	again, resumed := begin(t, s, plan, now)
	if d := cmp.Diff(again, first); d != "" || !resumed {
		t.Errorf("while it is pending, resumed %t: got (-) want (+):\n%s", resumed, d)
	}
	if lowest, err := s.LowestCursor(plan.Kind); err != nil || lowest != 0 {
		t.Errorf("lowest cursor while the first range is pending: got %d (%v), want 0", lowest, err)
	}
	wrong := storage.Range{From: 1, To: 3}
	if err := s.ConfirmExport(t.Context(), plan, wrong, now); !errors.Is(err, storage.ErrNotPending) {
		t.Errorf("confirm another range: got %v, want ErrNotPending", err)
	}
	confirm(t, s, plan, first, now)
	if err := s.ConfirmExport(t.Context(), plan, *first, now); !errors.Is(err, storage.ErrNotPending) {
		t.Errorf("confirm twice: got %v, want ErrNotPending", err)
	}
	if second, _ := begin(t, s, plan, now); second == nil || second.From != 3 || second.To != 3 {
		t.Errorf("second range: got %+v, want 3 to 3", second)
	}
	if lowest, _ := s.LowestCursor(plan.Kind); lowest != 2 {
		t.Errorf("lowest cursor: got %d, want 2", lowest)
	}
	if lowest, _ := s.LowestCursor(reports.KindTLS); lowest != math.MaxUint64 {
		t.Errorf("lowest cursor of a kind that nobody exports: got %d", lowest)
	}
}

func TestScheduleOfPeriods(t *testing.T) {
	day := func(month time.Month, d int) time.Time { return time.Date(2026, month, d, 0, 0, 0, 0, time.UTC) }
	tests := map[storage.Period][2]time.Time{
		storage.PeriodDay:   {day(11, 17), day(11, 18)},
		storage.PeriodWeek:  {day(11, 9), day(11, 16)},
		storage.PeriodMonth: {day(10, 1), day(11, 1)},
	}
	for period, want := range tests {
		t.Run(string(period), func(t *testing.T) {
			s := openStore(t, t.TempDir()+"/s.db", Options{})
			arrive(t, s, 1)
			plan := storage.Schedule{Name: "whole", Kind: reports.KindAggregate, Period: period}
			got, _ := begin(t, s, plan, now)
			if got == nil || !got.Since.Equal(want[0]) || !got.Until.Equal(want[1]) {
				t.Fatalf("got %+v, want %s to %s", got, want[0], want[1])
			}
			arrive(t, s, 2)
			confirm(t, s, plan, got, now)
			if r, _ := begin(t, s, plan, now); r != nil {
				t.Errorf("this period is not over: got %+v", r)
			}
			// Two periods later both are due, one after the other.
			later := period.Next(period.Next(now))
			for range 2 {
				r, _ := begin(t, s, plan, later)
				if r == nil || !r.Since.Equal(want[1]) || r.To != 2 {
					t.Fatalf("got %+v, want what begins at %s", r, want[1])
				}
				confirm(t, s, plan, r, later)
				want[1] = period.Next(want[1])
			}
			if r, _ := begin(t, s, plan, later); r != nil {
				t.Errorf("all is exported: got %+v", r)
			}
		})
	}
}

// What may still belong to a later period stays.
func TestPeriodsKeepWhatIsToCome(t *testing.T) {
	s := openStore(t, t.TempDir()+"/s.db", Options{})
	plan := storage.Schedule{Name: "whole", Kind: reports.KindAggregate, Period: storage.PeriodDay}
	want := []uint64{0, 0, 1, 2} // of the report of each day before
	for i := range want {
		arrive(t, s, i+1)
		at := now.AddDate(0, 0, i)
		r, _ := begin(t, s, plan, at)
		if r == nil {
			t.Fatalf("day %d: nothing to export", i)
		}
		confirm(t, s, plan, r, at)
		got, err := s.LowestCursor(plan.Kind)
		if err != nil || got > uint64(i) {
			t.Errorf("day %d: got %d (%v), want %d at most", i, got, err, want[i])
		}
	}
	if got, _ := s.LowestCursor(plan.Kind); got == 0 {
		t.Error("nothing was ever passed")
	}
}

func TestSetSchedules(t *testing.T) {
	s := openStore(t, t.TempDir()+"/s.db", Options{})
	a := storage.Schedule{Name: "a", Kind: reports.KindAggregate, Period: storage.PeriodArrived}
	b := storage.Schedule{Name: "b", Kind: reports.KindAggregate, Period: storage.PeriodArrived}
	set := func(plans ...storage.Schedule) {
		t.Helper()
		if err := s.SetSchedules(t.Context(), plans); err != nil {
			t.Fatal(err)
		}
	}
	lowest := func(want uint64) {
		t.Helper()
		if got, err := s.LowestCursor(reports.KindAggregate); err != nil || got != want {
			t.Errorf("lowest cursor: got %d (%v), want %d", got, err, want)
		}
	}
	arrive(t, s, 1)
	lowest(math.MaxUint64)
	set(a, b)
	lowest(0)
	r, _ := begin(t, s, a, now)
	confirm(t, s, a, r, now)
	lowest(0)
	set(a)
	lowest(1)
	set(a, b)
	lowest(0)
	a.Kind = reports.KindTLS
	set(a)
	cursors, err := s.Cursors()
	want := []storage.Cursor{{Schedule: a}, {Schedule: b, Retired: true}}
	if d := cmp.Diff(cursors, want); d != "" || err != nil {
		t.Errorf("cursors (%v): got (-) want (+):\n%s", err, d)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

package control

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reportmx/reports"
	"reportmx/storage"
)

// fakeSchedules has one range pending.
type fakeSchedules struct {
	due  *storage.Range
	plan storage.Schedule
}

func (f *fakeSchedules) BeginExport(_ context.Context, plan storage.Schedule, _ time.Time) (*storage.Range, bool, error) {
	f.plan = plan
	return f.due, true, nil
}

func (f *fakeSchedules) ConfirmExport(_ context.Context, _ storage.Schedule, r storage.Range, _ time.Time) error {
	if f.due == nil || r != *f.due {
		return storage.ErrNotPending
	}
	f.due = nil
	return nil
}

func TestSchedule(t *testing.T) {
	plan := storage.Schedule{Name: "a-1", Kind: reports.KindAggregate, Period: storage.PeriodDay}
	for _, way := range []string{"socket", "local"} {
		t.Run(way, func(t *testing.T) {
			day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
			fake := &fakeSchedules{due: &storage.Range{From: 1, To: 2, Since: day, Until: day.AddDate(0, 0, 1)}}
			store := &fakeStore{reports: threeReports()}
			c := clients(t, &Server{Store: store, Schedules: fake})[way]
			got, err := c.BeginExport(t.Context(), plan)
			if err != nil {
				t.Fatal(err)
			}
			if got.From != 1 || got.To != 2 || !got.Resumed || !got.Since.Equal(day) || fake.plan != plan {
				t.Errorf("got %+v for %+v", got, fake.plan)
			}
			v := got.Parameters(storage.Query{})
			v.Set("format", "ndjson")
			var out strings.Builder
			if n, err := c.Render(t.Context(), "/v1/reports/aggregate", v, &out); err != nil || n != 2 {
				t.Errorf("got %d reports of the range (%v), want 2", n, err)
			}
			want := storage.Query{Kind: reports.KindAggregate, Since: day, Until: day.AddDate(0, 0, 1)}
			if d := cmp.Diff(store.query, want); d != "" {
				t.Errorf("query of the range: got (-) want (+):\n%s", d)
			}
			other := got
			other.To++
			if err := c.ConfirmExport(t.Context(), plan, other); err == nil {
				t.Error("confirmed a range that is not pending")
			}
			if err := c.ConfirmExport(t.Context(), plan, got); err != nil {
				t.Error(err)
			}
			if none, err := c.BeginExport(t.Context(), plan); err != nil || none.To != 0 {
				t.Errorf("got %+v (%v), want nothing to export", none, err)
			}
		})
	}
}

func TestBadSchedules(t *testing.T) {
	good := storage.Schedule{Name: "a", Kind: reports.KindAggregate, Period: storage.PeriodArrived}
	for _, change := range []func(*storage.Schedule){
		func(s *storage.Schedule) { s.Name = "A" },
		func(s *storage.Schedule) { s.Name = "-a" },
		func(s *storage.Schedule) { s.Name = strings.Repeat("a", longestName+1) },
		func(s *storage.Schedule) { s.Kind = "all" },
		func(s *storage.Schedule) { s.Period = "year" },
	} {
		bad := good
		change(&bad)
		c := Local((&Server{Store: &fakeStore{}, Schedules: &fakeSchedules{}}).Handler())
		if _, err := c.BeginExport(t.Context(), bad); err == nil {
			t.Errorf("%+v: got no error", bad)
		}
	}
	c := Local((&Server{Store: &fakeStore{}}).Handler())
	v := map[string][]string{"format": {"csv"}, "up_to": {"all"}}
	if _, err := c.Render(t.Context(), "/v1/reports/aggregate", v, io.Discard); err == nil {
		t.Error("up_to=all: got no error")
	}
}

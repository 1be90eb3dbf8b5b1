package command

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"reportmx/internal/config"
	"reportmx/internal/control"
	"reportmx/reports"
	"reportmx/storage"
)

// agingStore removes one of everything, fails on one sort, and has exported reports
// up to some number.
type agingStore struct {
	passed uint64
	fail   storage.What
	asked  []storage.Removal
}

var errAging = errors.New("disk on fire")

func (s *agingStore) Remove(_ context.Context, r storage.Removal) (int, error) {
	s.asked = append(s.asked, r)
	if r.What == s.fail {
		return 1, errAging
	}
	return 1, nil
}

func (s *agingStore) LowestCursor(kind reports.Kind) (uint64, error) {
	if kind == reports.KindAggregate {
		return s.passed, nil
	}
	return math.MaxUint64, nil
}

// TestLongestHeld holds that retention looks behind what was in the hold for long.
func TestLongestHeld(t *testing.T) {
	const day = 24 * time.Hour
	for held, want := range map[config.Age]time.Duration{0: day, config.Age(14 * day): 15 * day, config.Age(300 * day): 30 * day, config.Forever: 30 * day} {
		r := retention{ages: config.Retention{Held: held}}
		if got := r.longestHeld(); got != want {
			t.Errorf("a hold of %v: got %v, want %v", time.Duration(held), got, want)
		}
	}
}

func TestRetentionAsks(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	before := now.AddDate(0, 0, -30)
	ages := config.Retention{Reports: config.Age(24 * time.Hour), Raw: config.Age(time.Hour), Failure: config.Age(30 * 24 * time.Hour), Held: config.Forever}
	tests := map[string]struct {
		order control.PruneOrder
		want  []storage.Removal
	}{
		"retention": {control.PruneOrder{}, []storage.Removal{
			{What: storage.AggregateReports, Before: now.AddDate(0, 0, -1), Enough: now.AddDate(0, 0, 29), KeepFrom: 8},
			{What: storage.TLSReports, Before: now.AddDate(0, 0, -1), Enough: now.AddDate(0, 0, 29)},
			{What: storage.FailureReports, Before: before, Enough: now},
			{What: storage.RawMessages, Before: now.Add(-time.Hour), Enough: now.AddDate(0, 0, 30).Add(-time.Hour)},
		}},
		"target": {control.PruneOrder{Target: "example.com", DryRun: true}, []storage.Removal{
			{What: storage.AggregateReports, Target: "example.com", Count: true},
			{What: storage.FailureReports, Target: "example.com", Count: true},
			{What: storage.TLSReports, Target: "example.com", Count: true},
		}},
		"before": {control.PruneOrder{Before: before}, []storage.Removal{
			{What: storage.AggregateReports, Before: before},
			{What: storage.FailureReports, Before: before},
			{What: storage.TLSReports, Before: before},
			{What: storage.RawMessages, Before: before},
			{What: storage.HeldMessages, Before: before},
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRetention(&agingStore{passed: 7}, ages, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
			got, err := r.removals(test.order, now)
			if d := cmp.Diff(test.want, got); err != nil || d != "" {
				t.Errorf("error %v (-want +got):\n%s", err, d)
			}
		})
	}
}

func TestRetentionGoesOnAfterAnError(t *testing.T) {
	store := &agingStore{fail: storage.AggregateReports}
	r := newRetention(store, config.Retention{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	p, err := r.Prune(t.Context(), control.PruneOrder{})
	if want := (control.Pruned{Aggregate: 1, Failure: 1, TLS: 1, Messages: 1, Held: 1}); p != want || !errors.Is(err, errAging) {
		t.Errorf("got %+v and error %v, want %+v and %v", p, err, want, errAging)
	}
	if store.asked[0].KeepFrom != 1 {
		t.Errorf("nothing has been exported yet: got KeepFrom %d, want 1", store.asked[0].KeepFrom)
	}
}

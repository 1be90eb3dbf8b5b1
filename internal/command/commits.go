package command

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/bolt"
)

// measuredStore is the store as sessions use it, with a clock: what a commit takes
// from their side, the wait for the committer included.
type measuredStore struct {
	*bolt.Store
	waiting atomic.Int64 // commits that have no answer yet
	seconds prometheus.Histogram
}

func newMeasuredStore(s *bolt.Store, r prometheus.Registerer) *measuredStore {
	m := &measuredStore{Store: s, seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "reportmx_storage_commit_seconds",
		Help:    "Time that a message waited until it was on disk.",
		Buckets: prometheus.ExponentialBuckets(0.0002, 2, 16),
	})}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "reportmx_storage_waiting_commits", Help: "Messages that wait to be on disk.",
	}, func() float64 { return float64(m.waiting.Load()) })
	r.MustRegister(m.seconds, waiting)
	return m
}

// Commit commits and takes the time.
func (m *measuredStore) Commit(ctx context.Context, b storage.Batch) (storage.Outcome, error) {
	m.waiting.Add(1)
	begun := time.Now()
	out, err := m.Store.Commit(ctx, b)
	m.seconds.Observe(time.Since(begun).Seconds())
	m.waiting.Add(-1)
	return out, err
}

// lastArrival is when the last report of a kind about a target arrived, among the
// recent ones; zero when there is none.
func (a *app) lastArrival(ctx context.Context, target string, kind reports.Kind) (last time.Time, err error) {
	q := storage.Query{Kind: kind, Target: target, Since: time.Now().Add(-recent)}
	later := func(at time.Time) {
		if at.After(last) {
			last = at
		}
	}
	if kind == reports.KindAggregate { // there are many, and their digests are read faster
		for d, err := range a.store.Digests(ctx, q) {
			if err != nil {
				return last, err
			}
			later(d.ReceivedAt)
		}
		return last, nil
	}
	for r, err := range a.store.Reports(ctx, q) {
		if err != nil {
			return last, err
		}
		later(r.Message.ReceivedAt)
	}
	return last, nil
}

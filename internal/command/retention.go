package command

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"reportmx/internal/config"
	"reportmx/internal/control"
	"reportmx/reports"
	"reportmx/storage"
)

// retentionEvery is how often the server looks for what is too old.
const retentionEvery = time.Hour

// prunable is what retention needs of the store.
type prunable interface {
	Remove(ctx context.Context, r storage.Removal) (int, error)
	LowestCursor(kind reports.Kind) (uint64, error)
}

// retention removes what is too old, by itself or when asked. It implements
// control.Pruner.
type retention struct {
	store   prunable
	ages    config.Retention
	log     *slog.Logger
	removed *prometheus.CounterVec
	mu      sync.Mutex // one removal at a time
}

func newRetention(store prunable, ages config.Retention, log *slog.Logger, r prometheus.Registerer) *retention {
	removed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reportmx_storage_removed_total", Help: "Reports and messages that retention or prune removed, by what they were."}, []string{"what"})
	r.MustRegister(removed)
	return &retention{store: store, ages: ages, log: log, removed: removed}
}

// run applies retention until ctx ends.
func (r *retention) run(ctx context.Context) {
	tick := time.NewTicker(retentionEvery)
	defer tick.Stop()
	for {
		start := time.Now()
		p, err := r.Prune(ctx, control.PruneOrder{})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.log.Error("retention", "error", err)
		case p != control.Pruned{}:
			r.log.Info("retention", "aggregate", p.Aggregate, "failure", p.Failure, "tls", p.TLS,
				"messages", p.Messages, "held", p.Held, "seconds", time.Since(start).Seconds())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Prune carries out an order, and counts what it removed also when it fails.
func (r *retention) Prune(ctx context.Context, o control.PruneOrder) (control.Pruned, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := control.Pruned{DryRun: o.DryRun}
	removals, err := r.removals(o, time.Now())
	if err != nil {
		return p, err
	}
	into := map[storage.What]*int{
		storage.AggregateReports: &p.Aggregate, storage.FailureReports: &p.Failure, storage.TLSReports: &p.TLS,
		storage.RawMessages: &p.Messages, storage.HeldMessages: &p.Held,
	}
	var failed error
	for _, rm := range removals {
		n, err := r.store.Remove(ctx, rm)
		*into[rm.What] += n
		if !rm.Count {
			r.removed.WithLabelValues(string(rm.What)).Add(float64(n))
		}
		failed = errors.Join(failed, err) // what else is too old still goes
	}
	return p, failed
}

// removals spells an order for the store.
func (r *retention) removals(o control.PruneOrder, now time.Time) ([]storage.Removal, error) {
	if o.Target == "" && o.Before.IsZero() {
		return r.tooOld(o, now)
	}
	what := []storage.What{storage.AggregateReports, storage.FailureReports, storage.TLSReports}
	if o.Target == "" {
		what = append(what, storage.RawMessages, storage.HeldMessages)
	}
	var list []storage.Removal
	for _, w := range what {
		list = append(list, storage.Removal{What: w, Before: o.Before, Target: o.Target, Count: o.DryRun})
	}
	return list, nil
}

// longestHeld is how long a message may have been in the hold before it became a report
// with a number of then. Of those that were there longer the report goes later.
func (r *retention) longestHeld() time.Duration {
	const month = 30 * 24 * time.Hour
	if r.ages.Held == config.Forever {
		return month
	}
	return min(time.Duration(r.ages.Held)+24*time.Hour, month)
}

// tooOld is what retention removes: of reports only what scheduled exports have
// written.
func (r *retention) tooOld(o control.PruneOrder, now time.Time) ([]storage.Removal, error) {
	var list []storage.Removal
	for _, rule := range []struct {
		what storage.What
		kind reports.Kind
		age  config.Age
	}{
		{storage.AggregateReports, reports.KindAggregate, r.ages.Reports},
		{storage.TLSReports, reports.KindTLS, r.ages.Reports},
		{storage.FailureReports, reports.KindFailure, r.ages.Failure},
		{storage.RawMessages, "", r.ages.Raw},
		{storage.HeldMessages, "", r.ages.Held},
	} {
		if rule.age == config.Forever {
			continue
		}
		before := now.Add(-time.Duration(rule.age))
		rm := storage.Removal{What: rule.what, Before: before, Enough: before.Add(r.longestHeld()), Count: o.DryRun}
		if rule.kind != "" {
			passed, err := r.store.LowestCursor(rule.kind)
			if err != nil {
				return nil, err
			}
			if passed < math.MaxUint64 {
				rm.KeepFrom = passed + 1
			}
		}
		list = append(list, rm)
	}
	return list, nil
}

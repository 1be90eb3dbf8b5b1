package crowd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

// sample is what the server uses at a moment.
type sample struct {
	at                      time.Time
	anonymous, file, heap   float64 // MiB: its own memory, pages of files, live objects
	descriptors, goroutines int
	store                   float64 // MiB
	sessions                int
}

func (o sample) String() string {
	return fmt.Sprintf("%.1f MiB of memory (%.1f MiB of objects, %.1f MiB of mapped files), %d descriptors, %d goroutines, store %.1f MiB",
		o.anonymous, o.heap, o.file, o.descriptors, o.goroutines, o.store)
}

type samples []sample

// after leaves out the warm-up.
func (l samples) after(warm time.Duration) samples {
	i := slices.IndexFunc(l, func(o sample) bool { return o.at.Sub(l[0].at) >= warm })
	return l[max(i, 0):]
}

// lowest keeps the sample of each minute with the least memory of its own: what is above
// it comes and goes with the garbage collector.
func (l samples) lowest() samples {
	var list samples
	for _, o := range l {
		minute := int(o.at.Sub(l[0].at).Minutes())
		switch n := len(list) - 1; {
		case minute > n:
			list = append(list, o)
		case o.anonymous < list[n].anonymous:
			list[n] = o
		}
	}
	return list
}

// slope is the growth of a value in ten minutes, by least squares.
func (l samples) slope(of func(sample) float64) float64 {
	var n, x, y, xx, xy float64
	for _, o := range l {
		at := o.at.Sub(l[0].at).Minutes() / 10
		n, x, y, xx, xy = n+1, x+at, y+of(o), xx+at*at, xy+at*of(o)
	}
	if d := n*xx - x*x; d != 0 {
		return (n*xy - x*y) / d
	}
	return 0
}

func (s *server) sample() (o sample, err error) {
	m, err := s.metrics()
	if err != nil {
		return o, err
	}
	o = sample{at: time.Now(), heap: m["go_memstats_heap_alloc_bytes"] / (1 << 20), store: m["reportmx_storage_file_bytes"] / (1 << 20),
		goroutines: int(m["go_goroutines"]), sessions: int(m["reportmx_smtpd_sessions"])}
	if o.anonymous, err = s.memory("RssAnon"); err != nil {
		return o, err
	}
	if o.file, err = s.memory("RssFile"); err != nil {
		return o, err
	}
	o.descriptors, err = s.descriptors()
	return o, err
}

// watchGrowth samples until ctx ends.
func (s *server) watchGrowth(t *testing.T, ctx context.Context, every time.Duration) (list samples) {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		o, err := s.sample()
		if err != nil {
			t.Error(err)
			return list
		}
		list = append(list, o)
		select {
		case <-ctx.Done():
			return list
		case <-tick.C:
		}
	}
}

// settle waits for the last session to end.
func (s *server) settle() (o sample, err error) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(2 * patience); time.Now().Before(until); <-tick.C {
		if o, err = s.sample(); err != nil || o.sessions == 0 {
			return o, err
		}
	}
	return o, fmt.Errorf("%d sessions are still open", o.sessions)
}

// judge holds a soak to its bounds: growth only when it was long enough to tell.
func (w *soak) judge(t *testing.T, before, after sample, warmed samples) {
	t.Helper()
	for _, failure := range w.failed[:min(len(w.failed), 10)] {
		t.Errorf("an honest report: %s", failure)
	}
	m, err := w.server.metrics()
	if got := m[`reportmx_storage_reports{kind="aggregate"}`]; err != nil || int(got) != w.stored {
		t.Errorf("stored: got %.0f reports, %v, want the %d acknowledged", got, err, w.stored)
	}
	if d := after.descriptors - before.descriptors; d > soakDrift || d < -soakDrift {
		t.Errorf("descriptors: got %d, want those of the start, %d", after.descriptors, before.descriptors)
	}
	if d := after.goroutines - before.goroutines; d > soakDrift || d < -soakDrift {
		t.Errorf("goroutines: got %d, want those of the start, %d", after.goroutines, before.goroutines)
	}
	if *deep && w.late > w.stored/20 {
		t.Errorf("%d mails were not sent in time: the machine is too slow for the rate", w.late)
	}
	slope := warmed.lowest().slope(func(o sample) float64 { return o.anonymous })
	if *deep && slope > soakSlope {
		t.Errorf("memory grows by %.2f MiB in ten minutes, want %.1f at most", slope, soakSlope)
	}
}

func (w *soak) figures(lasting, warm time.Duration, before, after sample, list samples) []string {
	warmed := list.after(warm)
	lines := []string{
		fmt.Sprintf("soak: %s at %d mails a second, one in %d hostile: %d reports acknowledged and stored, %d hostile mails, %d honest failed, %d not sent in time",
			lasting, soakRate, soakHostile, w.stored, w.hostile, len(w.failed), w.late),
		fmt.Sprintf("from MAIL to 250: median %s, p99 %s, slowest %s", round(quantile(w.took, 0.5)), round(quantile(w.took, 0.99)), round(quantile(w.took, 1))),
		"before: " + before.String(),
		"after:  " + after.String(),
		fmt.Sprintf("growth behind the first %s, in ten minutes: memory %+.2f MiB (all samples %+.2f), live objects %+.2f MiB, descriptors %+.2f, goroutines %+.2f, store %+.1f MiB", warm,
			warmed.lowest().slope(func(o sample) float64 { return o.anonymous }), warmed.slope(func(o sample) float64 { return o.anonymous }), warmed.slope(func(o sample) float64 { return o.heap }),
			warmed.slope(func(o sample) float64 { return float64(o.descriptors) }), warmed.slope(func(o sample) float64 { return float64(o.goroutines) }),
			warmed.slope(func(o sample) float64 { return o.store })),
		"how hostile mails were answered:",
	}
	for _, how := range slices.Sorted(maps.Keys(w.ends)) {
		lines = append(lines, fmt.Sprintf("  %s: %d", how, w.ends[how]))
	}
	lines = append(lines, "samples:")
	for i := 0; i < len(list); i += max(1, len(list)/30) {
		lines = append(lines, fmt.Sprintf("  %s: %s", list[i].at.Sub(list[0].at).Round(time.Second), list[i]))
	}
	return lines
}

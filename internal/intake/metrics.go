package intake

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what became of messages. All label values come from closed sets;
// nothing that a stranger wrote is one.
type Metrics struct {
	messages *prometheus.CounterVec // by source and verdict
	reports  *prometheus.CounterVec // by kind and outcome
	reasons  *prometheus.CounterVec // by code: why a message was held, refused or deferred
	sender   *prometheus.CounterVec // by result
	grants   *prometheus.CounterVec // external authorization, by result
	panics   prometheus.Counter
	evicted  prometheus.Counter
	seconds  prometheus.Histogram   // from the last byte to the reply
	targets  *prometheus.CounterVec // reports about configured targets, by kind and target

	mu   sync.Mutex
	last *prometheus.GaugeVec // arrival of the last report, by target
	seen map[string]time.Time // what last has, zero when it is not known; by target
}

// NewMetrics makes the counters and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "reportmx_intake_" + name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	m := &Metrics{
		messages: counter("messages_total", "Messages by source and verdict.", "source", "verdict"),
		reports:  counter("reports_total", "Reports by kind and what became of them.", "kind", "outcome"),
		reasons:  counter("refusals_total", "Messages held, refused or deferred, by reason.", "reason"),
		sender:   counter("sender_authentication_total", "Messages by the result of their sender authentication.", "result"),
		grants:   counter("authorization_total", "Policy domains of messages by external authorization.", "result"),
		targets:  counter("target_reports_total", "Reports stored about configured targets, by kind and target.", "kind", "target"),
		seen:     make(map[string]time.Time),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "reportmx_intake_panics_total", Help: "Panics that were caught while a message was read.",
		}),
		evicted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "reportmx_intake_evicted_total", Help: "Held messages that were dropped for new ones, because the hold was at its quota.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "reportmx_intake_seconds",
			Help:    "Time from the last byte of a message to its reply.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "reportmx_intake_last_report_seconds",
			Help: "When the last report about a configured target arrived, in seconds since 1970; 0 when that is not known.",
		}, []string{"target"}),
	}
	r.MustRegister(m.panics, m.evicted, m.seconds, m.last)
	return m
}

// refused counts a message that was turned away before it was read.
func (m *Metrics) refused(reason string) { m.reasons.WithLabelValues(reason).Inc() }

func (m *Metrics) panicked() { m.panics.Inc() }

// took counts what became of a message.
func (m *Metrics) took(f facts, j judgement, res Result, elapsed time.Duration) {
	m.messages.WithLabelValues(string(f.Source), res.verdict()).Inc()
	m.seconds.Observe(elapsed.Seconds())
	if f.Sender != "" {
		m.sender.WithLabelValues(string(f.Sender)).Inc()
	}
	for _, d := range f.Domains {
		if d.Served {
			m.grants.WithLabelValues(string(d.Authorization)).Inc()
		}
	}
	for _, list := range [][]ruling{j.Reports, j.Others} {
		for _, r := range list {
			if r.Verdict != store {
				m.reasons.WithLabelValues(r.Code).Inc()
			}
		}
	}
	for _, k := range res.Kept {
		m.reports.WithLabelValues(string(k.Kind), k.Outcome).Inc()
		if k.Target != "" {
			m.arrived(k, f.ReceivedAt)
		}
	}
}

// arrived notes the arrival of a report; one that comes out of the hold arrived when
// its message did.
func (m *Metrics) arrived(k Kept, at time.Time) {
	if k.Outcome != "known" {
		m.targets.WithLabelValues(string(k.Kind), k.Target).Inc()
	}
	m.Recall(k.Target, at)
}

// Recall tells when a report about a target arrived, also before the process began;
// zero when that is not known. The latest time that is told stays.
func (m *Metrics) Recall(target string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, known := m.seen[target]
	if known && !at.After(before) {
		return
	}
	m.seen[target] = at
	seconds := 0.0
	if !at.IsZero() {
		seconds = float64(at.Unix())
	}
	m.last.WithLabelValues(target).Set(seconds)
}

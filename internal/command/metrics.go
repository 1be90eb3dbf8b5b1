package command

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"reportmx/reports"
	"reportmx/smtpd"
)

// sessionMetrics counts what the SMTP server tells of its sessions. It implements
// smtpd.Observer; all labels come from smtpd's own constants.
type sessionMetrics struct {
	count   atomic.Int64 // sessions that are open
	closed  *prometheus.CounterVec
	refused *prometheus.CounterVec
	bytes   prometheus.Counter
	panics  prometheus.Counter
	replies *prometheus.CounterVec
}

func newSessionMetrics(r prometheus.Registerer) *sessionMetrics {
	m := &sessionMetrics{
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reportmx_smtpd_sessions_total", Help: "Sessions that have ended, by how."}, []string{"end"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reportmx_smtpd_refused_connections_total", Help: "Connections turned away, by reason."}, []string{"reason"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "reportmx_smtpd_received_bytes", Help: "Bytes received, commands and content."}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "reportmx_smtpd_panics_total", Help: "Panics that were caught in a session."}),
	}
	m.replies = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reportmx_smtpd_replies_total", Help: "Replies by code."}, []string{"code"})
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "reportmx_smtpd_sessions", Help: "Sessions that are open."}, func() float64 { return float64(m.count.Load()) })
	r.MustRegister(open, m.closed, m.refused, m.bytes, m.panics, m.replies)
	return m
}

func (m *sessionMetrics) Opened() { m.count.Add(1) }

func (m *sessionMetrics) Closed(s smtpd.Summary) {
	m.count.Add(-1)
	m.closed.WithLabelValues(s.End).Inc()
	m.bytes.Add(float64(s.Bytes))
}

func (m *sessionMetrics) Refused(reason string) { m.refused.WithLabelValues(reason).Inc() }

func (m *sessionMetrics) Replied(code int) { m.replies.WithLabelValues(strconv.Itoa(code)).Inc() }

func (m *sessionMetrics) Panicked() { m.panics.Inc() }

// stateMetrics tells what is true now, looked up when it is asked for.
type stateMetrics struct {
	app           *app
	authorization *prometheus.Desc
	kept          *prometheus.Desc
	held          *prometheus.Desc
	file          *prometheus.Desc
	free          *prometheus.Desc
	certificate   *prometheus.Desc
}

func newStateMetrics(a *app) *stateMetrics {
	return &stateMetrics{
		app:           a,
		authorization: prometheus.NewDesc("reportmx_dmarcdns_authorization", "1 for the external authorization that each target has.", []string{"target", "result"}, nil),
		kept:          prometheus.NewDesc("reportmx_storage_reports", "Reports in the store, by kind.", []string{"kind"}, nil),
		held:          prometheus.NewDesc("reportmx_storage_held_messages", "Messages in the hold.", nil, nil),
		file:          prometheus.NewDesc("reportmx_storage_file_bytes", "Size of the store's file.", nil, nil),
		free:          prometheus.NewDesc("reportmx_storage_free_bytes", "Space left on the store's file system.", nil, nil),
		certificate:   prometheus.NewDesc("reportmx_smtpd_certificate_expires_seconds", "When the certificate expires, in seconds since 1970.", nil, nil),
	}
}

// Describe sends the descriptions.
func (m *stateMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.authorization, m.kept, m.held, m.file, m.free, m.certificate} {
		ch <- d
	}
}

// Collect looks. What cannot be told is left out.
func (m *stateMetrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, s := range m.app.watcher.States() {
		gauge(m.authorization, 1, s.Target, string(s.Authorization))
	}
	if s, err := m.app.store.Stats(); err == nil {
		for _, kind := range []reports.Kind{reports.KindAggregate, reports.KindFailure, reports.KindTLS} {
			gauge(m.kept, float64(s.Reports[kind]), string(kind))
		}
		gauge(m.held, float64(s.Held))
		gauge(m.file, float64(s.FileBytes))
	}
	if free, err := freeSpace(m.app.cfg.Storage.Dir); err == nil {
		gauge(m.free, float64(free))
	}
	if m.app.certificate != nil {
		gauge(m.certificate, float64(m.app.certificate.NotAfter().Unix()))
	}
}

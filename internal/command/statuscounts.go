package command

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"reportmx/storage"
)

// countStatus is what the metrics say since the start of the server, for people.
type countStatus struct {
	Replies  map[string]float64 `json:"replies"`  // by code
	Verdicts map[string]float64 `json:"verdicts"` // messages by what became of them
	Senders  map[string]float64 `json:"sender_authentication"`
	Waiting  int64              `json:"waiting_commits"`
	// LastReports is when the last report about each target arrived; the zero time
	// stands for longer ago than the server looked for.
	LastReports map[string]time.Time `json:"last_reports"`
	Schedules   []scheduleStatus     `json:"schedules,omitempty"`
	Metrics     string               `json:"metrics,omitempty"` // address
}

// scheduleStatus is how far a schedule has come.
type scheduleStatus struct {
	Name    string    `json:"name"`
	Kind    string    `json:"kind"`
	Period  string    `json:"period"`
	Passed  uint64    `json:"passed"`
	Last    uint64    `json:"last"` // number of the last report or held message
	Ended   time.Time `json:"ended,omitzero"`
	Pending bool      `json:"pending"` // a run began a range and has not confirmed it
}

func (a *app) countStatus() countStatus {
	s := countStatus{
		Replies: map[string]float64{}, Verdicts: map[string]float64{}, Senders: map[string]float64{},
		LastReports: map[string]time.Time{}, Waiting: a.commits.waiting.Load(), Metrics: a.monitor,
	}
	a.counted("reportmx_smtpd_replies_total", "code", func(code string, n float64) { s.Replies[code] += n })
	a.counted("reportmx_intake_messages_total", "verdict", func(verdict string, n float64) { s.Verdicts[verdict] += n })
	a.counted("reportmx_intake_sender_authentication_total", "result", func(result string, n float64) { s.Senders[result] += n })
	a.counted("reportmx_intake_last_report_seconds", "target", func(target string, seconds float64) {
		s.LastReports[target] = time.Time{}
		if seconds > 0 {
			s.LastReports[target] = time.Unix(int64(seconds), 0).UTC()
		}
	})
	s.Schedules = a.scheduleStatus()
	return s
}

// counted calls each for the values of a metric, with one of its labels.
func (a *app) counted(name, label string, each func(string, float64)) {
	families, _ := a.registry.Gather() // what cannot be told is left out
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == label {
					each(l.GetValue(), m.GetCounter().GetValue()+m.GetGauge().GetValue())
				}
			}
		}
	}
}

func (a *app) scheduleStatus() (list []scheduleStatus) {
	cursors, err := a.store.Cursors()
	stats, err2 := a.store.Stats()
	if err != nil || err2 != nil {
		return nil
	}
	for _, c := range cursors {
		if !c.Retired {
			list = append(list, scheduleStatus{
				Name: c.Name, Kind: string(c.Kind), Period: string(c.Period), Passed: c.Passed,
				Last: stats.LastSeq, Ended: c.Ended, Pending: c.Pending != nil,
			})
		}
	}
	return list
}

// line says it for people.
func (s scheduleStatus) line() string {
	text := fmt.Sprintf("report %d of %d exported", s.Passed, s.Last)
	if storage.Period(s.Period) != storage.PeriodArrived {
		text = "no " + s.Period + " exported yet"
		if !s.Ended.IsZero() {
			text = "the last " + s.Period + " exported ended on " + s.Ended.Add(-time.Second).Format(time.DateOnly)
		}
	}
	if s.Pending {
		text += ", and a run has begun and not ended: call reportmx export --scheduled " + s.Name
	}
	return text
}

// tally spells counts in the order of their names.
func tally(counts map[string]float64) string {
	if len(counts) == 0 {
		return "none yet"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s: %.0f", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}

func (s *countStatus) rows(row func(name, format string, args ...any)) {
	row("replies", "%s", tally(s.Replies))
	row("messages", "%s", tally(s.Verdicts))
	row("senders", "%s", tally(s.Senders))
	if s.Waiting > 0 {
		row("waiting", "%d messages for the disk", s.Waiting)
	}
	if s.Metrics != "" {
		row("metrics", "http://%s/metrics", s.Metrics)
	}
	for _, target := range slices.Sorted(maps.Keys(s.LastReports)) {
		at := "more than a week ago, or never"
		if t := s.LastReports[target]; !t.IsZero() {
			at = t.Format(time.RFC3339)
		}
		row("last report", "%s %s", target, at)
	}
	for _, schedule := range s.Schedules {
		row("schedule "+schedule.Name, "%s", schedule.line())
	}
}

package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// Schedules keeps how far each scheduled export has come.
type Schedules interface {
	BeginExport(ctx context.Context, plan storage.Schedule, now time.Time) (r *storage.Range, resumed bool, err error)
	ConfirmExport(ctx context.Context, plan storage.Schedule, r storage.Range, now time.Time) error
}

// Range is what one run of a scheduled export writes. Since and Until are there
// only for a whole period.
type Range struct {
	From    uint64     `json:"from"`
	To      uint64     `json:"to"` // 0: there is nothing to export
	Since   *time.Time `json:"since,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
	Resumed bool       `json:"resumed"` // an earlier run began it and did not come to its end
}

const (
	paramUpTo   = "up_to"
	paramPeriod = "period"
	paramKind   = "kind"
)

// longestName bounds the name of a schedule, in bytes.
const longestName = 64

// ValidScheduleName tells whether a name is one of a schedule: it stands in paths
// and in names of files.
func ValidScheduleName(name string) bool {
	return name != "" && len(name) <= longestName && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && name[0] != '-'
}

// BeginExport asks for the range that a schedule is to export, and has it kept as
// pending until ConfirmExport.
func (c *Client) BeginExport(ctx context.Context, plan storage.Schedule) (Range, error) {
	var r Range
	v := url.Values{paramKind: {string(plan.Kind)}, paramPeriod: {string(plan.Period)}}
	err := c.Send(ctx, http.MethodPost, "/v1/schedule/"+plan.Name+"/begin", v, nil, &r)
	return r, err
}

// ConfirmExport says that the files of a range are on disk.
func (c *Client) ConfirmExport(ctx context.Context, plan storage.Schedule, r Range) error {
	v := url.Values{paramKind: {string(plan.Kind)}, paramPeriod: {string(plan.Period)}}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return c.Send(ctx, http.MethodPost, "/v1/schedule/"+plan.Name+"/confirm", v, strings.NewReader(string(body)), nil)
}

// Parameters chooses the reports of a range for GET /v1/reports, together with
// those of a query.
func (r *Range) Parameters(q storage.Query) url.Values {
	q.After = r.From - 1
	if r.Since != nil && r.Until != nil {
		q.Since, q.Until = *r.Since, *r.Until
	}
	v := EncodeQuery(q)
	v.Set(paramUpTo, strconv.FormatUint(r.To, 10))
	return v
}

func (s *Server) beginExport(w http.ResponseWriter, r *http.Request) {
	plan, err := planOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	due, resumed, err := s.Schedules.BeginExport(r.Context(), plan, time.Now())
	if err != nil {
		fail(w, err)
		return
	}
	var a Range
	if due != nil {
		a = Range{From: due.From, To: due.To, Resumed: resumed}
		if !due.Since.IsZero() {
			a.Since, a.Until = &due.Since, &due.Until
		}
	}
	answer(w, a)
}

func (s *Server) confirmExport(w http.ResponseWriter, r *http.Request) {
	plan, err := planOf(r)
	var given Range
	if err == nil {
		err = json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&given)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	done := storage.Range{From: given.From, To: given.To}
	if given.Since != nil && given.Until != nil {
		done.Since, done.Until = *given.Since, *given.Until
	}
	err = s.Schedules.ConfirmExport(r.Context(), plan, done, time.Now())
	switch {
	case errors.Is(err, storage.ErrNotPending):
		http.Error(w, err.Error(), http.StatusConflict)
	case err != nil:
		fail(w, err)
	default:
		answer(w, end{End: true, Count: 1})
	}
}

// planOf reads which schedule a request is about.
func planOf(r *http.Request) (storage.Schedule, error) {
	v := r.URL.Query()
	plan := storage.Schedule{Name: r.PathValue("name"), Kind: reports.Kind(v.Get(paramKind)), Period: storage.Period(v.Get(paramPeriod))}
	if !ValidScheduleName(plan.Name) {
		return plan, fmt.Errorf("%q is no name of a schedule", plan.Name)
	}
	switch plan.Kind {
	case reports.KindAggregate, reports.KindFailure, reports.KindTLS:
	default:
		return plan, fmt.Errorf("%q is no kind of report", plan.Kind)
	}
	switch plan.Period {
	case storage.PeriodArrived, storage.PeriodDay, storage.PeriodWeek, storage.PeriodMonth:
	default:
		return plan, fmt.Errorf("%q is no period", plan.Period)
	}
	return plan, nil
}

// upTo ends a sequence of reports behind the number in the parameters, if one is
// there.
func upTo(v url.Values, seq iter.Seq2[*storage.Report, error]) (iter.Seq2[*storage.Report, error], error) {
	text := v.Get(paramUpTo)
	if text == "" {
		return seq, nil
	}
	last, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", paramUpTo, err)
	}
	return func(yield func(*storage.Report, error) bool) {
		for r, err := range seq {
			if err == nil && r.Seq > last || !yield(r, err) {
				return
			}
		}
	}, nil
}

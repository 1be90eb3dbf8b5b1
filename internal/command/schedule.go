package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"reportmx/export"
	"reportmx/internal/config"
	"reportmx/internal/control"
	"reportmx/reports"
	"reportmx/storage"
)

// allSchedules stands for every schedule on the command line.
const allSchedules = "all"

// exportScheduled runs a schedule of the configuration, or all of them, and names
// each file that it has written on stdout.
func (e *env) exportScheduled(ctx context.Context, name string) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	var chosen []config.Schedule
	for _, s := range cfg.Schedule {
		if name == allSchedules || name == s.Name {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 && name != allSchedules {
		return fmt.Errorf("%w: the configuration has no [[schedule]] with name = %q", errUsage, name)
	}
	if len(chosen) == 0 {
		fmt.Fprintln(e.stderr, "reportmx: the configuration has no [[schedule]], so there is nothing to write")
		return nil
	}
	c, err := e.writer(ctx)
	if err != nil {
		return err
	}
	c.Note = e.note
	var failures []error
	for i := range chosen {
		run := &scheduleRun{client: c.Client, plan: planOf(&chosen[i]), schedule: &chosen[i], written: e.stdout}
		if err := run.all(ctx); err != nil {
			failures = append(failures, fmt.Errorf("schedule %s: %w", chosen[i].Name, err))
		}
	}
	return errors.Join(append(failures, c.Close())...)
}

// planOf is what the store minds of a schedule.
func planOf(s *config.Schedule) storage.Schedule {
	return storage.Schedule{Name: s.Name, Kind: reports.Kind(s.Kind), Period: storage.Period(s.Period)}
}

func plansOf(cfg *config.Config) []storage.Schedule {
	var list []storage.Schedule
	for i := range cfg.Schedule {
		list = append(list, planOf(&cfg.Schedule[i]))
	}
	return list
}

// scheduleRun is one run of one schedule.
type scheduleRun struct {
	client   *control.Client
	plan     storage.Schedule
	schedule *config.Schedule
	written  io.Writer
}

// all writes what is due, and summaries also when that fails.
func (r *scheduleRun) all(ctx context.Context) error {
	if err := makeFolder(r.schedule.Dir); err != nil {
		return err
	}
	lock, err := lockSchedule(r.schedule.Dir, r.plan.Name)
	if err != nil {
		return err
	}
	defer lock.Close()
	return errors.Join(r.ranges(ctx), r.summaries(ctx, time.Now()))
}

// ranges writes the reports. A range that an earlier run left behind is followed by
// the one after it, and each whole period that has ended by the next.
func (r *scheduleRun) ranges(ctx context.Context) error {
	for more := true; more; {
		due, err := r.client.BeginExport(ctx, r.plan)
		if err != nil {
			return err
		}
		if due.To == 0 {
			break
		}
		if err := r.write(ctx, &due); err != nil {
			return err
		}
		if err := r.client.ConfirmExport(ctx, r.plan, due); err != nil {
			return err
		}
		more = due.Resumed || r.plan.Period != storage.PeriodArrived
	}
	return nil
}

// write makes the file of a range. Of arrivals without a report of this schedule
// there is none; a whole period without one is worth knowing.
func (r *scheduleRun) write(ctx context.Context, due *control.Range) error {
	v := due.Parameters(storage.Query{Target: r.schedule.Target})
	v.Set("format", r.schedule.Format)
	if r.schedule.Enrich {
		control.Enriched(v)
	}
	name := r.plan.Name + "-" + rangeName(due) + extension(r.schedule)
	return r.file(name, func(w io.Writer) (keep bool, err error) {
		w, finish, err := compressor(r.schedule.Compress, w)
		if err != nil {
			return false, err
		}
		n, err := r.client.Render(ctx, "/v1/reports/"+string(r.plan.Kind), v, w)
		return n > 0 || due.Since != nil, errors.Join(err, finish())
	})
}

// summaryGroupings are what the summaries of a day are by. Those by target come last:
// with them a day is done.
var summaryGroupings = map[reports.Kind][]export.By{
	reports.KindAggregate: {export.ByTarget},
	reports.KindTLS:       {export.ByResultType, export.ByTarget},
}

// maxMissed is how many days before yesterday are made up for at most.
const maxMissed = 30

// summaries writes what arrived on the day before, and first on the days since the last
// summary that is there.
func (r *scheduleRun) summaries(ctx context.Context, now time.Time) error {
	today := storage.PeriodDay.Before(now)
	yesterday := today.AddDate(0, 0, -1)
	first := yesterday
	for missed := range maxMissed {
		name := r.summaryName(export.ByTarget, yesterday.AddDate(0, 0, -missed-1), export.FormatJSON)
		if _, err := os.Stat(filepath.Join(r.schedule.Dir, name)); err == nil {
			first = yesterday.AddDate(0, 0, -missed)
			break
		}
	}
	for day := first; day.Before(today); day = day.AddDate(0, 0, 1) {
		if err := r.summariesOf(ctx, day); err != nil {
			return err
		}
	}
	return nil
}

func (r *scheduleRun) summaryName(by export.By, day time.Time, format export.Format) string {
	name := r.plan.Name + "-summary-"
	if by != export.ByTarget {
		name += string(by) + "-"
	}
	return name + day.Format(time.DateOnly) + "." + string(format)
}

// summariesOf writes what arrived on a day. Deliberately by arrival: most reports about
// a day come in the course of the next.
func (r *scheduleRun) summariesOf(ctx context.Context, day time.Time) error {
	v := control.EncodeQuery(storage.Query{ArrivedSince: day, ArrivedUntil: day.AddDate(0, 0, 1), Target: r.schedule.Target})
	v.Set("kind", string(r.plan.Kind))
	for _, by := range summaryGroupings[r.plan.Kind] {
		v.Set("by", string(by))
		for _, format := range []export.Format{export.FormatCSV, export.FormatJSON} {
			v.Set("format", string(format))
			if err := r.summaryFile(ctx, r.summaryName(by, day, format), v); err != nil {
				return err
			}
		}
	}
	return nil
}

// summaryFile writes one of them. Where no TLS report came there is none: many
// domains never get any.
func (r *scheduleRun) summaryFile(ctx context.Context, name string, v url.Values) error {
	return r.file(name, func(w io.Writer) (keep bool, err error) {
		n, err := r.client.Render(ctx, "/v1/summary", v, w)
		return n > 0 || r.plan.Kind != reports.KindTLS, err
	})
}

// file writes a file of the run and names it on stdout.
func (r *scheduleRun) file(name string, write func(io.Writer) (keep bool, err error)) error {
	path := filepath.Join(r.schedule.Dir, name)
	kept, err := installFile(path, filepath.Join(r.schedule.Dir, "."+r.plan.Name+".tmp"), write)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if kept {
		fmt.Fprintln(r.written, path)
	}
	return nil
}

// rangeName is FROM-TO: sequence numbers, or the first and the last day.
func rangeName(due *control.Range) string {
	if due.Since == nil || due.Until == nil {
		return fmt.Sprintf("%d-%d", due.From, due.To)
	}
	last := due.Until.AddDate(0, 0, -1)
	return due.Since.Format(time.DateOnly) + "-" + last.Format(time.DateOnly)
}

func extension(s *config.Schedule) string {
	ext := "." + strings.TrimPrefix(strings.TrimSuffix(s.Format, "-flat"), "parsedmarc-")
	return ext + map[string]string{"gzip": ".gz", "zstd": ".zst"}[s.Compress]
}

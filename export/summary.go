package export

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"net/netip"
	"strings"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// ErrBy: a summary was asked for by something that is not a By.
var ErrBy = errors.New("unknown grouping of a summary")

// By is what a summary groups by.
type By string

// The groupings.
const (
	ByTarget By = "target" // policy domain, as reports.NormalDomain spells it
	BySource By = "source" // source_ip
	ByOrg    By = "org"    // reporting organization, compared without case
	ByDay    By = "day"    // UTC day of begin: 2026-11-20
)

// The memory of a summary is bounded, however many addresses or names strangers
// make up: a group first seen past a bound is summed up with the others, and
// Capped says so.
const (
	// MaxGroups is some 70 MB of totals, and more addresses than send in the name
	// of one domain in an honest year.
	MaxGroups = 250_000
	// MaxKeyBytes bounds the names of all groups together.
	MaxKeyBytes = 32 << 20
)

// SummaryOptions says what to sum up. By must be given.
type SummaryOptions struct {
	By By
	// All counts reports marked conflict or implausible as well; without it they
	// stay out of all sums and are counted in LeftOut.
	All bool
	// Top is how many groups are shown, those with the most messages; the rest is
	// summed up in one. 0 shows all.
	Top int
}

// Totals are sums. All but Reports count messages.
type Totals struct {
	Reports               int64
	Messages              int64
	DMARCPass             int64 // an aligned pass of DKIM or SPF
	DMARCFail             int64 // all others
	DKIMPass, SPFPass     int64 // aligned
	None, Pass            int64 // dispositions
	Quarantine, Reject    int64
	Other                 int64     // disposition absent, or none of the above
	Authenticated         int64     // in reports whose sender authentication passed
	FirstBegin, LastBegin time.Time // begin of the earliest and of the latest report
}

// Group is one line of a summary. Key is "" for what the reports do not tell.
type Group struct {
	Key string
	Totals
	seen uint64 // sequence number of the report counted last
}

// Summary sums up aggregate reports: feed it with Add, then call Done, and read
// its fields, Groups, or what Write makes of them.
type Summary struct {
	Total     Totals
	LeftOut   Totals // only Reports and Messages are set
	Capped    bool   // there are more groups than the bounds allow
	Saturated bool   // a sum would have passed the largest int64, and stays there

	options  SummaryOptions
	parts    order
	named    map[string]*Group
	sources  map[netip.Addr]*Group
	rest     Group // what came past the bounds
	keyBytes int
}

// NewSummary makes an empty summary.
func NewSummary(o SummaryOptions) (*Summary, error) {
	switch o.By {
	case ByTarget, BySource, ByOrg, ByDay:
	default:
		return nil, fmt.Errorf("%w: %q", ErrBy, string(o.By))
	}
	return &Summary{options: o, named: map[string]*Group{}, sources: map[netip.Addr]*Group{}}, nil
}

// Summarize sums up all reports of seq.
func Summarize(o SummaryOptions, seq iter.Seq2[*storage.Report, error]) (*Summary, error) {
	s, err := NewSummary(o)
	if err != nil {
		return nil, err
	}
	for r, err := range seq {
		if err != nil {
			return nil, fmt.Errorf("read reports: %w", err)
		}
		if err := s.Add(r); err != nil {
			return nil, err
		}
	}
	return s, s.Done()
}

// Add sums up one part of an aggregate report. All parts of a report come one
// after the other; ErrKind and ErrParts as with [Write].
func (s *Summary) Add(r *storage.Report) error {
	if err := s.parts.next(reports.KindAggregate, r); err != nil {
		return err
	}
	if !s.options.All && (r.Conflict || r.Implausible) {
		if r.Chunk == 0 {
			s.LeftOut.Reports++
		}
		for i := range r.Aggregate.Records {
			s.grow(&s.LeftOut.Messages, r.Aggregate.Records[i].Count)
		}
		return nil
	}
	if r.Chunk == 0 {
		s.Total.Reports++
	}
	s.Total.widen(r.Aggregate.Begin, r.Aggregate.Begin)
	var g *Group
	if s.options.By != BySource {
		g = s.group(s.key(r))
		g.meet(r)
	}
	for i := range r.Aggregate.Records {
		rec := &r.Aggregate.Records[i]
		if s.options.By == BySource {
			g = s.source(rec.SourceIP)
			g.meet(r)
		}
		s.record(&g.Totals, r, rec)
		s.record(&s.Total, r, rec)
	}
	return nil
}

// Done tells whether the last report was whole.
func (s *Summary) Done() error {
	return s.parts.done()
}

func (s *Summary) record(t *Totals, r *storage.Report, rec *reports.Record) {
	n := rec.Count
	s.grow(&t.Messages, n)
	if rec.DMARCPass() {
		s.grow(&t.DMARCPass, n)
	} else {
		s.grow(&t.DMARCFail, n)
	}
	if rec.PolicyEvaluated.DKIM == "pass" {
		s.grow(&t.DKIMPass, n)
	}
	if rec.PolicyEvaluated.SPF == "pass" {
		s.grow(&t.SPFPass, n)
	}
	if r.Message.Sender.Result == "pass" {
		s.grow(&t.Authenticated, n)
	}
	s.grow(t.disposition(rec.PolicyEvaluated.Disposition), n)
}

func (t *Totals) disposition(word string) *int64 {
	switch word {
	case "none":
		return &t.None
	case "pass":
		return &t.Pass
	case "quarantine":
		return &t.Quarantine
	case "reject":
		return &t.Reject
	}
	return &t.Other
}

// grow adds n, which is never negative but for implausible reports: those add 0.
func (s *Summary) grow(sum *int64, n int64) {
	switch {
	case n <= 0:
	case *sum > math.MaxInt64-n:
		*sum, s.Saturated = math.MaxInt64, true
	default:
		*sum += n
	}
}

// meet counts a report once in a group, however many of its records and parts
// are in it.
func (g *Group) meet(r *storage.Report) {
	if g.Reports == 0 || g.seen != r.Seq {
		g.Reports++
		g.seen = r.Seq
		g.widen(r.Aggregate.Begin, r.Aggregate.Begin)
	}
}

// widen makes the span of begins reach from first to last.
func (t *Totals) widen(first, last time.Time) {
	if !first.IsZero() && (t.FirstBegin.IsZero() || first.Before(t.FirstBegin)) {
		t.FirstBegin = first
	}
	if last.After(t.LastBegin) {
		t.LastBegin = last
	}
}

// key names the group of a whole report.
func (s *Summary) key(r *storage.Report) string {
	switch s.options.By {
	case ByTarget:
		return reports.NormalDomain(r.Aggregate.PolicyPublished.Domain)
	case ByOrg:
		return strings.TrimSpace(r.Aggregate.OrgName)
	}
	if !spellable(r.Aggregate.Begin) {
		return ""
	}
	return r.Aggregate.Begin.UTC().Format(time.DateOnly)
}

// group finds or makes the group of a key. Organizations are compared without
// case, and keep the spelling that was seen first.
func (s *Summary) group(key string) *Group {
	folded := key
	if s.options.By == ByOrg {
		folded = strings.ToLower(key)
	}
	if g := s.named[folded]; g != nil {
		return g
	}
	size := len(key) + len(folded)
	if len(s.named) >= MaxGroups || s.keyBytes+size > MaxKeyBytes {
		s.Capped = true
		return &s.rest
	}
	s.keyBytes += size
	g := &Group{Key: strings.Clone(key)} // a key may be a small piece of a large document
	s.named[strings.Clone(folded)] = g
	return g
}

func (s *Summary) source(a netip.Addr) *Group {
	if g := s.sources[a]; g != nil {
		return g
	}
	if len(s.sources) >= MaxGroups {
		s.Capped = true
		return &s.rest
	}
	g := &Group{}
	if a.IsValid() {
		g.Key = a.String()
	}
	s.sources[a] = g
	return g
}

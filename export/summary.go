package export

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"net/netip"
	"strings"
	"time"

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
	// Target is for summaries of TLS reports, which may have policies of several
	// domains: those that are neither this one nor below it stay out. "" takes all.
	Target string
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
	sources  sources
	days     map[int64]*Group  // by the day since 1970: a short way to named
	orgs     map[string]*Group // by a spelling: the same
	rest     Group             // what came past the bounds
	keyBytes int
}

// NewSummary makes an empty summary.
func NewSummary(o SummaryOptions) (*Summary, error) {
	switch o.By {
	case ByTarget, BySource, ByOrg, ByDay:
	default:
		return nil, fmt.Errorf("%w: %q", ErrBy, string(o.By))
	}
	return &Summary{
		options: o,
		named:   map[string]*Group{},
		sources: sources{groups: map[netip.Addr]*Group{}},
		days:    map[int64]*Group{},
		orgs:    map[string]*Group{},
	}, nil
}

// Summarize sums up all reports whose digests are in seq.
func Summarize(o SummaryOptions, seq iter.Seq2[*storage.Digest, error]) (*Summary, error) {
	s, err := NewSummary(o)
	if err != nil {
		return nil, err
	}
	for d, err := range seq {
		if err != nil {
			return nil, fmt.Errorf("read reports: %w", err)
		}
		if err := s.Add(d); err != nil {
			return nil, err
		}
	}
	return s, s.Done()
}

// Add sums up the digest of one part of an aggregate report, and keeps nothing of
// it. All parts of a report come one after the other; ErrParts as with [Write].
func (s *Summary) Add(d *storage.Digest) error {
	if err := s.parts.follow(d.Seq, d.Chunk, d.Last); err != nil {
		return err
	}
	if !s.options.All && (d.Conflict || d.Implausible) {
		if d.Chunk == 0 {
			s.LeftOut.Reports++
		}
		for i := range d.Rows {
			s.grow(&s.LeftOut.Messages, d.Rows[i].Count)
		}
		return nil
	}
	if d.Chunk == 0 {
		s.Total.Reports++
	}
	s.Total.widen(d.Begin, d.Begin)
	var part Totals
	for i := range d.Rows {
		s.row(&part, &d.Rows[i], d.Authenticated)
	}
	s.messages(&s.Total, &part)
	if s.options.By != BySource {
		g := s.groupOf(d)
		g.meet(d.Seq, d.Begin)
		s.messages(&g.Totals, &part)
		return nil
	}
	for i := range d.Rows {
		s.wait(sourceRow{d.Rows[i], d.Seq, d.Begin, d.Authenticated})
	}
	return nil
}

// Done ends the summary, and tells whether the last report was whole.
func (s *Summary) Done() error {
	s.addSources()
	return s.parts.done()
}

// Counted is how many reports were given, those left out included.
func (s *Summary) Counted() int64 { return s.Total.Reports + s.LeftOut.Reports }

// row adds the messages of a row.
func (s *Summary) row(t *Totals, r *storage.DigestRow, authenticated bool) {
	n := r.Count
	s.grow(&t.Messages, n)
	if r.DMARCPass() {
		s.grow(&t.DMARCPass, n)
	} else {
		s.grow(&t.DMARCFail, n)
	}
	if r.DKIM {
		s.grow(&t.DKIMPass, n)
	}
	if r.SPF {
		s.grow(&t.SPFPass, n)
	}
	if authenticated {
		s.grow(&t.Authenticated, n)
	}
	s.grow(t.disposition(r.Disposition), n)
}

func (t *Totals) disposition(d storage.Disposition) *int64 {
	switch d {
	case storage.DispositionNone:
		return &t.None
	case storage.DispositionPass:
		return &t.Pass
	case storage.DispositionQuarantine:
		return &t.Quarantine
	case storage.DispositionReject:
		return &t.Reject
	}
	return &t.Other
}

// messages adds all sums of messages.
func (s *Summary) messages(sum, more *Totals) {
	s.grow(&sum.Messages, more.Messages)
	s.grow(&sum.DMARCPass, more.DMARCPass)
	s.grow(&sum.DMARCFail, more.DMARCFail)
	s.grow(&sum.DKIMPass, more.DKIMPass)
	s.grow(&sum.SPFPass, more.SPFPass)
	s.grow(&sum.None, more.None)
	s.grow(&sum.Pass, more.Pass)
	s.grow(&sum.Quarantine, more.Quarantine)
	s.grow(&sum.Reject, more.Reject)
	s.grow(&sum.Other, more.Other)
	s.grow(&sum.Authenticated, more.Authenticated)
}

func (s *Summary) grow(sum *int64, n int64) {
	if grow(sum, n) {
		s.Saturated = true
	}
}

// grow adds n, and tells whether the sum is full. n is never negative but for
// implausible reports: those add 0.
func grow(sum *int64, n int64) (full bool) {
	if n <= 0 {
		return false
	}
	if *sum > math.MaxInt64-n {
		*sum = math.MaxInt64
		return true
	}
	*sum += n
	return false
}

// meet counts a report once in a group, however many of its records and parts
// are in it.
func (g *Group) meet(seq uint64, begin time.Time) {
	if g.Reports == 0 || g.seen != seq {
		g.Reports++
		g.seen = seq
		g.widen(begin, begin)
	}
}

func (t *Totals) widen(first, last time.Time) {
	widen(&t.FirstBegin, &t.LastBegin, first, last)
}

// widen makes a span of begins reach from first to last.
func widen(spanFirst, spanLast *time.Time, first, last time.Time) {
	if !first.IsZero() && (spanFirst.IsZero() || first.Before(*spanFirst)) {
		*spanFirst = first
	}
	if last.After(*spanLast) {
		*spanLast = last
	}
}

// groupOf finds the group of a whole report.
func (s *Summary) groupOf(d *storage.Digest) *Group {
	switch s.options.By {
	case ByTarget:
		return s.group(d.PolicyDomain)
	case ByOrg:
		return s.org(d.OrgName)
	}
	return s.day(d.Begin)
}

// The names of organizations for which there is a short way: at most so many, each
// of at most so many bytes.
const (
	maxSpellings     = 1000
	maxSpellingBytes = 200
)

// org finds the group of an organization. Nearly always it is spelled as it was
// before, and folding it once is enough.
func (s *Summary) org(name string) *Group {
	g := s.orgs[name]
	if g == nil {
		g = s.group(strings.TrimSpace(name))
		if len(s.orgs) < maxSpellings && len(name) <= maxSpellingBytes {
			s.orgs[strings.Clone(name)] = g
		}
	}
	return g
}

// day finds the group of a UTC day.
func (s *Summary) day(t time.Time) *Group {
	if !spellable(t) {
		return s.group("")
	}
	const seconds = 24 * 60 * 60
	day := t.Unix() / seconds
	g := s.days[day]
	if g == nil || day <= 0 { // 0 is two days
		g = s.group(t.UTC().Format(time.DateOnly))
		s.days[day] = g
	}
	return g
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

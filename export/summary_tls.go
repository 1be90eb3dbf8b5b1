package export

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// What a summary of TLS reports groups by, besides ByTarget, ByOrg and ByDay.
const (
	ByPolicyType By = "policy_type" // RFC 8460 §4.2: tlsa, sts, no-policy-found
	ByResultType By = "result_type" // RFC 8460 §4.3: the kinds of failure
)

// TLSTotals are sums of TLS reports. All but Reports count sessions.
type TLSTotals struct {
	Reports            int64
	Successful, Failed int64
	// FailedOfType is what the failure details of one type say. It is 0 but by
	// ByResultType: one session may fail in several ways (RFC 8460 §4.3), so that no
	// two types can be added up.
	FailedOfType          int64
	FirstBegin, LastBegin time.Time // begin of the earliest and of the latest report
}

// TLSGroup is one line of a summary of TLS reports. Key is "" for what the reports
// do not tell.
type TLSGroup struct {
	Key string
	TLSTotals
	seen uint64 // sequence number of the report counted last
}

// TLSSummary sums up TLS reports as Summary does aggregate reports, in the same
// bounds.
type TLSSummary struct {
	Total     TLSTotals
	LeftOut   TLSTotals // without begins
	Capped    bool      // there are more groups than the bounds allow
	Saturated bool      // a sum would have passed the largest int64, and stays there

	options  SummaryOptions
	target   string
	named    map[string]*TLSGroup
	rest     TLSGroup // what came past the bounds
	keyBytes int
}

// NewTLSSummary makes an empty summary.
func NewTLSSummary(o SummaryOptions) (*TLSSummary, error) {
	switch o.By {
	case ByTarget, ByPolicyType, ByResultType, ByOrg, ByDay:
	default:
		return nil, fmt.Errorf("%w: %q", ErrBy, string(o.By))
	}
	return &TLSSummary{options: o, target: reports.NormalDomain(o.Target), named: map[string]*TLSGroup{}}, nil
}

// SummarizeTLS sums up all TLS reports of seq.
func SummarizeTLS(o SummaryOptions, seq iter.Seq2[*storage.Report, error]) (*TLSSummary, error) {
	s, err := NewTLSSummary(o)
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
	return s, nil
}

// Counted is how many reports were given, those left out included.
func (s *TLSSummary) Counted() int64 { return s.Total.Reports + s.LeftOut.Reports }

// Add sums up one TLS report; ErrKind for another one.
func (s *TLSSummary) Add(r *storage.Report) error {
	if r.Kind != reports.KindTLS || !filled(&r.Report) {
		return fmt.Errorf("%w: report %d is %q, not %q", ErrKind, r.Seq, string(r.Kind), string(reports.KindTLS))
	}
	total := &s.Total
	leftOut := !s.options.All && (r.Conflict || r.Implausible)
	if leftOut {
		total = &s.LeftOut
	}
	total.Reports++
	if !leftOut {
		widen(&total.FirstBegin, &total.LastBegin, r.TLS.Begin, r.TLS.Begin)
	}
	for i := range r.TLS.Policies {
		p := &r.TLS.Policies[i]
		if !s.about(p) {
			continue
		}
		s.sessions(total, p)
		if !leftOut {
			s.policy(r, p)
		}
	}
	return nil
}

// about tells whether a policy is of the domain that was asked for, or below it.
func (s *TLSSummary) about(p *reports.TLSPolicy) bool {
	if s.target == "" {
		return true
	}
	d := reports.NormalDomain(p.PolicyDomain)
	return d == s.target || strings.HasSuffix(d, "."+s.target)
}

// policy sums up one policy in the groups that it belongs to.
func (s *TLSSummary) policy(r *storage.Report, p *reports.TLSPolicy) {
	if s.options.By != ByResultType {
		g := s.group(s.key(r, p))
		g.meet(r)
		s.sessions(&g.TLSTotals, p)
		return
	}
	for i := range p.FailureDetails {
		f := &p.FailureDetails[i]
		g := s.group(f.ResultType)
		g.meet(r)
		if f.FailedSessionCount != nil {
			s.grow(&g.FailedOfType, *f.FailedSessionCount)
		}
	}
}

func (s *TLSSummary) sessions(t *TLSTotals, p *reports.TLSPolicy) {
	if p.Successful != nil {
		s.grow(&t.Successful, *p.Successful)
	}
	if p.Failed != nil {
		s.grow(&t.Failed, *p.Failed)
	}
}

func (s *TLSSummary) grow(sum *int64, n int64) {
	if grow(sum, n) {
		s.Saturated = true
	}
}

func (g *TLSGroup) meet(r *storage.Report) {
	if g.Reports == 0 || g.seen != r.Seq {
		g.Reports++
		g.seen = r.Seq
		widen(&g.FirstBegin, &g.LastBegin, r.TLS.Begin, r.TLS.Begin)
	}
}

// key names the group of a policy.
func (s *TLSSummary) key(r *storage.Report, p *reports.TLSPolicy) string {
	switch s.options.By {
	case ByTarget:
		return reports.NormalDomain(p.PolicyDomain)
	case ByPolicyType:
		return p.PolicyType
	case ByOrg:
		return strings.TrimSpace(r.TLS.OrgName)
	}
	if !spellable(r.TLS.Begin) {
		return ""
	}
	return r.TLS.Begin.UTC().Format(time.DateOnly)
}

// group finds or makes the group of a key; organizations as Summary does.
func (s *TLSSummary) group(key string) *TLSGroup {
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
	g := &TLSGroup{Key: strings.Clone(key)}
	s.named[strings.Clone(folded)] = g
	return g
}

// TLSRest sums up the groups that are not shown; see Rest.
type TLSRest struct {
	Groups int
	TLSTotals
}

// Groups lists the groups, those with the most failures first and then those with
// the most sessions, days in their order, and sums up those beyond Top and beyond
// the bounds.
func (s *TLSSummary) Groups() ([]*TLSGroup, TLSRest) {
	list := slices.Collect(maps.Values(s.named))
	slices.SortFunc(list, func(a, b *TLSGroup) int {
		return cmp.Or(cmp.Compare(b.FailedOfType, a.FailedOfType), cmp.Compare(b.Failed, a.Failed),
			cmp.Compare(b.Successful, a.Successful), cmp.Compare(a.Key, b.Key))
	})
	var rest TLSRest
	if s.Capped {
		s.join(&rest, &s.rest)
	}
	if top := s.options.Top; top > 0 && top < len(list) {
		for _, g := range list[top:] {
			s.join(&rest, g)
		}
		list = list[:top]
	}
	if s.options.By == ByDay {
		slices.SortFunc(list, func(a, b *TLSGroup) int { return cmp.Compare(a.Key, b.Key) })
	}
	return list, rest
}

// join adds a group to the rest, but for FailedOfType.
func (s *TLSSummary) join(rest *TLSRest, g *TLSGroup) {
	rest.Groups++
	widen(&rest.FirstBegin, &rest.LastBegin, g.FirstBegin, g.LastBegin)
	s.grow(&rest.Reports, g.Reports)
	s.grow(&rest.Successful, g.Successful)
	s.grow(&rest.Failed, g.Failed)
}

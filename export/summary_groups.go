package export

import (
	"cmp"
	"maps"
	"slices"
)

// Rest sums up the groups that are not shown.
type Rest struct {
	// Groups is how many they are; those past MaxGroups or MaxKeyBytes cannot be
	// told apart and count as one.
	Groups int
	Totals
}

// Groups lists the groups, those with the most messages first, days in their
// order, and sums up those beyond Top and beyond the bounds. Grouped by source,
// a report counts in each group that it has records of, and so several times in
// the rest.
func (s *Summary) Groups() ([]*Group, Rest) {
	var list []*Group
	list = slices.AppendSeq(list, maps.Values(s.named))
	list = slices.AppendSeq(list, maps.Values(s.sources))
	slices.SortFunc(list, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Key, b.Key))
	})
	var rest Rest
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
		slices.SortFunc(list, func(a, b *Group) int { return cmp.Compare(a.Key, b.Key) })
	}
	return list, rest
}

func (s *Summary) join(rest *Rest, g *Group) {
	rest.Groups++
	t := &rest.Totals
	t.widen(g.FirstBegin, g.LastBegin)
	s.grow(&t.Reports, g.Reports)
	s.messages(t, &g.Totals)
}

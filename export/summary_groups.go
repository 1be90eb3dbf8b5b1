package export

import (
	"cmp"
	"encoding/binary"
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
	list := make([]*Group, 0, len(s.named)+len(s.sources.groups))
	list = slices.AppendSeq(list, maps.Values(s.named))
	list = s.sources.list(list)
	sortGroups(list)
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

// ranked is a group and what it is sorted by, so that sorting needs not look at the
// group, which is in no cache: there may be many.
type ranked struct {
	messages int64
	start    [2]uint64 // of the key: its first 16 bytes, in their order
	group    *Group
}

func rank(g *Group) ranked {
	var b [16]byte
	copy(b[:], g.Key)
	return ranked{g.Messages, [2]uint64{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}, g}
}

// sortGroups sorts by messages, most first, and those of as many by their keys.
func sortGroups(list []*Group) {
	ranks := make([]ranked, len(list))
	for i, g := range list {
		ranks[i] = rank(g)
	}
	slices.SortFunc(ranks, func(a, b ranked) int {
		switch {
		case a.messages != b.messages:
			return cmp.Compare(b.messages, a.messages)
		case a.start[0] != b.start[0]:
			return cmp.Compare(a.start[0], b.start[0])
		case a.start[1] != b.start[1]:
			return cmp.Compare(a.start[1], b.start[1])
		}
		return cmp.Compare(a.group.Key, b.group.Key)
	})
	for i := range ranks {
		list[i] = ranks[i].group
	}
}

func (s *Summary) join(rest *Rest, g *Group) {
	rest.Groups++
	t := &rest.Totals
	t.widen(g.FirstBegin, g.LastBegin)
	s.grow(&t.Reports, g.Reports)
	s.messages(t, &g.Totals)
}

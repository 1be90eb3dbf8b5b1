package export

import (
	"net/netip"
	"time"

	"reportmx/storage"
)

// sources are the groups of a summary by source. There may be nearly as many as
// records: they stand in blocks, and get their keys, each a part of a longer string,
// when all are known.
type sources struct {
	groups  map[netip.Addr]*Group
	blocks  [][]sourceGroup // all of them, in the order in which they came
	waiting []sourceRow     // to be counted
}

type sourceGroup struct {
	Group
	address netip.Addr
}

// sourceBlock is how many groups a block has.
const sourceBlock = 512

// sourceRow is a row that waits to be counted for its source.
type sourceRow struct {
	storage.DigestRow
	seq           uint64
	begin         time.Time
	authenticated bool
}

// sourceRows is how many rows wait for each other. The groups of many sources are in
// no cache, and looked up one after the other the memory answers for several at a
// time: with 200,000 sources it takes about two thirds of the time.
const sourceRows = 256

// wait counts a row for its source, later.
func (s *Summary) wait(r sourceRow) {
	s.sources.waiting = append(s.sources.waiting, r)
	if len(s.sources.waiting) == sourceRows {
		s.addSources()
	}
}

// addSources counts the rows that have waited.
func (s *Summary) addSources() {
	waiting := s.sources.waiting
	var groups [sourceRows]*Group
	for i := range waiting {
		groups[i] = s.sources.groups[waiting[i].SourceIP]
	}
	for i := range waiting {
		r, g := &waiting[i], groups[i]
		if g == nil {
			g = s.source(r.SourceIP)
		}
		g.meet(r.seq, r.begin)
		s.row(&g.Totals, &r.DigestRow, r.authenticated)
	}
	s.sources.waiting = waiting[:0]
}

// source finds or makes the group of a source.
func (s *Summary) source(a netip.Addr) *Group {
	l := &s.sources
	if g := l.groups[a]; g != nil {
		return g
	}
	if len(l.groups) >= MaxGroups {
		s.Capped = true
		return &s.rest
	}
	if len(l.groups)%sourceBlock == 0 {
		l.blocks = append(l.blocks, make([]sourceGroup, 0, sourceBlock))
	}
	last := &l.blocks[len(l.blocks)-1]
	*last = append(*last, sourceGroup{address: a})
	g := &(*last)[len(*last)-1].Group
	l.groups[a] = g
	return g
}

// list appends the groups of all sources, and gives them their keys.
func (l *sources) list(list []*Group) []*Group {
	var text []byte
	for _, block := range l.blocks {
		var ends [sourceBlock]int
		text = text[:0]
		for i := range block {
			if block[i].address.IsValid() {
				text = block[i].address.AppendTo(text)
			}
			ends[i] = len(text)
		}
		keys, at := string(text), 0
		for i := range block {
			block[i].Key = keys[at:ends[i]]
			at = ends[i]
			list = append(list, &block[i].Group)
		}
	}
	return list
}

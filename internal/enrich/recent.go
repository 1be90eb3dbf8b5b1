package enrich

import (
	"container/list"
	"net/netip"

	"reportmx/export"
)

// recent remembers what is known of the addresses that were used last, also that
// nothing is.
type recent struct {
	most    int
	entries map[netip.Addr]*list.Element
	order   *list.List // of *remember, last used in front
}

type remember struct {
	ip     netip.Addr
	source export.Source
}

func newRecent(most int) *recent {
	return &recent{most: most, entries: make(map[netip.Addr]*list.Element), order: list.New()}
}

func (r *recent) get(ip netip.Addr) (export.Source, bool) {
	el, ok := r.entries[ip]
	if !ok {
		return export.Source{}, false
	}
	r.order.MoveToFront(el)
	return el.Value.(*remember).source, true
}

// put remembers an address that is not remembered yet.
func (r *recent) put(ip netip.Addr, s export.Source) {
	r.entries[ip] = r.order.PushFront(&remember{ip, s})
	if len(r.entries) > r.most {
		oldest := r.order.Remove(r.order.Back()).(*remember)
		delete(r.entries, oldest.ip)
	}
}

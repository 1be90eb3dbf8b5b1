package config

import (
	"maps"
	"slices"
	"strings"

	"reportmx/reports"
)

// Wildcard is the target that stands for every domain: DNS decides whom we serve.
const Wildcard = "*"

// Targets is a set of targets. It never changes; a reload makes a new one.
type Targets struct {
	byDomain map[string]Target // without "*"
	wildcard bool
}

// NewTargets makes the set. Domains are brought to their normal spelling; of two
// of one domain the first counts.
func NewTargets(list []Target) *Targets {
	t := &Targets{byDomain: make(map[string]Target, len(list))}
	for _, target := range list {
		if target.Domain == Wildcard {
			t.wildcard = true
			continue
		}
		target.Domain = reports.NormalDomain(target.Domain)
		if _, known := t.byDomain[target.Domain]; !known {
			t.byDomain[target.Domain] = target
		}
	}
	return t
}

// Match gives the target that is domain or the nearest one above it; "*" when only
// that serves the domain.
func (t *Targets) Match(domain string) (target string, ok bool) {
	d := reports.NormalDomain(domain)
	if d == "" {
		return "", false
	}
	for rest, more := d, true; more; _, rest, more = strings.Cut(rest, ".") {
		if _, ok := t.byDomain[rest]; ok {
			return rest, true
		}
	}
	if t.wildcard {
		return Wildcard, true
	}
	return "", false
}

// Wildcard tells whether "*" is a target.
func (t *Targets) Wildcard() bool { return t.wildcard }

// Len is the number of targets, "*" included.
func (t *Targets) Len() int {
	if t.wildcard {
		return len(t.byDomain) + 1
	}
	return len(t.byDomain)
}

// List gives the targets but "*", by domain in order.
func (t *Targets) List() []Target {
	list := make([]Target, 0, len(t.byDomain))
	for _, domain := range slices.Sorted(maps.Keys(t.byDomain)) {
		list = append(list, t.byDomain[domain])
	}
	return list
}

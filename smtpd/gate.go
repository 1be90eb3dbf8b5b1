package smtpd

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxRates is how many addresses are remembered for the rate; past it, those
// not seen yet share one.
const maxRates = 1 << 16

// gate counts connections, in all and by address, and says who may come in.
type gate struct {
	cfg Config
	max int

	mu        sync.Mutex
	open      int
	byAddress map[netip.Prefix]int
	rates     map[netip.Prefix]*rate.Limiter
	pruned    time.Time
}

func newGate(cfg Config, limit int) *gate {
	return &gate{cfg: cfg, max: limit, byAddress: map[netip.Prefix]int{}, rates: map[netip.Prefix]*rate.Limiter{}}
}

// enter counts a connection in, or gives the reason to turn it away.
func (g *gate) enter() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if over(g.open+1, g.max) {
		return EndFull
	}
	g.open++
	return ""
}

func (g *gate) exit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
}

// claim counts a connection for its address, or gives the reason to turn it
// away. Who was refused for the rate has used up a token of it all the same.
func (g *gate) claim(a netip.Addr) string {
	if !a.IsValid() || within(g.cfg.Exempt, a) {
		return ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	near, wide := prefixes(a)
	if perMinute := g.cfg.ConnectionsPerMinute; perMinute > 0 {
		if !g.limiter(near, perMinute).Allow() || !g.limiter(wide, 4*perMinute).Allow() {
			return EndRate
		}
	}
	if over(g.byAddress[near]+1, g.cfg.MaxPerAddress) {
		return EndAddress
	}
	g.byAddress[near]++
	return ""
}

// unclaim takes back what a successful claim counted.
func (g *gate) unclaim(a netip.Addr) {
	if !a.IsValid() || within(g.cfg.Exempt, a) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	near, _ := prefixes(a)
	if g.byAddress[near]--; g.byAddress[near] <= 0 {
		delete(g.byAddress, near)
	}
}

// limiter gives the bucket of a network: a minute's worth of connections, half of
// which may come at once.
func (g *gate) limiter(p netip.Prefix, perMinute int) *rate.Limiter {
	if l, ok := g.rates[p]; ok {
		return l
	}
	g.prune()
	if len(g.rates) >= maxRates {
		p = netip.PrefixFrom(p.Addr(), 0).Masked()
		if l, ok := g.rates[p]; ok {
			return l
		}
	}
	l := rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(1, perMinute/2))
	g.rates[p] = l
	return l
}

// prune forgets the networks whose bucket is full again, at most once a second.
func (g *gate) prune() {
	now := time.Now()
	if now.Sub(g.pruned) < time.Second || len(g.rates) < maxRates/16 {
		return
	}
	g.pruned = now
	for p, l := range g.rates {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(g.rates, p)
		}
	}
}

// prefixes gives the network that counts as one client and the one around it:
// /32 and /24 for IPv4, /64 and /48 for IPv6.
func prefixes(a netip.Addr) (near, wide netip.Prefix) {
	if a.Is4() {
		return netip.PrefixFrom(a, 32), netip.PrefixFrom(a, 24).Masked()
	}
	return netip.PrefixFrom(a, 64).Masked(), netip.PrefixFrom(a, 48).Masked()
}

func within(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

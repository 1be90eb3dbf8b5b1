package intake

import (
	"sync"

	"reportmx/internal/dmarcdns"
)

// maxMissing bounds the policy domains that are remembered: with the target "*"
// strangers choose them. Past it a domain may be warned about again.
const maxMissing = 10_000

// missing remembers the policy domains whose external authorization is missing,
// so that each is warned about once and not with each report.
type missing struct {
	mu      sync.Mutex
	domains map[string]bool
}

// forget lets a domain be news again.
func (m *missing) forget(domain string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.domains, domain)
}

// news tells whether a domain was not known to lack its authorization.
func (m *missing) news(domain string, a dmarcdns.Authorization) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch a {
	case dmarcdns.Missing, dmarcdns.OverrideElsewhere, dmarcdns.NameTooLong:
	case dmarcdns.Authorized, dmarcdns.NotNeeded:
		delete(m.domains, domain)
		return false
	default:
		return false
	}
	if m.domains[domain] {
		return false
	}
	if len(m.domains) >= maxMissing || m.domains == nil {
		m.domains = make(map[string]bool)
	}
	m.domains[domain] = true
	return true
}

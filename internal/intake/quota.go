package intake

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"reportmx/storage"
)

// Quota bounds the reports about domains that only the target "*" serves. Strangers
// choose those domains: with a wildcard authorization record everybody can point
// their reports here, and without a bound they could fill the disk.
type Quota struct {
	Domain int // reports a day about one policy domain
	Total  int // reports a day about all of them
}

// maxQuotaDomains bounds the domains that are counted apart; past it the newcomers
// of that moment share the bound of the whole alone.
const maxQuotaDomains = 20_000

// quota counts against a Quota. A day's worth may come at once, and comes back
// evenly over the day.
type quota struct {
	limit   Quota
	total   *rate.Limiter
	mu      sync.Mutex
	domains map[string]*rate.Limiter
	looked  time.Time // when forget last went through all domains
}

func newQuota(limit Quota) *quota {
	return &quota{limit: limit, total: daily(limit.Total), domains: make(map[string]*rate.Limiter)}
}

func daily(n int) *rate.Limiter {
	return rate.NewLimiter(rate.Every(24*time.Hour/time.Duration(max(n, 1))), n)
}

// wildcard is the target that serves every domain.
const wildcard = "*"

// count counts the reports about domains that only "*" serves, of those that would be
// kept, and defers the first that is over the quota: the whole message comes again. An
// imported message was chosen by the administrator.
func (in *Intake) count(f facts, j *judgement) {
	if _, comesAgain := j.first(refer); comesAgain || f.Source == storage.SourceImport || f.Retried {
		return
	}
	for i, r := range j.Reports {
		if r.Verdict == reject {
			continue
		}
		domain, served := firstServed(f.Found.Reports[i].PolicyDomains(), f.Domains)
		if served && f.Domains[domain].Target == wildcard && !in.quota.take(domain, f.ReceivedAt) {
			j.Reports[i] = ruling{refer, "quota", "too many reports about domains that are no listed target", replyQuota(domain)}
			return
		}
	}
}

// take counts one report about a domain, and tells whether it is within the quota. One
// that is over that of the whole is not counted for its domain.
func (q *quota) take(domain string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l, ok := q.domains[domain]
	if !ok {
		l = daily(q.limit.Domain)
		q.forget(now)
		if len(q.domains) < maxQuotaDomains {
			q.domains[domain] = l
		}
	}
	return q.total.TokensAt(now) >= 1 && l.AllowN(now, 1) && q.total.AllowN(now, 1)
}

// forget makes room, once a minute at most: a domain whose day's worth has come back
// need not be remembered.
func (q *quota) forget(now time.Time) {
	if len(q.domains) < maxQuotaDomains || now.Sub(q.looked) < time.Minute {
		return
	}
	q.looked = now
	for domain, l := range q.domains {
		if l.TokensAt(now) >= float64(q.limit.Domain) {
			delete(q.domains, domain)
		}
	}
}

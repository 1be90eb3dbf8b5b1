// Package enrich tells where an address belongs: its name in the reverse DNS, and
// its country and network from databases in MaxMind's format (.mmdb) that the user
// supplies. It fills [export.Enricher].
//
// It works only while an export is written, in the goroutine of the request that
// asked for the export: of the running server, or of the command when no server
// runs. No mail waits for it, and it shares neither client, cache nor slots of DNS
// with what receives mail. A [Run] is one export. It opens the databases anew, so
// that it sees those of today, and all that it does is bounded: look-ups at the same
// time, time for one and for all, addresses that it remembers.
//
// What cannot be found out is left out. That a database is missing or damaged is an
// error of the export, never of the server. That the time for all look-ups was not
// enough, or that the DNS did not answer, is said by [Run.Note].
//
// Deliberately a name in the reverse DNS is not confirmed by asking for its address:
// it is what the owner of the address says, as in parsedmarc.
package enrich

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"reportmx/internal/dmarcdns"
)

// Resolver asks for the names of an address; [dmarcdns.Client] does.
type Resolver interface {
	PTR(ctx context.Context, addr netip.Addr) (dmarcdns.Answer, error)
}

// Bounds of a run.
const (
	AtOnce  = 16              // look-ups at the same time, of all runs together
	OneTime = 5 * time.Second // for one look-up over all its tries

	// AllTime is for all look-ups of a run. A resolver nearby answers some hundred
	// questions a second.
	AllTime = 10 * time.Minute

	remembered = 50_000 // addresses, each some 300 bytes
)

// Config says what to look at. The zero value of a bound is the one above.
type Config struct {
	Databases  []string // paths; what an earlier one tells goes before
	Resolver   Resolver // nil for no reverse DNS
	Budget     time.Duration
	OneTime    time.Duration
	Remembered int
}

// ErrNothing: the configuration names nothing to look at.
var ErrNothing = errors.New(`[enrich] of the configuration has neither databases nor reverse_dns = true`)

// Source opens runs. It may be used by many goroutines at once.
type Source struct {
	Config
	slots chan struct{} // one for each look-up under way
}

// New makes a Source.
func New(c Config) *Source {
	if c.Budget <= 0 {
		c.Budget = AllTime
	}
	if c.OneTime <= 0 {
		c.OneTime = OneTime
	}
	if c.Remembered <= 0 {
		c.Remembered = remembered
	}
	return &Source{Config: c, slots: make(chan struct{}, AtOnce)}
}

// Open begins an export: it opens every database. ErrNothing when there is nothing
// to look at.
func (s *Source) Open() (*Run, error) {
	if len(s.Databases) == 0 && s.Resolver == nil {
		return nil, ErrNothing
	}
	r := &Run{source: s, left: s.Budget, known: newRecent(s.Remembered)}
	for _, path := range s.Databases {
		db, err := openDatabase(path)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.databases = append(r.databases, db)
	}
	return r, nil
}

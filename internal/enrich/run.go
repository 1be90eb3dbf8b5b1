package enrich

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"reportmx/export"
	"reportmx/reports"
	"reportmx/storage"
)

// Run is what one export learns. It belongs to one goroutine.
type Run struct {
	source    *Source
	databases []*database
	known     *recent
	left      time.Duration // for all look-ups that are still to come
	err       error         // the first of a database

	unanswered int // addresses that the DNS gave no usable answer for
	unasked    int // addresses left out when the time was up
}

// Enrich implements [export.Enricher]. It asks the databases only: reverse DNS is
// known of addresses that have gone through [Run.Ahead].
func (r *Run) Enrich(ip netip.Addr) export.Source {
	ip = ip.Unmap()
	if s, ok := r.known.get(ip); ok {
		return s
	}
	return r.learn(ip, "")
}

// learn remembers what the databases say of an address, and its name.
func (r *Run) learn(ip netip.Addr, name string) export.Source {
	s := export.Source{ReverseDNS: name}
	if base, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		s.BaseDomain = base
	}
	for _, db := range r.databases {
		if err := db.fill(ip, &s); err != nil && r.err == nil {
			r.err = err
		}
	}
	if s.Name == "" {
		s.Name = s.ASName // as parsedmarc does
	}
	r.known.put(ip, s)
	return s
}

// windowWeight is how many records are read ahead of the export, besides those of
// the part that goes past it; a kilobyte of a failed message counts as one.
const windowWeight = 1000

// Ahead gives the same sequence, each report when the names of its addresses are
// known: those of many reports are asked for at the same time.
func (r *Run) Ahead(ctx context.Context, seq iter.Seq2[*storage.Report, error]) iter.Seq2[*storage.Report, error] {
	if r.source.Resolver == nil {
		return seq
	}
	return func(yield func(*storage.Report, error) bool) {
		var window []*storage.Report
		weight := 0
		pass := func() bool {
			r.resolve(ctx, addresses(window))
			for _, part := range window {
				if !yield(part, nil) {
					return false
				}
			}
			window, weight = window[:0], 0
			return true
		}
		for part, err := range seq {
			if err != nil {
				if pass() {
					yield(nil, err)
				}
				return
			}
			window = append(window, part)
			if weight += weigh(part); weight >= windowWeight && !pass() {
				return
			}
		}
		pass()
	}
}

func weigh(part *storage.Report) int {
	switch part.Kind {
	case reports.KindAggregate:
		return 1 + len(part.Aggregate.Records)
	case reports.KindFailure:
		return 1 + (len(part.Failure.Sample.Raw)+len(part.Failure.DKIMCanonicalizedBody))/1024
	}
	return 1
}

// addresses are those that an export writes something of.
func addresses(window []*storage.Report) []netip.Addr {
	var list []netip.Addr
	for _, part := range window {
		switch part.Kind {
		case reports.KindAggregate:
			for i := range part.Aggregate.Records {
				list = append(list, part.Aggregate.Records[i].SourceIP)
			}
		case reports.KindFailure:
			list = append(list, part.Failure.SourceIP)
		}
	}
	return list
}

// resolve learns the addresses that are not known yet, and takes the time that it
// needed from what is left.
func (r *Run) resolve(ctx context.Context, list []netip.Addr) {
	names := make(map[netip.Addr]*lookup)
	for _, ip := range list {
		ip = ip.Unmap()
		if _, known := r.known.get(ip); !known && ip.IsGlobalUnicast() {
			names[ip] = &lookup{}
		}
	}
	if len(names) == 0 {
		return
	}
	start := time.Now()
	within, cancel := context.WithTimeout(ctx, r.left)
	defer cancel()
	var asking sync.WaitGroup
	for ip, l := range names {
		if !r.source.take(within) {
			break
		}
		asking.Go(func() {
			defer r.source.give()
			*l = r.source.ask(within, ip)
		})
	}
	asking.Wait()
	for ip, l := range names {
		switch {
		case l.answered:
		case l.asked:
			r.unanswered++
		default:
			r.unasked++
		}
		r.learn(ip, l.name)
	}
	r.left -= time.Since(start)
}

// lookup is what became of one look-up.
type lookup struct {
	asked    bool // to its end, and not until the time for all was up
	answered bool
	name     string // "" when there is none
}

// take waits for a slot; false when the time is up.
func (s *Source) take(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case s.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Source) give() { <-s.slots }

func (s *Source) ask(ctx context.Context, ip netip.Addr) lookup {
	one, cancel := context.WithTimeout(ctx, s.OneTime)
	defer cancel()
	answer, err := s.Resolver.PTR(one, ip)
	if err != nil {
		return lookup{asked: ctx.Err() == nil}
	}
	return lookup{asked: true, answered: true, name: hostName(answer.Names)}
}

// hostName is the first of the names in the order of the alphabet, so that the same
// zone gives the same name each time. What is no host name is none.
func hostName(names []string) string {
	first := ""
	for _, name := range names {
		isHost := name != "" && name != "." && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
		if isHost && (first == "" || name < first) {
			first = name
		}
	}
	return first
}

// Note tells a person what was left out of the export and why, "" for nothing.
func (r *Run) Note() string {
	var parts []string
	if r.unasked > 0 {
		parts = append(parts, fmt.Sprintf("the time for all look-ups, enrich.budget = %q, was up: %d addresses have no reverse DNS", r.source.Budget, r.unasked))
	}
	if r.unanswered > 0 {
		parts = append(parts, fmt.Sprintf("the DNS gave no answer about %d addresses", r.unanswered))
	}
	return strings.Join(parts, "; ")
}

// Close ends the run and lets go of the databases. Its error is the first that a
// database had in the whole run: what was written then is not to be trusted.
func (r *Run) Close() error {
	err := r.err
	for _, db := range r.databases {
		err = errors.Join(err, db.close())
	}
	r.databases, r.err = nil, nil
	return err
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// rate is what one run of one server gave.
type rate struct {
	perSecond float64
	cpu       time.Duration // of the server, per message
	peak      int64         // bytes
	waits     []time.Duration
}

// warmUp is how many mails go before the measured ones: buffers, pools and the
// first pages of the store are made by them.
const warmUp = 200

// measure drives a running server.
func measure(c *child, mails []mail, s shape) (rate, error) {
	if _, _, err := drive(c.addr, mails[:warmUp], shape{sessions: min(s.sessions, 10), per: many}); err != nil {
		return rate{}, err
	}
	mails = mails[warmUp:]
	before, err := c.cpu()
	if err != nil {
		return rate{}, err
	}
	elapsed, waits, err := drive(c.addr, mails, s)
	if err != nil {
		return rate{}, err
	}
	after, err := c.cpu()
	return rate{
		perSecond: float64(len(mails)) / elapsed.Seconds(),
		cpu:       (after - before) / time.Duration(len(mails)),
		peak:      c.peak.Load(),
		waits:     waits,
	}, err
}

// pair is the two servers under the same load, one straight after the other.
type pair struct {
	shape   shape
	discard rate
	ours    rate
}

// ratio is our rate as a share of the discarding server's.
func (p pair) ratio() float64 { return p.ours.perSecond / p.discard.perSecond }

// above is what storing a message costs beyond receiving it.
func (p pair) above() time.Duration { return p.ours.cpu - p.discard.cpu }

// cost spells above as time, and as multiples of what receiving costs, which hold on
// any machine.
func (p pair) cost() string {
	return fmt.Sprintf("%.0f µs, %.1f × receiving", micros(p.above()), p.times())
}

func (p pair) times() float64 { return float64(p.above()) / float64(p.discard.cpu) }

// roundsUntil: a machine that is slower, or busy, gets single rounds after it, so
// that the whole run stays below ten minutes.
const roundsUntil = 3 * time.Minute

// compare runs both servers rounds times and gives the round whose ratio is in the
// middle, with the largest memory of all.
func (b *bench) compare(mails []mail, s shape, dns string, more ...string) (pair, error) {
	var list []pair
	var ratios []float64
	var peak int64
	for len(list) < b.rounds && (len(list) == 0 || time.Since(b.start) < roundsUntil) {
		p := pair{shape: s}
		var err error
		if p.discard, err = b.discardOnce(mails, s); err != nil {
			return p, fmt.Errorf("discarding server, %d sessions, %s: %w", s.sessions, s.per, err)
		}
		if p.ours, err = b.oursOnce(mails, s, dns, more...); err != nil {
			return p, fmt.Errorf("reportmx, %d sessions, %s: %w", s.sessions, s.per, err)
		}
		list = append(list, p)
		ratios = append(ratios, p.ratio())
		peak = max(peak, p.ours.peak)
	}
	middle := quantile(ratios, 0.5)
	for _, p := range list {
		if p.ratio() == middle {
			p.ours.peak = peak
			return p, nil
		}
	}
	return list[0], nil
}

func (b *bench) discardOnce(mails []mail, s shape) (rate, error) {
	c, err := startDiscard(b.dir)
	if err != nil {
		return rate{}, err
	}
	r, err := measure(c, mails, s)
	// It has no way to stop but to be ended.
	c.kill()
	return r, err
}

func (b *bench) oursOnce(mails []mail, s shape, dns string, more ...string) (rate, error) {
	server, err := startReportmx(b.binary, b.folder(), dns, more...)
	if err != nil {
		return rate{}, err
	}
	r, err := measure(server.child, mails, s)
	if err == nil {
		_, err = server.holds(len(mails))
	}
	return r, errors.Join(err, server.end(), os.RemoveAll(server.dir))
}

// folder gives a folder of its own to each server.
func (b *bench) folder() string {
	b.folders++
	return filepath.Join(b.dir, fmt.Sprintf("store%d", b.folders))
}

// load measures all shapes.
func (b *bench) load() error {
	b.section("messages/s over loopback, and processor time of the server per message")
	b.printf("%-8s %-5s %12s %12s %7s %11s %11s %9s %11s\n", "sessions", "mails", "discards/s", "reportmx/s", "ratio",
		"discards µs", "reportmx µs", "above µs", "memory MiB")
	for _, per := range []perConnection{many, one} {
		for _, sessions := range []int{1, 10, 50, 200} {
			mails := b.mails
			if sessions == 1 {
				mails = mails[:len(mails)/4]
			} else if per == one {
				mails = mails[:len(mails)/2]
			}
			p, err := b.compare(mails, shape{sessions: sessions, per: per}, refusing)
			if err != nil {
				return err
			}
			b.pairs = append(b.pairs, p)
			b.printf("%-8d %-5s %12.0f %12.0f %7.2f %11.1f %11.1f %9.1f %11.1f\n", sessions, per, p.discard.perSecond, p.ours.perSecond,
				p.ratio(), micros(p.discard.cpu), micros(p.ours.cpu), micros(p.above()), mib(p.ours.peak))
		}
	}
	return nil
}

// pipelining measures senders that do not wait for each reply, as Postfix and Exim.
func (b *bench) pipelining() error {
	p, err := b.compare(b.mails, shape{sessions: 50, per: many, pipelined: true}, refusing)
	if err == nil {
		b.printf("commands pipelined, 50 sessions, many: %.0f/s and %.0f/s, ratio %.2f, %.1f µs above the discarding server\n",
			p.discard.perSecond, p.ours.perSecond, p.ratio(), micros(p.above()))
	}
	return err
}

// noRaw keeps no raw messages.
const noRaw = "[retention]\nraw = \"0\"\n"

// withoutRaw measures what keeping the raw messages costs.
func (b *bench) withoutRaw() (err error) {
	b.rawless, err = b.compare(b.mails, shape{sessions: 50, per: many}, refusing, noRaw)
	if err == nil {
		b.printf("no raw messages kept, 50 sessions, many: ratio %.2f, %.1f µs above the discarding server\n", b.rawless.ratio(), micros(b.rawless.above()))
	}
	return err
}

// authentication measures what looking at the sender costs.
func (b *bench) authentication() error {
	b.section("sender authentication: 50 sessions, many mails per connection")
	keys, err := newKeys()
	if err != nil {
		return err
	}
	record, err := keys.record()
	if err != nil {
		return err
	}
	dns, err := serveDNS(record)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name   string
		sender sender
		dns    string
	}{
		{"SPF asked, name server refuses at once", named, refusing},
		{"SPF asked, answers from the cache", named, dns},
		{"SPF and DKIM (RSA-2048), answers from the cache", signed, dns},
	} {
		mails, err := workload{b.seed, c.sender, keys}.mails(0, len(b.mails)/4)
		if err != nil {
			return err
		}
		p, err := b.compare(mails, shape{sessions: 50, per: many}, c.dns)
		if err != nil {
			return err
		}
		b.signed = p // the last one is
		b.printf("%-49s %8.0f/s, ratio %.2f, %6.1f µs above the discarding server\n", c.name, p.ours.perSecond, p.ratio(), micros(p.above()))
	}
	return nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

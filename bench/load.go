package main

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// perConnection is how many mails a client sends before it quits.
type perConnection int

// The two ways of real senders. Servers end a session after so many mails, reportmx
// after 100.
const (
	one  perConnection = 1
	many perConnection = 100
)

func (p perConnection) String() string {
	if p == one {
		return "one"
	}
	return "many"
}

// shape is how the load comes.
type shape struct {
	sessions  int
	per       perConnection
	pipelined bool
}

// drive sends all mails and gives how long that took, and how long each waited
// from DATA to its reply, in no order.
func drive(addr string, mails []mail, s shape) (time.Duration, []time.Duration, error) {
	waits := make([]time.Duration, len(mails))
	errs := make([]error, s.sessions)
	var next atomic.Int64
	var group sync.WaitGroup
	start := time.Now()
	for i := range s.sessions {
		group.Go(func() { errs[i] = session(addr, mails, waits, &next, s) })
	}
	group.Wait()
	elapsed := time.Since(start)
	for _, err := range errs {
		if err != nil {
			return elapsed, nil, err
		}
	}
	return elapsed, waits, nil
}

// session is one client, on as many connections as it takes.
func session(addr string, mails []mail, waits []time.Duration, next *atomic.Int64, s shape) error {
	i := next.Add(1) - 1
	for i < int64(len(mails)) {
		helo := "[127.0.0.1]"
		if mails[i].from != "" {
			helo = "out.org0.example"
		}
		c, err := dial(addr, helo)
		if err != nil {
			return err
		}
		c.pipelined = s.pipelined
		for range s.per {
			if waits[i], err = c.send(&mails[i]); err != nil {
				c.conn.Close()
				return err
			}
			if i = next.Add(1) - 1; i >= int64(len(mails)) {
				break
			}
		}
		if err := c.quit(); err != nil {
			return err
		}
	}
	return nil
}

// quantile gives the value below which the share q of all lies.
func quantile[T ~int64 | ~float64](list []T, q float64) T {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

package crowd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The bounds of the soak: how fast memory may grow behind the warm-up, asserted in the
// deep form, and how far descriptors and goroutines may be from the start. The memory is
// the process's own: mapped pages of the store, which grows, are the kernel's to drop.
const (
	soakSlope = 1.0 // MiB in ten minutes
	soakDrift = 5
)

// soakRate is how many mails begin in a second; every soakHostile-th is hostile.
const (
	soakRate    = 50
	soakHostile = 10
	soakSenders = 16
)

// soakStore is how many reports the store has before the soak begins. While it is small,
// each commit touches a few pages more of its indexes than the one before; from some
// 50,000 reports on each new key is in a page of its own.
const soakStore = 60_000

// TestSoak sends for half an hour and looks at what grows.
func TestSoak(t *testing.T) {
	together(t)
	begun := time.Now()
	lasting, warm := size(12*time.Second, 30*time.Minute), size(4*time.Second, 5*time.Minute)
	s := startServer(t)
	w := &soak{server: s, ends: map[string]int{}, random: rand.New(rand.NewPCG(7, 7))}
	w.fill(size(200, soakStore))
	if w.stored == 0 {
		t.Fatalf("nothing is stored: %s", w.failed)
	}
	filled := w.stored
	w.took = nil
	before, err := s.settle()
	if err != nil {
		t.Fatal(err)
	}
	samples := w.run(t, lasting, size(500*time.Millisecond, 5*time.Second))
	after, err := s.settle()
	if err != nil {
		t.Fatal(err)
	}
	w.judge(t, before, after, samples.after(warm))
	figures := append([]string{fmt.Sprintf("before the soak: %d reports, as fast as they are taken", filled)}, w.figures(lasting, warm, before, after, samples)...)
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("the server ended with %d\n%.2000s", code, &s.log)
	}
	record(t, "soak", begun, figures)
}

// soak is what was sent and what became of it.
type soak struct {
	server *server
	made   atomic.Int64

	mu      sync.Mutex
	random  *rand.Rand
	stored  int // reports acknowledged
	failed  []string
	took    []time.Duration
	hostile int
	ends    map[string]int // how hostile ones were answered
	late    int            // mails that no sender was free for
}

// fill stores so many reports, as fast as they are taken.
func (w *soak) fill(reports int) {
	due := make(chan int)
	var senders sync.WaitGroup
	for range soakSenders {
		senders.Go(func() { w.send(due) })
	}
	for range reports {
		due <- 0 // honest
	}
	close(due)
	senders.Wait()
}

// run keeps the rate up, and samples.
func (w *soak) run(t *testing.T, lasting, every time.Duration) samples {
	ctx, stop := context.WithTimeout(context.Background(), lasting)
	defer stop()
	due := make(chan int, soakRate)
	var senders sync.WaitGroup
	for range soakSenders {
		senders.Go(func() { w.send(due) })
	}
	senders.Go(func() {
		defer close(due)
		w.pace(ctx, due)
	})
	list := w.server.watchGrowth(t, ctx, every)
	senders.Wait()
	return list
}

// pace makes mails due at the rate, by the clock: a tick may be missed.
func (w *soak) pace(ctx context.Context, due chan<- int) {
	begun := time.Now()
	tick := time.NewTicker(time.Second / soakRate)
	defer tick.Stop()
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for ; n < int(time.Since(begun).Seconds()*soakRate); n++ {
			select {
			case due <- n:
			default:
				w.note(func() { w.late++ })
			}
		}
	}
}

// perConnection is how many reports an honest connection brings.
const perConnection = 10

// send takes mails that are due, honest ones over connections that last a while.
func (w *soak) send(due <-chan int) {
	var open *session
	sent := 0
	for n := range due {
		if n%soakHostile == soakHostile-1 {
			w.attack(n / soakHostile)
			continue
		}
		if open == nil || sent == perConnection {
			open.leave()
			open, sent = w.connect(), 0
		}
		sent++
		if reply, err := w.honest(open); err != nil || reply[:3] != "250" {
			w.note(func() { w.failed = append(w.failed, fmt.Sprintf("%q, %v", reply, err)) })
			open.leave()
			open = nil
		}
	}
	open.leave()
}

func (s *session) leave() {
	if s != nil {
		s.quit()
	}
}

func (w *soak) note(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// connect comes from one of many addresses; nil if it does not get in.
func (w *soak) connect() *session {
	s, err := open(w.address(), w.server.addr)
	if err != nil {
		w.note(func() { w.failed = append(w.failed, err.Error()) })
	}
	return s
}

func (w *soak) address() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("127.4.%d.%d", w.random.IntN(200), 1+w.random.IntN(200))
}

// honest sends one report; over a connection of its own, if there is none.
func (w *soak) honest(s *session) (string, error) {
	if s == nil {
		if s = w.connect(); s == nil {
			return "no connection", nil
		}
		defer s.quit()
	}
	n := w.made.Add(1)
	id := fmt.Sprintf("soak-%d", n)
	message := mail(id, packed(report(id, "example.com", 1+int(n%30))))
	begun := time.Now()
	reply, err := s.send(message)
	if err == nil && reply[:3] == "250" {
		w.note(func() { w.stored, w.took = w.stored+1, append(w.took, time.Since(begun)) })
	}
	return reply, err
}

// attack is one of the hostile families.
func (w *soak) attack(n int) {
	family := families[n%len(families)]
	how := "no connection"
	if c, err := dial(w.address(), w.server.addr); err == nil {
		c.SetDeadline(time.Now().Add(patience))
		how = family.run(c, n)
		c.Close()
	}
	w.note(func() {
		w.hostile++
		w.ends[family.name+": "+how]++
	})
}

package crowd

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"
)

// largeWait bounds what an honest sender waits while large messages are read, half of the
// time in the short form and 99 % of it in the deep one. They share the processors; who
// waits for memory waits for a quarter of a minute.
const largeWait = 5 * time.Second

// TestLarge has many sessions bring messages that take all the memory that one message
// may, while an honest sender brings small ones: of the large ones one is read at a time,
// and nobody waits for them who is not large.
func TestLarge(t *testing.T) {
	together(t)
	begun := time.Now()
	clients, lasting := size(32, 60), size(8*time.Second, 2*time.Minute)
	s := startServer(t)
	l := &large{ends: map[string]int{}}
	kinds := [][]byte{manyRecords(), longMail()}
	over, stop := context.WithTimeout(context.Background(), lasting) // when they are made
	defer stop()
	var running sync.WaitGroup
	for n := range clients {
		running.Go(func() {
			for over.Err() == nil {
				l.send(fmt.Sprintf("127.5.0.%d", 1+n%4), s.addr, kinds[n%len(kinds)])
			}
		})
	}
	honest := &sender{from: "127.2.0.1", addr: s.addr, every: 500 * time.Millisecond}
	honest.run(over)
	running.Wait()
	for _, failure := range honest.failed {
		t.Error(failure)
	}
	text, p99 := honest.outcome()
	if half := quantile(honest.took, 0.5); half > largeWait || *deep && p99 > largeWait {
		t.Errorf("got median %s and p99 %s, want %s at most", half, p99, largeWait)
	}
	if l.ends["250 2.0.0"] < 2 {
		t.Errorf("the large ones: got %v, want some read to their end", l.ends)
	}
	figures := []string{
		fmt.Sprintf("%d sessions with large messages from 4 addresses, for %s", clients, lasting),
		"an honest sender of small ones, every 0.5 s: " + text,
		"how large ones were answered:",
	}
	for _, how := range slices.Sorted(maps.Keys(l.ends)) {
		figures = append(figures, fmt.Sprintf("  %s: %d", how, l.ends[how]))
	}
	record(t, "large", begun, figures)
}

// large is how large messages were answered.
type large struct {
	mu   sync.Mutex
	ends map[string]int
}

func (l *large) send(from, addr string, message []byte) {
	how := "turned away at the door"
	if s, err := open(from, addr); err == nil {
		how = "no answer"
		if reply, err := s.send(message); err == nil {
			how = code(reply)
		}
		s.quit()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends[how]++
}

// manyRecords is small, and a report of 60,000 records that breaks off: it is held.
func manyRecords() []byte {
	return mail("many-records", packed(bytes.TrimSuffix(report("many-records", "example.com", 60_000), []byte("</feedback>"))))
}

// longMail has 8 MB that are named as a report and are none: it is held, too.
func longMail() []byte {
	noise := make([]byte, 6<<20)
	rand.Read(noise)
	return mail("long", noise)
}

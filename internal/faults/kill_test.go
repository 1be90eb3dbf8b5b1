package faults

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// killsPerStore bounds the size of a store, since all of it is read after each kill.
const killsPerStore = 25

// TestKill kills the server under load at random moments. It shows that a report is
// whole and in the file before it is acknowledged; that it was synced, only a power
// cut can show.
func TestKill(t *testing.T) {
	together(t)
	begun := time.Now()
	kills := size(60, 1000)
	total, slowest, done, err := killCampaign(t, binary, kills)
	if err != nil {
		t.Error(err)
	}
	if least := size(1000, 300_000); total < least {
		t.Errorf("%d reports acknowledged, want at least %d", total, least)
	}
	record(t, "kill", begun,
		fmt.Sprintf("kill -9: %d of the server under load of 8 clients, at random moments", done),
		fmt.Sprintf("acknowledged: %d reports, each found once and with its content after each kill", total),
		fmt.Sprintf("slowest start after a kill: %s", slowest.Round(time.Millisecond)))
}

// killCampaign kills until something is lost.
func killCampaign(t *testing.T, program string, kills int) (acked int, slowest time.Duration, done int, err error) {
	random := rand.New(rand.NewPCG(1, uint64(kills)))
	for done < kills {
		s := newServer(t, program, filepath.Join(t.TempDir(), "data"))
		l := newLedger()
		for range min(killsPerStore, kills-done) {
			begun := time.Now()
			if err := s.start(); err != nil {
				return acked, slowest, done, err
			}
			slowest = max(slowest, time.Since(begun))
			clients := startLoad(s.addr, l, 8)
			enough := l.count() + size(10, 280+random.IntN(60))
			wait(func() bool { return l.count() >= enough })
			time.Sleep(time.Duration(random.IntN(250)) * time.Millisecond)
			s.end(syscall.SIGKILL)
			clients.stop()
			done++
			if _, err := verify(s.store(), l); err != nil {
				return acked + l.count(), slowest, done, fmt.Errorf("kill %d: %w", done, err)
			}
		}
		acked += l.count()
	}
	return acked, slowest, done, nil
}

// wait waits for something to come true, a minute at most.
func wait(reached func() bool) bool {
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(time.Millisecond) {
		if reached() {
			return true
		}
	}
	return false
}

package crowd

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// floodCampaign has one address hold as many connections as it gets of a thousand, and
// try again for the others, while another address sends.
func floodCampaign(t *testing.T) []string {
	connections, lasting := size(300, 1000), size(5*time.Second, 30*time.Second)
	s := startServer(t)
	over, stop := context.WithTimeout(context.Background(), lasting)
	defer stop()
	var flood sync.WaitGroup
	var opened, refused atomic.Int64
	for range connections {
		flood.Go(func() {
			for over.Err() == nil {
				opened.Add(1)
				if s.occupy(over) {
					refused.Add(1)
				}
				time.Sleep(time.Second)
			}
		})
	}
	honest := &sender{from: "127.2.0.1", addr: s.addr, every: 100 * time.Millisecond}
	honest.run(over)
	flood.Wait()
	for _, failure := range honest.failed {
		t.Error(failure)
	}
	if refused.Load() == 0 {
		t.Errorf("none of %d connections was refused: this was no flood", opened.Load())
	}
	text, p99 := honest.outcome()
	if *deep && p99 > floodP99 {
		t.Errorf("got p99 %s, want %s at most", p99, floodP99)
	}
	return []string{
		fmt.Sprintf("one address: %d connections at a time for %s, %d opened, %d of them refused", connections, lasting, opened.Load(), refused.Load()),
		"an honest sender from another address, every 0.1 s: " + text,
	}
}

// occupy holds a connection until ctx ends; true if it was refused.
func (s *server) occupy(ctx context.Context) bool {
	c, err := dial("127.3.0.1", s.addr)
	if err != nil {
		return false
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	words, _ := io.ReadAll(c)
	return strings.HasPrefix(string(words), "421 ")
}

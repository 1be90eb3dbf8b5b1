package intake

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"reportmx/smtpd"
)

// TestBuffersAreKeptApart: messages that come at once and one after another, in
// buffers that are used again, each reach the store whole and with their own facts.
func TestBuffersAreKeptApart(t *testing.T) {
	const sessions, each = 8, 20
	b := newBench(t, nil)
	var running sync.WaitGroup
	for s := range sessions {
		running.Go(func() {
			for n := range each {
				message := mailWith(document("example.com", fmt.Sprintf("report-%d-%d", s, n)), strings.Repeat("x", s*n*100), "<feedback>cut")
				b.Data(t.Context(), &smtpd.Envelope{ClientIP: netip.MustParseAddr("192.0.2.1"), RcptTo: []string{"dmarc@reports.example.net"}}, strings.NewReader(message))
			}
		})
	}
	running.Wait()
	if got := len(b.store.batches); got != sessions*each {
		t.Fatalf("stored: got %d messages, want %d", got, sessions*each)
	}
	for _, batch := range b.store.batches {
		id := batch.Reports[0].Aggregate.ReportID
		var s, n int
		if _, err := fmt.Sscanf(id, "report-%d-%d", &s, &n); err != nil {
			t.Fatalf("report id %q: %v", id, err)
		}
		want := mailWith(document("example.com", id), strings.Repeat("x", s*n*100), "<feedback>cut")
		if _, got, _ := strings.Cut(string(batch.Raw), "\r\nFrom:"); "From:"+got != want {
			t.Errorf("%s: got the message %.100q…, want %.100q…", id, got, want)
		}
		if batch.Held == nil || batch.Held.Size != int64(len(want)) {
			t.Errorf("%s: got held %+v, want %d bytes", id, batch.Held, len(want))
		}
	}
}

// TestBufferIsUsedAgain: a message that fits takes no buffer of its own, and one
// that does not fit leaves none of its size behind.
func TestBufferIsUsedAgain(t *testing.T) {
	budget := newBudget(2<<20, 1<<20)
	read := func(size int) []byte {
		s := budget.share()
		defer s.release()
		buf, err := readMessage(t.Context(), strings.NewReader(strings.Repeat("x", size)), 1<<20, s)
		if err != nil {
			t.Fatal(err)
		}
		return buf
	}
	small := read(100)
	if cap(small) != firstShare {
		t.Errorf("small: got a buffer of %d bytes, want %d", cap(small), firstShare)
	}
	recycle(read(firstShare + 1))
	for range 10 {
		again := read(10)
		if got := string(again[headroom:]); cap(again) != firstShare || got != strings.Repeat("x", 10) {
			t.Errorf("again: got %q in a buffer of %d bytes", got, cap(again))
		}
		recycle(again)
	}
}

func TestBelow(t *testing.T) {
	for _, size := range []int{0, 1, headroom - 1, headroom, headroom + 1, 3 * headroom} {
		line := strings.Repeat("r", size)
		buf := append(make([]byte, headroom), "the message"...)
		if got := string(below(line, buf)); got != line+"the message" {
			t.Errorf("line of %d bytes: got %q", size, got)
		}
		if got := string(buf[headroom:]); got != "the message" {
			t.Errorf("line of %d bytes: the message is now %q", size, got)
		}
	}
}

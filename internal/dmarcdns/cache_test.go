package dmarcdns

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestCacheTTL(t *testing.T) {
	tests := []struct {
		name   string
		answer Answer
		after  time.Duration
		want   bool
	}{
		{"positive within", Answer{Kind: Found, TTL: 300 * time.Second}, 299 * time.Second, true},
		{"positive past", Answer{Kind: Found, TTL: 300 * time.Second}, 300 * time.Second, false},
		{"positive clamped", Answer{Kind: Found, TTL: 24 * time.Hour}, time.Hour, false},
		{"no ttl", Answer{Kind: Found}, 0, false},
		{"negative within", Answer{Kind: NXDomain, TTL: 20 * time.Second}, 19 * time.Second, true},
		{"negative past", Answer{Kind: NoData, TTL: 20 * time.Second}, 20 * time.Second, false},
		{"negative clamped", Answer{Kind: NXDomain, TTL: time.Hour}, time.Minute, false},
		{"negative without soa", Answer{Kind: NXDomain}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCache(10, 1<<20)
			now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
			c.now = func() time.Time { return now }
			q := question{name: "example.com.", qtype: 16}
			c.put(q, tt.answer)
			now = now.Add(tt.after)
			if _, got := c.get(q); got != tt.want {
				t.Errorf("cached %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCacheBounds(t *testing.T) {
	name := func(i int) question { return question{name: fmt.Sprintf("%d.example.com.", i), qtype: 16} }
	answer := Answer{Kind: Found, TTL: time.Minute, TXT: []string{strings.Repeat("x", 1000)}}

	c := newCache(100, 1<<30)
	for i := range 1000 {
		c.put(name(i), answer)
		c.get(name(0)) // used all the time, so it stays
	}
	if len(c.entries) != 100 || c.order.Len() != 100 {
		t.Errorf("%d entries, %d in order, want 100", len(c.entries), c.order.Len())
	}
	if _, ok := c.get(name(0)); !ok {
		t.Error("the entry in use is gone")
	}
	if _, ok := c.get(name(1)); ok {
		t.Error("the oldest entry is still there")
	}

	c = newCache(1<<30, 64<<10)
	for i := range 1000 {
		c.put(name(i), answer)
		c.put(name(i), answer)
		if c.bytes > 64<<10 {
			t.Fatalf("%d octets, want at most 64 KiB", c.bytes)
		}
	}
	if n := len(c.entries); n < 40 || n > 64 {
		t.Errorf("%d entries of 1 KiB in 64 KiB", n)
	}
	c.put(name(0), Answer{Kind: Found, TTL: time.Minute, TXT: []string{strings.Repeat("x", 1<<20)}})
	if _, ok := c.get(name(0)); ok {
		t.Error("an answer larger than the cache was kept")
	}
}

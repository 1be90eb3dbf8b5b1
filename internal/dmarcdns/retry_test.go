package dmarcdns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// waking is a DNS that answers from some moment on, and notes when it was asked about
// the authorization of each target.
type waking struct {
	start time.Time
	from  map[string]time.Duration

	mu    sync.Mutex
	asked []string
}

func (w *waking) TXT(_ context.Context, name string) (Answer, error) {
	target, _, isGrant := strings.Cut(name, "._report._dmarc.")
	if !isGrant {
		return Answer{Kind: NXDomain}, nil
	}
	now := time.Since(w.start)
	w.mu.Lock()
	w.asked = append(w.asked, target+" "+now.String())
	w.mu.Unlock()
	if now < w.from[target] {
		return Answer{}, fmt.Errorf("%s: %w", name, ErrTemporary)
	}
	return Answer{Kind: Found, TXT: []string{"v=DMARC1;"}}, nil
}

// TestWatcherAsksAgain: what is unknown at the start is asked about again in minutes,
// less and less often, and what is known only with the next round.
func TestWatcherAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &waking{start: time.Now(), from: map[string]time.Duration{"late.example": 6 * time.Minute, "never.example": 24 * time.Hour}}
		w := &Watcher{
			Resolver: dns,
			Address:  URI{Local: "dmarc", Host: "reports.example.net"},
			Targets:  func() []string { return []string{"known.example", "late.example", "never.example"} },
			Every:    time.Hour,
			Log:      slog.New(slog.DiscardHandler),
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour+30*time.Second)
		defer cancel()
		w.Run(ctx)
		slices.Sort(dns.asked)
		got := strings.Join(slices.Compact(dns.asked), "\n") // overrides ask once more at the same time
		want := "known.example 0s\nknown.example 1h0m0s\n" +
			"late.example 0s\nlate.example 1h0m0s\nlate.example 1m0s\nlate.example 3m0s\nlate.example 7m0s\n" +
			"never.example 0s\nnever.example 15m0s\nnever.example 1h0m0s\nnever.example 1m0s\nnever.example 31m0s\nnever.example 3m0s\nnever.example 7m0s"
		if got != want {
			t.Errorf("asked at\n%s\nwant\n%s", got, want)
		}
	})
}

func TestQuoteEndsAtAWord(t *testing.T) {
	words := strings.Repeat("word ", 40)
	tests := map[string]struct{ text, want string }{
		"short":       {`a "b"`, `"a \"b\""`},
		"words":       {words, fmt.Sprintf("%q…", strings.TrimSpace(words[:120]))},
		"a word ends": {strings.Repeat("x", 115) + " word more", fmt.Sprintf("%q…", strings.Repeat("x", 115)+" word")},
		"one word":    {strings.Repeat("x", 200), fmt.Sprintf("%q…", strings.Repeat("x", 120))},
		"characters":  {"x" + strings.Repeat("ü", 100), fmt.Sprintf("%q…", "x"+strings.Repeat("ü", 59))},
	}
	if got, want := said(errors.Join(ErrTemporary, context.DeadlineExceeded)), `"no answer from the DNS; context deadline exceeded"`; got != want {
		t.Errorf("two errors: got %s, want %s", got, want)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := quote(test.text); got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
}

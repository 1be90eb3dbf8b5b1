package dmarcdns

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Watcher asks at start and on a schedule whether reports about each target may be
// sent here, and remembers the answers. Each change is logged once: a record of
// ours that is missing keeps every conforming reporting organization silent, and
// nobody would hear it otherwise.
type Watcher struct {
	Resolver TXTResolver
	Address  URI             // ours for aggregate reports
	Targets  func() []string // asked in each round, so that a reload takes effect
	Every    time.Duration
	Log      *slog.Logger

	mu    sync.Mutex
	state map[string]State
}

// State is what is known of one target.
type State struct {
	Target        string
	PolicyDomain  string        // where its policy was found; the target itself without one
	Authorization Authorization // by tree walk (RFC 9990)
	ByList        Authorization // by public suffix list (RFC 7489)
	Record        string        // name of the authorization record
	CheckedAt     time.Time     // UTC
}

const (
	watchAtOnce = 8                // targets that are asked about at the same time
	watchBudget = 15 * time.Second // for all questions about one target
	firstRetry  = time.Minute      // until what is unknown is asked about again; then twice as long each time
)

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	tick := time.NewTicker(w.Every)
	defer tick.Stop()
	for ctx.Err() == nil {
		w.round(ctx)
		w.retry(ctx, tick.C)
	}
}

// retry asks again about what is unknown, until the next round is due: a server that
// starts before its network would know nothing for an hour otherwise.
func (w *Watcher) retry(ctx context.Context, due <-chan time.Time) {
	for wait := firstRetry; ; wait *= 2 {
		var again <-chan time.Time // never, when all is known
		if len(w.unknown()) > 0 {
			again = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-due:
			return
		case <-again:
			w.askAll(ctx, w.unknown())
		}
	}
}

// unknown are the targets about which nothing is known.
func (w *Watcher) unknown() []string {
	targets := w.Targets()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(targets), func(target string) bool {
		s, asked := w.state[target]
		return asked && s.Authorization != Unknown
	})
}

// States gives what is known, by target in order; a target that was not asked
// about yet is missing.
func (w *Watcher) States() []State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.SortedFunc(maps.Values(w.state), func(a, b State) int { return strings.Compare(a.Target, b.Target) })
}

// round asks about every target once and forgets those that are none any more.
func (w *Watcher) round(ctx context.Context) {
	targets := w.Targets()
	w.askAll(ctx, targets)
	current := make(map[string]bool, len(targets))
	for _, target := range targets {
		current[target] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.state, func(target string, _ State) bool { return !current[target] })
}

func (w *Watcher) askAll(ctx context.Context, targets []string) {
	slots := make(chan struct{}, watchAtOnce)
	var asking sync.WaitGroup
	for _, target := range targets {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			if s, ok := w.ask(ctx, target); ok {
				w.learn(s)
			}
		})
	}
	asking.Wait()
}

// ask is not ok when the server stops meanwhile: what it found then means nothing.
func (w *Watcher) ask(ctx context.Context, target string) (State, bool) {
	ctx, cancel := context.WithTimeout(ctx, watchBudget)
	defer cancel()
	s := State{Target: target, PolicyDomain: target}
	if found, err := Discover(ctx, w.Resolver, target); err == nil && found.PolicyDomain != "" {
		s.PolicyDomain = found.PolicyDomain
	}
	d := Authorize(ctx, w.Resolver, TagAggregate, s.PolicyDomain, w.Address)
	s.Authorization, s.ByList, s.Record = d.Walk, d.List, d.Name
	s.CheckedAt = time.Now().UTC()
	return s, context.Cause(ctx) != context.Canceled
}

// learn keeps a state and logs what has changed. A temporary failure is no change:
// it replaces nothing that is known, only that nothing is known.
func (w *Watcher) learn(s State) {
	w.mu.Lock()
	before, known := w.state[s.Target]
	if known && s.Authorization == Unknown {
		s = before // with its time and names: they belong to that answer
	}
	if w.state == nil {
		w.state = make(map[string]State)
	}
	w.state[s.Target] = s
	w.mu.Unlock()
	if known && before.Authorization == s.Authorization {
		return
	}
	level := slog.LevelWarn
	if s.Authorization.Permits() {
		level = slog.LevelInfo
		if !known {
			level = slog.LevelDebug
		}
	}
	w.Log.Log(context.Background(), level, "external authorization", "target", s.Target, "policy_domain", s.PolicyDomain,
		"authorization", s.Authorization, "before", before.Authorization, "record", s.Record)
}

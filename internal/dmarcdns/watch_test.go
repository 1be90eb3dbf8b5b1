package dmarcdns

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reportmx/internal/dmarcdns/dnstest"
)

const watchZone = `
_dmarc.example.com TXT "v=DMARC1; p=none"
example.com._report._dmarc.reports.example.net TXT "v=DMARC1;"
broken.example._report._dmarc.reports.example.net SERVFAIL
`

// Three targets, and what is known and said of them as the zone changes.
func TestWatcher(t *testing.T) {
	srv := dnstest.Start(t, watchZone)
	var log bytes.Buffer
	targets := []string{"news.example.com", "missing.example", "broken.example"}
	w := &Watcher{
		Resolver: newClient(t, srv).Fresh(),
		Address:  URI{Local: "dmarc", Host: "reports.example.net"},
		Targets:  func() []string { return targets },
		Log:      slog.New(slog.NewTextHandler(&log, nil)),
	}
	const granted = "missing.example._report._dmarc.reports.example.net TXT \"v=DMARC1;\"\n"
	steps := []struct {
		name, zone string
		want       []string // states
		logged     []string // targets with a line, in order
	}{
		{"start", watchZone, []string{
			"broken.example broken.example unknown", "missing.example missing.example missing", "news.example.com example.com authorized",
		}, []string{"broken.example", "missing.example"}},
		{"nothing changes", watchZone, []string{
			"broken.example broken.example unknown", "missing.example missing.example missing", "news.example.com example.com authorized",
		}, nil},
		{"published", watchZone + granted, []string{
			"broken.example broken.example unknown", "missing.example missing.example authorized", "news.example.com example.com authorized",
		}, []string{"missing.example"}},
		{"a failure replaces nothing", "example.com._report._dmarc.reports.example.net SERVFAIL\n_dmarc.example.com SERVFAIL\n" + granted, []string{
			"broken.example broken.example missing", "missing.example missing.example authorized", "news.example.com example.com authorized",
		}, []string{"broken.example"}},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			srv.Set(t, step.zone)
			log.Reset()
			w.round(t.Context())
			var got []string
			for _, s := range w.States() {
				got = append(got, s.Target+" "+s.PolicyDomain+" "+string(s.Authorization))
			}
			if d := cmp.Diff(got, step.want); d != "" {
				t.Errorf("states differ (-got +want):\n%s", d)
			}
			if d := cmp.Diff(loggedTargets(log.String()), step.logged); d != "" {
				t.Errorf("log differs (-got +want):\n%s\n%s", d, log.String())
			}
		})
	}

	targets = targets[:1]
	w.round(t.Context())
	if n := len(w.States()); n != 1 {
		t.Errorf("%d states after two targets went, want 1", n)
	}
}

func loggedTargets(log string) []string {
	var targets []string
	for line := range strings.Lines(log) {
		for field := range strings.FieldsSeq(line) {
			if target, ok := strings.CutPrefix(field, "target="); ok {
				targets = append(targets, target)
			}
		}
	}
	slices.Sort(targets)
	return targets
}

// A server that stops in the middle of a round learns nothing from it.
func TestWatcherStops(t *testing.T) {
	srv := dnstest.Start(t, "example.com STALL\n_dmarc.example.com STALL")
	w := &Watcher{
		Resolver: newClient(t, srv),
		Address:  URI{Local: "dmarc", Host: "reports.example.net"},
		Targets:  func() []string { return []string{"example.com"} },
		Every:    time.Hour,
		Log:      slog.New(slog.DiscardHandler),
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	cancel()
	<-done
	if states := w.States(); len(states) != 0 {
		t.Errorf("learned %v", states)
	}
}

package command

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"reportmx/internal/config"
	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/bolt"
)

func TestKnownHost(t *testing.T) {
	tests := map[string]int{
		"192.0.2.7:9225":      http.StatusOK,
		"192.0.2.7":           http.StatusOK,
		"[2001:db8::7]:9225":  http.StatusOK,
		"[2001:db8::7]":       http.StatusOK,
		"localhost:9225":      http.StatusOK,
		"MX.example.net:9225": http.StatusOK,
		"mx.example.net.":     http.StatusOK,
		"metrics.example":     http.StatusOK,
		"evil.example":        http.StatusMisdirectedRequest,
		"evil.example:9225":   http.StatusMisdirectedRequest,
		"":                    http.StatusMisdirectedRequest,
		":9225":               http.StatusMisdirectedRequest,
	}
	cfg := &config.Config{SMTP: config.SMTP{Hostname: "mx.example.net"}, Metrics: config.Metrics{Listen: "metrics.example:9225"}}
	refused := prometheus.NewCounter(prometheus.CounterOpts{Name: "refused"})
	h := knownHost(cfg, refused, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, want := range tests {
		t.Run(host, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			r.Host = host
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("got %d, want %d", w.Code, want)
			}
		})
	}
	if got := testutil.ToFloat64(refused); got != 4 {
		t.Errorf("got %v refusals counted, want 4", got)
	}
}

// TestLastArrival: an alert must not start from nothing with the server.
func TestLastArrival(t *testing.T) {
	store, err := bolt.Open(filepath.Join(t.TempDir(), storeFile), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	now := time.Now().UTC().Truncate(time.Second)
	for i, days := range []int{2, 1, 30} {
		r := storage.Report{Report: reports.Report{Kind: reports.KindAggregate, ContentHash: [32]byte{byte(i)}, Aggregate: &reports.Aggregate{
			ReportID: strconv.Itoa(i), Begin: now.AddDate(0, 0, -days), PolicyPublished: reports.PolicyPublished{Domain: "mail.example.com"},
		}}}
		r.Message.ReceivedAt = now.AddDate(0, 0, 1-days)
		if _, err := store.Commit(t.Context(), storage.Batch{Reports: []storage.Report{r}}); err != nil {
			t.Fatal(err)
		}
	}
	a := &app{store: store}
	for domain, want := range map[string]time.Time{"example.com": now, "example.net": {}} {
		got, err := a.lastArrival(t.Context(), domain, reports.KindAggregate)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: got %s (%v), want %s", domain, got, err, want)
		}
	}
}

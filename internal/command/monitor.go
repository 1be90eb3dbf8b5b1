package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"reportmx/internal/config"
	"reportmx/internal/control"
	"reportmx/reports"
)

// readyTimeout bounds how long the store may take to answer /readyz.
const readyTimeout = 3 * time.Second

// monitoring answers /metrics, /healthz (the process lives) and /readyz (mail is
// taken and the store answers).
func (a *app) monitoring() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := a.ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}

func (a *app) ready(ctx context.Context) error {
	if !a.serving.Load() {
		return errors.New("no mail is taken")
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return a.store.Alive(ctx)
}

// api is what answers beside SMTP: the control socket and the address of [metrics].
type api struct{ control, monitor *http.Server }

func (a *app) openAPI() (*api, error) {
	l, err := control.Listen(a.cfg.Control.Socket)
	if err != nil {
		return nil, err
	}
	s := &api{control: control.Serve(l, a.handler(), a.log)}
	if s.monitor, err = a.listenMonitoring(); err != nil {
		return nil, errors.Join(err, s.control.Close())
	}
	return s, nil
}

// Close ends all requests at once.
func (s *api) Close() error { return errors.Join(s.control.Close(), s.monitor.Close()) }

// Shutdown waits for requests under way.
func (s *api) Shutdown(ctx context.Context) error {
	return errors.Join(s.control.Shutdown(ctx), s.monitor.Shutdown(ctx))
}

// listenMonitoring opens the address of [metrics] and answers there. Without one it
// gives a server that does nothing.
func (a *app) listenMonitoring() (*http.Server, error) {
	addr := a.cfg.Metrics.Listen
	if addr == "" {
		return &http.Server{}, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w", err)
	}
	s := &http.Server{
		Handler:           knownHost(a.cfg, a.badHost, a.monitoring()),
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	a.monitor = l.Addr().String()
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("metrics", "error", err)
		}
	}()
	return s, nil
}

// knownHost lets requests pass that name us: by address, or by a name of ours. A
// web page that has its own name point here (DNS rebinding) does not.
func knownHost(cfg *config.Config, refused prometheus.Counter, next http.Handler) http.Handler {
	names := []string{"localhost", cfg.SMTP.Hostname}
	if host, _, err := net.SplitHostPort(cfg.Metrics.Listen); err == nil {
		names = append(names, strings.ToLower(host))
	}
	if name, err := os.Hostname(); err == nil {
		names = append(names, strings.ToLower(name))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		_, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil && (host == "" || !slices.Contains(names, host)) {
			refused.Inc()
			http.Error(w, "this server has another name", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// recent is how far back the last report of each target is looked for at the start.
const recent = 7 * 24 * time.Hour

// recallArrivals tells the metrics when the last report about each target arrived,
// so that an alert does not start from nothing with the server.
func (a *app) recallArrivals(ctx context.Context) {
	for _, domain := range a.targetDomains() {
		var last time.Time
		for _, kind := range []reports.Kind{reports.KindAggregate, reports.KindFailure, reports.KindTLS} {
			at, err := a.lastArrival(ctx, domain, kind)
			if err != nil {
				if ctx.Err() == nil {
					a.log.Warn("time of the last report is not known", "target", domain, "error", err)
				}
				return
			}
			if at.After(last) {
				last = at
			}
		}
		a.counts.Recall(domain, last)
	}
}

package command

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sys/unix"

	"reportmx/internal/config"
	"reportmx/internal/control"
	"reportmx/internal/dmarcdns"
	"reportmx/internal/intake"
	"reportmx/internal/mailauth"
	"reportmx/reports"
	"reportmx/smtpd"
	"reportmx/storage/bolt"
)

// app is everything between the configuration and a running intake; serve runs it
// behind SMTP, import without.
type app struct {
	cfg      *config.Config
	log      *slog.Logger
	store    *bolt.Store
	dns      *dmarcdns.Client
	intake   *intake.Intake
	watcher  *dmarcdns.Watcher
	aging    *retention
	sources  func() (control.Enrichment, error)
	targets  atomic.Pointer[config.Targets]
	registry *prometheus.Registry
	sessions *sessionMetrics
	counts   *intake.Metrics
	commits  *measuredStore
	badHost  prometheus.Counter // requests for the metrics that named another host
	serving  atomic.Bool        // mail is taken
	fatal    chan error         // what the process cannot go on after
	started  time.Time

	listen      []string           // where mail is taken, when serving
	monitor     string             // where the metrics are, "" for the control socket only
	certificate *smtpd.Certificate // nil without STARTTLS
}

func newApp(cfg *config.Config, store *bolt.Store, log *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, log: log, store: store, registry: prometheus.NewRegistry(), fatal: make(chan error, 1), started: time.Now().UTC()}
	a.targets.Store(cfg.Targets)
	a.sessions = newSessionMetrics(a.registry)
	a.counts = intake.NewMetrics(a.registry)
	a.commits = newMeasuredStore(store, a.registry)
	a.badHost = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "reportmx_command_bad_host_total", Help: "Requests for the metrics that named another host."})
	a.registry.MustRegister(a.badHost, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var err error
	if a.dns, err = dmarcdns.New(dmarcdns.Config{Servers: cfg.DNS.Servers}); err != nil {
		return nil, err
	}
	if a.intake, err = a.newIntake(); err != nil {
		return nil, err
	}
	a.watcher = &dmarcdns.Watcher{
		Resolver: a.dns,
		Address:  dmarcdns.URI{Local: cfg.Report.Aggregate[0], Host: cfg.Report.Domain},
		Targets:  a.targetDomains,
		Every:    time.Duration(cfg.Authorization.Recheck),
		Log:      log,
	}
	if a.sources, err = enrichment(cfg); err != nil {
		return nil, err
	}
	a.aging = newRetention(store, cfg.Retention, log, a.registry)
	a.registry.MustRegister(newStateMetrics(a))
	return a, nil
}

// newIntake makes the intake of a.
func (a *app) newIntake() (*intake.Intake, error) {
	cfg := a.cfg
	// Strangers choose the names that this one asks for: it must not fill the
	// cache, or take the slots, of the first.
	senderDNS, err := dmarcdns.New(dmarcdns.Config{Servers: cfg.DNS.Servers})
	if err != nil {
		return nil, err
	}
	postmaster, err := intake.OpenMaildir(filepath.Join(cfg.Storage.Dir, "postmaster"), int64(cfg.Postmaster.Size))
	if err != nil {
		return nil, err
	}
	return intake.New(intake.Config{
		Hostname:   cfg.SMTP.Hostname,
		Domain:     cfg.Report.Domain,
		Addresses:  addressesOf(cfg),
		Targets:    func() intake.Targets { return a.targets.Load() },
		Policy:     intake.Policy{Authorization: intake.AuthorizationMode(cfg.Authorization.Mode), OnFail: intake.OnFail(cfg.Sender.OnFail)},
		Keep:       intake.Keep(cfg.Failure.Keep),
		NoRaw:      cfg.Retention.Raw == 0,
		Redact:     redaction(cfg),
		Quota:      intake.Quota{Domain: cfg.Limits.WildcardDomain, Total: cfg.Limits.WildcardTotal},
		DNSBudget:  time.Duration(cfg.DNS.Budget),
		MaxMessage: int64(cfg.Limits.Message),
		InFlight:   int64(cfg.Limits.InFlight),
		HoldQuota:  int64(cfg.Hold.Size),
		Limits:     reports.Limits{Unpacked: int64(cfg.Limits.Unpacked)},
		Store:      a.commits,
		DNS:        a.dns,
		FreshDNS:   a.dns.Fresh(),
		Held:       a.store,
		Verifier:   mailauth.New(senderDNS),
		Postmaster: postmaster,
		FreeSpace:  func() (int64, error) { return freeSpace(cfg.Storage.Dir) },
		Metrics:    a.counts,
		Log:        a.log,
		Fatal:      a.fail,
	}), nil
}

// fail remembers the first thing that the process cannot go on after.
func (a *app) fail(err error) {
	select {
	case a.fatal <- err:
	default:
	}
}

func addressesOf(cfg *config.Config) intake.Addresses {
	return intake.NewAddresses(cfg.Report.Domain, cfg.SMTP.Hostname, map[reports.Kind][]string{
		reports.KindAggregate: cfg.Report.Aggregate,
		reports.KindFailure:   cfg.Report.Failure,
		reports.KindTLS:       cfg.Report.TLS,
	})
}

// freeSpace is what the file system would let us write, in bytes.
func freeSpace(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// background starts what runs beside the sessions until ctx ends.
func (a *app) background(ctx context.Context) *sync.WaitGroup {
	var wg sync.WaitGroup
	wg.Go(func() { a.recallArrivals(ctx) })
	wg.Go(func() { a.aging.run(ctx) })
	if a.cfg.Authorization.Mode != string(intake.Off) {
		wg.Go(func() { a.watcher.Run(ctx) })
	}
	return &wg
}

// targetDomains are the targets that can be asked about: all but "*".
func (a *app) targetDomains() []string {
	var domains []string
	for _, target := range a.targets.Load().List() {
		domains = append(domains, target.Domain)
	}
	return domains
}

// importer lets the control socket import without knowing the intake.
type importer struct{ *intake.Intake }

func (i importer) Import(ctx context.Context, name string, r io.Reader) (control.Imported, error) {
	res, err := i.Intake.Import(ctx, name, r)
	return imported(res), err
}

// Retry implements control.Retrier.
func (i importer) Retry(ctx context.Context, seq uint64, acceptedBy string) (control.Imported, error) {
	res, err := i.Intake.Retry(ctx, seq, acceptedBy)
	return imported(res), err
}

func imported(res intake.Result) control.Imported {
	out := control.Imported{Refused: res.Refused(), Failed: res.Deferred(), Reason: res.Reason}
	if res.Held {
		out.Held = 1
	}
	for _, k := range res.Kept {
		if k.Outcome == "known" {
			out.Known++
		} else {
			out.Stored++
		}
	}
	return out
}

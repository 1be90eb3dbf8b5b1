package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"reportmx/internal/config"
	"reportmx/internal/dmarcdns"
	"reportmx/internal/intake"
	"reportmx/internal/mailauth"
	"reportmx/reports"
	"reportmx/smtpd"
	"reportmx/storage/bolt"
)

// profileVariable, set to a configuration file, makes this program a server that
// writes its profiles beside that file when it ends. It is put together as the
// server of internal/command, which has no way to be profiled on purpose, and its
// garbage collector is set like there.
const profileVariable = "REPORTMX_BENCH_PROFILE"

// profile loads such servers and leaves their profiles below dir.
func (b *bench) profile(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for _, s := range []shape{{sessions: 1, per: many}, {sessions: 50, per: many}, {sessions: 50, per: one}} {
		if err := b.profileOnce(filepath.Join(dir, fmt.Sprintf("%d-%s", s.sessions, s.per)), s); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) profileOnce(dir string, s shape) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, fmt.Appendf(nil, setting, addr, refusing, b.folder()), 0o600); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c, err := startChild(addr, filepath.Join(dir, "log"), []string{profileVariable + "=" + file, "GOGC=400"}, self)
	if err != nil {
		return err
	}
	mails := b.mails
	if s.sessions == 1 {
		mails = mails[:len(mails)/4]
	}
	r, err := measure(c, mails, s)
	if err != nil {
		c.kill()
		return err
	}
	b.printf("%d sessions, %s: %.0f messages/s, %.1f µs each, %.1f MiB\n", s.sessions, s.per, r.perSecond, micros(r.cpu), mib(r.peak))
	b.printf("go tool pprof -top %s\ngo tool pprof -top -sample_index=alloc_space %s\n", filepath.Join(dir, "cpu"), filepath.Join(dir, "allocs"))
	return c.end()
}

// serveProfiled serves until SIGTERM.
func serveProfiled(file string) (err error) {
	runtime.MemProfileRate = 64 << 10
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	store, err := bolt.Open(filepath.Join(cfg.Storage.Dir, "reports.db"), bolt.Options{Logger: log})
	if err != nil {
		return err
	}
	server, err := newProfiled(cfg, store, log)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", cfg.SMTP.Listen[0])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cpu, err := os.Create(filepath.Join(filepath.Dir(file), "cpu"))
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	go server.Serve(l)
	<-ctx.Done()
	pprof.StopCPUProfile()
	stopping, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(cpu.Close(), writeAllocs(filepath.Dir(file)), server.Shutdown(stopping), store.Close())
}

func newProfiled(cfg *config.Config, store *bolt.Store, log *slog.Logger) (*smtpd.Server, error) {
	client, err := dmarcdns.New(dmarcdns.Config{Servers: cfg.DNS.Servers})
	if err != nil {
		return nil, err
	}
	postmaster, err := intake.OpenMaildir(filepath.Join(cfg.Storage.Dir, "postmaster"), int64(cfg.Postmaster.Size))
	if err != nil {
		return nil, err
	}
	handler := intake.New(intake.Config{
		Hostname: cfg.SMTP.Hostname,
		Domain:   cfg.Report.Domain,
		Addresses: intake.NewAddresses(cfg.Report.Domain, cfg.SMTP.Hostname, map[reports.Kind][]string{
			reports.KindAggregate: cfg.Report.Aggregate,
		}),
		Targets:    func() intake.Targets { return cfg.Targets },
		Policy:     intake.Policy{Authorization: intake.Off, OnFail: intake.OnFail(cfg.Sender.OnFail)},
		Keep:       intake.Keep(cfg.Failure.Keep),
		NoRaw:      cfg.Retention.Raw == 0,
		DNSBudget:  time.Duration(cfg.DNS.Budget),
		MaxMessage: int64(cfg.Limits.Message),
		InFlight:   int64(cfg.Limits.InFlight),
		Quota:      intake.Quota{Domain: cfg.Limits.WildcardDomain, Total: cfg.Limits.WildcardTotal},
		Store:      store,
		DNS:        client,
		FreshDNS:   client.Fresh(),
		Verifier:   mailauth.New(client),
		Postmaster: postmaster,
		FreeSpace:  func() (int64, error) { return 1 << 40, nil },
		Metrics:    intake.NewMetrics(prometheus.NewRegistry()),
		Log:        log,
		Fatal:      func(err error) { log.Error("store", "error", err) },
	})
	return smtpd.New(smtpd.Config{
		Hostname: cfg.SMTP.Hostname, PostmasterDomain: cfg.Report.Domain,
		MaxMessageBytes: int64(cfg.Limits.Message), MaxRecipients: cfg.Limits.Recipients, MaxConnections: cfg.Limits.Connections,
		MaxPerAddress: cfg.Limits.PerAddress, ConnectionsPerMinute: cfg.Limits.PerMinute,
		IdleTimeout: time.Duration(cfg.Limits.Idle), DataTimeout: time.Duration(cfg.Limits.Idle), SessionTimeout: time.Duration(cfg.Limits.Session),
		Logger: log,
	}, handler)
}

func writeAllocs(dir string) error {
	f, err := os.Create(filepath.Join(dir, "allocs"))
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}

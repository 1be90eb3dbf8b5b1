package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"reportmx/internal/config"
	"reportmx/internal/control"
	"reportmx/smtpd"
	"reportmx/storage/bolt"
)

// stopTimeout bounds a graceful stop; systemd kills after 90 s.
const stopTimeout = 30 * time.Second

func (e *env) serve() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "run the server",
		Long: `serve receives reports until SIGTERM or SIGINT, then lets messages under way
finish. SIGHUP reads the targets again; a wrong configuration changes nothing.`,
		Args: wrongUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := e.load()
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
			defer stop()
			return e.runServer(ctx, cfg)
		},
	}
}

// runServer is the life of the server from configuration to the last reply: here what
// it is made of, and in live what it does then. Stopping is the same backwards.
func (e *env) runServer(ctx context.Context, cfg *config.Config) (err error) {
	log := newLogger(e.stderr, cfg.Log)
	tuneMemory()

	if err := examineFirst(ctx, cfg, log); err != nil {
		return err
	}
	store, err := openStore(cfg, bolt.Options{Logger: log, Progress: migrating(ctx, log)})
	if err != nil {
		return unusable(err)
	}
	defer func() { leave(log, cfg, store, err) }()

	app, err := newApp(cfg, store, log)
	if err != nil {
		return err
	}
	if err := app.makeRedactionKey(); err != nil {
		return err
	}
	if err := store.SetSchedules(ctx, plansOf(cfg)); err != nil {
		return err
	}
	smtp, err := newSMTP(cfg, app, log)
	if err != nil {
		return err
	}
	listeners, err := listen(cfg)
	if err != nil {
		return err
	}
	app.listen = addresses(listeners)
	api, err := app.openAPI()
	if err != nil {
		return err
	}
	defer api.Close()
	return e.live(ctx, app, smtp, api, listeners)
}

// live takes mail until the server is asked to stop, or cannot go on.
func (e *env) live(ctx context.Context, app *app, smtp *smtpd.Server, api *api, listeners []net.Listener) error {
	log, cfg := app.log, app.cfg
	failed := make(chan error, 1)
	go func() { failed <- smtp.Serve(listeners...) }()
	running, end := context.WithCancel(ctx)
	background := app.background(running)
	defer background.Wait()
	defer end()
	if w := newWatchdog(app, listeners); w != nil {
		background.Go(func() { w.run(running) })
	}

	log.Info("serving", "version", buildVersion(), "listen", app.listen, "store", cfg.Storage.Dir, "control", cfg.Control.Socket, "targets", app.targets.Load().Len())
	app.serving.Store(true)
	notify(log, daemon.SdNotifyReady)
	err := e.wait(ctx, app, failed)
	app.serving.Store(false)
	notify(log, daemon.SdNotifyStopping)
	if err != nil {
		log.Error("cannot go on", "error", err)
	}
	log.Info("stopping")

	stopping, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return errors.Join(err, smtp.Shutdown(stopping), api.Shutdown(stopping))
}

// wait returns nil when the server is asked to stop, and the error when it cannot
// go on.
func (e *env) wait(ctx context.Context, a *app, failed <-chan error) error {
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-a.fatal:
			return err
		case err := <-failed:
			return fmt.Errorf("receive mail: %w", err)
		case <-reload:
			notify(a.log, daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec())
			e.reload(a)
			notify(a.log, daemon.SdNotifyReady)
		}
	}
}

// reload takes the targets from the configuration as it is now. Deliberately
// nothing else: what listens, stores or limits is set for the life of the process.
// The authorization is as well, and its default comes from the targets: "*" without
// it would open the server to everybody.
func (e *env) reload(a *app) {
	cfg, err := e.load()
	if err != nil {
		a.log.Error("reload: nothing was changed", "error", err)
		return
	}
	if now, then := a.cfg.Authorization.Mode, cfg.Authorization.Mode; now != then {
		a.log.Error("reload: nothing was changed", "error", fmt.Sprintf("authorization.mode is %q and would be %q, which needs a restart", now, then))
		return
	}
	a.targets.Store(cfg.Targets)
	a.log.Info("reloaded targets", "targets", cfg.Targets.Len())
}

// listen takes the sockets that systemd passes, else opens those of the
// configuration.
func listen(cfg *config.Config) ([]net.Listener, error) {
	passed, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("take sockets from systemd: %w", err)
	}
	if slices.Contains(passed, nil) {
		return nil, errors.New("take sockets from systemd: one of them does not listen")
	}
	if len(passed) > 0 {
		return passed, nil
	}
	var listeners []net.Listener
	for _, addr := range cfg.SMTP.Listen {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			for _, open := range listeners {
				open.Close()
			}
			return nil, fmt.Errorf("listen for mail: %w", err)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func addresses(listeners []net.Listener) []string {
	var list []string
	for _, l := range listeners {
		list = append(list, l.Addr().String())
	}
	return list
}

// notify tells systemd, if it started us.
func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("notify systemd", "error", err)
	}
}

// handler is what the control socket serves.
func (a *app) handler() http.Handler {
	server := &control.Server{
		Store:    a.store,
		Importer: importer{a.intake},
		Retrier:  importer{a.intake},
		Reparser: a,
		Pruner:   a.aging,
		Copier:   a,
		Enrich:   a.sources,
		Status:   func() any { return a.status() },
		Metrics:  a.monitoring(),

		Schedules: a.store,
	}
	return server.Handler()
}

package command

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// greetTimeout bounds the wait for our own greeting; a healthy server needs 1 ms.
const greetTimeout = 5 * time.Second

// watchdog tells systemd that the server lives, for as long as it does
// (WatchdogSec in the unit). A check that fails or hangs says nothing, and after
// three in a row systemd starts the server anew.
type watchdog struct {
	every  time.Duration // until systemd has had enough
	check  func(context.Context) error
	notify func(state string)
	log    *slog.Logger
}

// newWatchdog is nil when nobody watches.
func newWatchdog(a *app, listeners []net.Listener) *watchdog {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		a.log.Warn("no watchdog", "error", err)
	}
	if every == 0 {
		return nil
	}
	own := &ownPorts{log: a.log}
	for _, l := range listeners {
		own.ports = append(own.ports, &ownPort{addr: reachable(l.Addr())})
	}
	check := func(ctx context.Context) error {
		if err := a.store.Alive(ctx); err != nil {
			return err
		}
		return own.check(ctx)
	}
	return &watchdog{every: every, check: check, notify: func(state string) { notify(a.log, state) }, log: a.log}
}

// run checks until ctx ends.
func (w *watchdog) run(ctx context.Context) {
	tick := time.NewTicker(w.every / 3)
	defer tick.Stop()
	for {
		err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			w.log.Error("no sign of life to systemd", "error", err)
		default:
			w.notify(daemon.SdNotifyWatchdog)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (w *watchdog) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.every/3)
	defer cancel()
	return w.check(ctx)
}

// ownPorts are the addresses where we take mail. Whether they can be reached from
// here is not sure: a firewall, or a proxy whose header is awaited, may be in the
// way. So silence counts only where there was an answer before.
type ownPorts struct {
	ports []*ownPort
	log   *slog.Logger
}

type ownPort struct {
	addr     net.Addr
	answered bool
	told     bool // that it never answered
}

func (o *ownPorts) check(ctx context.Context) error {
	for _, p := range o.ports {
		err := greeted(ctx, p.addr)
		switch {
		case err == nil:
			p.answered = true
		case p.answered:
			return err
		case ctx.Err() == nil && !p.told:
			p.told = true
			o.log.Warn("the watchdog cannot see whether this port answers", "listen", p.addr.String(), "error", err)
		}
	}
	return nil
}

// greeted connects as a client and waits for the greeting; being turned away is an
// answer, too. smtpd counts such a session and keeps it out of the log.
func greeted(ctx context.Context, addr net.Addr) error {
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, addr.Network(), addr.String())
	if err != nil {
		return fmt.Errorf("connect to own port: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	line, err := bufio.NewReaderSize(conn, 512).ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("await greeting at own port %s: %w", addr, err)
	}
	if code := string(line[:min(3, len(line))]); code != "220" && code != "421" {
		return fmt.Errorf("own port %s greets with %q", addr, strings.TrimSpace(string(line)))
	}
	return nil
}

// reachable is where a listener can be connected to: on loopback, if it listens
// everywhere.
func reachable(a net.Addr) net.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a
	}
	loopback := net.IPv4(127, 0, 0, 1)
	if tcp.IP.To4() == nil {
		loopback = net.IPv6loopback
	}
	return &net.TCPAddr{IP: loopback, Port: tcp.Port}
}

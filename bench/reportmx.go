package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// setting is the configuration that the measured server runs with: everybody is a
// target, no external authorization, and no bound that a benchmark would meet.
const setting = `[smtp]
hostname = "mx.reports.example.net"
listen = [%q]
[report]
domain = "reports.example.net"
[[target]]
domain = "*"
[authorization]
mode = "off"
[dns]
servers = [%q]
[limits]
connections = 5000
per_address = 5000
per_minute = 100000000
wildcard_domain = 100000000
wildcard_total = 100000000
[storage]
dir = %q
`

// refusing is a name server that refuses at once: nobody listens there.
const refusing = "127.0.0.1:9"

// server is a running reportmx with its own folder.
type server struct {
	*child
	binary, config, dir string
}

// build builds reportmx from the module around this folder.
func build(dir string) (string, error) {
	binary := filepath.Join(dir, "reportmx")
	_, err := run("go", "build", "-trimpath", "-o", binary, "reportmx")
	return binary, err
}

// startReportmx runs reportmx with the store in dir, which is made where it is
// missing, and with more settings.
func startReportmx(binary, dir, dns string, more ...string) (*server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, setting+strings.Join(more, "\n"), addr, dns, dir), 0o600); err != nil {
		return nil, err
	}
	c, err := startChild(addr, filepath.Join(dir, "log"), nil, binary, "serve", "--config", config)
	if err != nil {
		return nil, err
	}
	return &server{child: c, binary: binary, config: config, dir: dir}, nil
}

// store is the file that the server keeps.
func (s *server) store() string { return filepath.Join(s.dir, "reports.db") }

// command runs a command of reportmx with the server's configuration.
func (s *server) command(args ...string) (outcome, error) {
	return run(s.binary, append(args, "--config", s.config)...)
}

// latency asks the running server for its own measure of a message's way.
func (s *server) latency(ctx context.Context) (histogram, error) {
	socket := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.dir, "control.sock"))
	}
	web := &http.Client{Transport: &http.Transport{DialContext: socket, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://x/metrics", nil)
	if err != nil {
		return histogram{}, err
	}
	resp, err := web.Do(req)
	if err != nil {
		return histogram{}, fmt.Errorf("read metrics: %w", err)
	}
	defer resp.Body.Close()
	var h histogram
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		h.line(lines.Text())
	}
	if err := lines.Err(); err != nil || h.count == 0 {
		return h, errors.Join(err, errors.New("read metrics: no reportmx_intake_seconds"))
	}
	return h, nil
}

// histogram is how long messages took from the last byte to the reply.
type histogram struct {
	count, sum float64
	bounds     []float64 // seconds, rising
	below      []float64 // messages at or below each bound
}

// line takes one line of the Prometheus text format.
func (h *histogram) line(text string) {
	name, number, _ := strings.Cut(strings.TrimPrefix(text, "reportmx_intake_seconds_"), " ")
	value, err := strconv.ParseFloat(number, 64)
	switch bound, isBucket := strings.CutPrefix(name, `bucket{le="`); {
	case err != nil:
	case name == "count":
		h.count = value
	case name == "sum":
		h.sum = value
	case isBucket:
		seconds, err := strconv.ParseFloat(strings.TrimSuffix(bound, `"}`), 64)
		if err == nil {
			h.bounds = append(h.bounds, seconds)
			h.below = append(h.below, value)
		}
	}
}

// quantile gives the least bound that the share q of all messages kept.
func (h *histogram) quantile(q float64) float64 {
	for i, below := range h.below {
		if below >= q*h.count {
			return h.bounds[i]
		}
	}
	return math.Inf(1)
}

package main

import (
	"errors"
	"fmt"
	"os"
)

// largest is the largest honest report that is known of.
const largest = 150_000

// largeReport sends one report of 150,000 records and exports it.
func (b *bench) largeReport() error {
	b.section(fmt.Sprintf("one report of %d records", largest))
	m, err := workload{seed: b.seed}.large(largest)
	if err != nil {
		return err
	}
	server, err := startReportmx(b.binary, b.folder(), refusing)
	if err != nil {
		return err
	}
	before, err := server.cpu()
	if err == nil {
		err = b.largeThrough(server, m)
	}
	after, cpuErr := server.cpu()
	err = errors.Join(err, cpuErr, server.end(), os.RemoveAll(server.dir))
	b.largePeak = max(b.largePeak, server.peak.Load())
	b.printf("server in all: %.0f ms of processor time, memory %.1f MiB\n", millis(after-before), mib(server.peak.Load()))
	return err
}

func (b *bench) largeThrough(server *server, m mail) error {
	elapsed, _, err := drive(server.addr, []mail{m}, shape{sessions: 1, per: one})
	if err != nil {
		return err
	}
	b.printf("mail of %.1f MB: stored in %.0f ms, server memory so far %.1f MiB\n", float64(len(m.content))/1e6, millis(elapsed), mib(server.peak.Load()))
	for _, format := range []string{"csv", "ndjson"} {
		o, err := server.command("export", "aggregate", "--format", format, "--output", b.output(format))
		if err != nil {
			return err
		}
		b.largePeak = max(b.largePeak, o.peak)
		b.printf("export as %-7s %5.0f ms, memory of the command %.1f MiB\n", format, millis(o.elapsed), mib(o.peak))
	}
	return nil
}

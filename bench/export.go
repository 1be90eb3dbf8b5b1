package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"reportmx/export"
	"reportmx/storage"
	"reportmx/storage/bolt"
)

// exports compares exports from the store to a file with the standard library's
// writers fed from memory, and times summaries.
func (b *bench) exports() error {
	b.section("exports to a file, records/s")
	if _, err := b.exportTime("ndjson"); err != nil {
		return err
	}
	list, err := readExport(b.output("ndjson"))
	if err != nil {
		return err
	}
	for i := range list {
		b.records += len(list[i].Report.Records)
	}
	csvRival, csvSize, err := b.rival(list, writeCSV)
	if err != nil {
		return err
	}
	jsonRival, jsonSize, err := b.rival(list, writeJSON)
	if err != nil {
		return err
	}
	if b.csvShare, err = b.export("csv", csvRival, csvSize); err != nil {
		return err
	}
	if b.jsonShare, err = b.export("ndjson", jsonRival, jsonSize); err != nil {
		return err
	}
	return b.summaries()
}

func (b *bench) output(format string) string { return filepath.Join(b.dir, "export."+format) }

// export times one format by both ways and gives its share of the rival's speed.
func (b *bench) export(format string, rival time.Duration, rivalSize int64) (float64, error) {
	direct, err := b.exportTime(format)
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(b.output(format))
	if err != nil {
		return 0, err
	}
	again, err := startReportmx(b.binary, b.full.dir, refusing)
	if err != nil {
		return 0, err
	}
	socket, err := b.exportTime(format)
	if err := errors.Join(err, again.end()); err != nil {
		return 0, err
	}
	n := float64(b.records)
	share := float64(rival) / float64(direct)
	b.printf("%-7s from the file %9.0f, through the server %9.0f, standard library from memory %9.0f; shares %.2f and %.2f (bytes %d and %d)\n",
		format, n/direct.Seconds(), n/socket.Seconds(), n/rival.Seconds(), share, float64(rival)/float64(socket), info.Size(), rivalSize)
	return share, nil
}

func (b *bench) exportTime(format string) (time.Duration, error) {
	var list []time.Duration
	for range b.rounds {
		o, err := b.full.command("export", "aggregate", "--format", format, "--output", b.output(format))
		if err != nil {
			return 0, err
		}
		list = append(list, o.elapsed)
	}
	return quantile(list, 0.5), nil
}

// rival times a writer of the standard library, to a file that is synced as ours.
func (b *bench) rival(list []exported, write func(*bufio.Writer, []exported) error) (time.Duration, int64, error) {
	var times []time.Duration
	var size int64
	for range b.rounds {
		start := time.Now()
		f, err := os.Create(filepath.Join(b.dir, "rival"))
		if err != nil {
			return 0, 0, err
		}
		w := bufio.NewWriterSize(f, 64<<10)
		err = errors.Join(write(w, list), w.Flush(), f.Sync())
		info, statErr := f.Stat()
		if err := errors.Join(err, statErr, f.Close()); err != nil {
			return 0, 0, fmt.Errorf("write with the standard library: %w", err)
		}
		size = info.Size()
		times = append(times, time.Since(start))
	}
	return quantile(times, 0.5), size, nil
}

func writeCSV(w *bufio.Writer, list []exported) error {
	c := csv.NewWriter(w)
	for i := range list {
		head := list[i].cells()
		for k := range list[i].Report.Records {
			if err := c.Write(append(head[:len(head):len(head)], list[i].Report.Records[k].cells()...)); err != nil {
				return err
			}
		}
	}
	c.Flush()
	return c.Error()
}

func writeJSON(w *bufio.Writer, list []exported) error {
	e := json.NewEncoder(w)
	for i := range list {
		if err := e.Encode(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// summaries times the four groupings over everything, and one target. What a
// summary of nothing takes is the start of the program, and does not grow.
func (b *bench) summaries() error {
	b.section("summaries, from the file")
	nothing, err := b.full.command("summary", "--target", "nothing.example", "--format", "csv")
	if err != nil {
		return err
	}
	b.printf("of nothing: %.0f ms\n", millis(nothing.elapsed))
	for _, by := range []string{"target", "source", "org", "day"} {
		o, err := b.full.command("summary", "--by", by, "--format", "csv")
		if err != nil {
			return err
		}
		if by != "source" {
			b.summary = max(b.summary, o.elapsed-nothing.elapsed)
		}
		b.printf("by %-7s %6.0f ms, %9.0f records/s, %d groups, memory %.0f MiB\n", by, millis(o.elapsed),
			float64(b.records)/o.elapsed.Seconds(), strings.Count(o.out, "\n"), mib(o.peak))
	}
	if err := b.manySources(); err != nil {
		return err
	}
	o, err := b.full.command("summary", "--by", "day", "--target", policyDomain(100), "--format", "csv")
	if err != nil {
		return err
	}
	b.targetSummary = max(0, o.elapsed-nothing.elapsed)
	b.printf("one target over a year: %.0f ms, %d days\n", millis(o.elapsed), strings.Count(o.out, "\n")-1)
	return nil
}

// manySources sums up ten million records by source: all of the store, over and over,
// each time of other sources. What one time takes tells nothing of many: there are
// groups for export.MaxGroups sources, and no more are made or written.
func (b *bench) manySources() error {
	store, err := bolt.Open(b.full.store(), bolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	rows := 0
	again := func(yield func(*storage.Digest, error) bool) {
		for pass := byte(0); rows < manyRecords; pass++ {
			for d, err := range store.Digests(context.Background(), storage.Query{}) {
				if err == nil {
					rows += len(d.Rows)
					d.Seq += uint64(pass) << 32
					elsewhere(d.Rows, pass)
				}
				if !yield(d, err) {
					return
				}
			}
		}
	}
	start := time.Now()
	sum, err := export.Summarize(export.SummaryOptions{By: export.BySource}, again)
	if err == nil {
		err = sum.Write(io.Discard, export.Options{Format: export.FormatCSV})
	}
	elapsed := time.Since(start)
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	b.summary = max(b.summary, time.Duration(float64(elapsed)*float64(b.records)/float64(rows)))
	b.printf("by source, the store over and over with other sources: %d records in %.1f s\n", rows, elapsed.Seconds())
	return nil
}

// elsewhere moves sources to other addresses, for each pass to others.
func elsewhere(rows []storage.DigestRow, pass byte) {
	for i := range rows {
		b := rows[i].SourceIP.As16()
		b[4] ^= pass
		rows[i].SourceIP = netip.AddrFrom16(b)
	}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"reportmx/storage"
	"reportmx/storage/bolt"
)

// A year of a mid-size provider.
const (
	yearTargets = 500
	yearReports = 200_000
	yearRecords = 10 // in the mean
)

// yearSchedule is added to the configuration of the measured server.
const yearSchedule = `
[[schedule]]
name = "daily"
kind = "aggregate"
format = "csv"
dir = %q
`

// onlyYear makes a year and has the program care for it.
func (b *bench) onlyYear() (err error) {
	if b.binary, err = build(b.dir); err != nil {
		return err
	}
	server, err := startReportmx(b.binary, b.folder(), refusing)
	if err != nil {
		return err
	}
	if err := server.end(); err != nil {
		return err
	}
	if err := b.fillYear(server.store()); err != nil {
		return err
	}
	// What retention takes by default: raw messages of more than 90 days ago.
	err = b.care(server, "prune")
	if err == nil {
		err = b.careRunning(server)
	}
	if err == nil {
		err = b.careStopped(server)
	}
	return errors.Join(err, os.RemoveAll(server.dir))
}

// fillYear writes the reports of the last 365 days, oldest first.
func (b *bench) fillYear(file string) error {
	store, err := bolt.Open(file, bolt.Options{})
	if err != nil {
		return err
	}
	first := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -367)
	start, records := time.Now(), 0
	for i := range yearReports {
		records += yearCount(b.seed, i)
	}
	_, err = put(context.Background(), store, func(i int) storage.Batch {
		return storedBatch(rand.New(rand.NewPCG(b.seed, uint64(i))), arrival{
			number: i, domain: policyDomain(i * 7919 % yearTargets), records: yearCount(b.seed, i),
			begin: first.AddDate(0, 0, i*365/yearReports),
		})
	}, 0, yearReports)
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	b.section(fmt.Sprintf("a year: %d targets, %d reports, %d records", yearTargets, yearReports, records))
	b.printf("made in %.0f s; file %.0f MiB\n", time.Since(start).Seconds(), mib(fileSize(file)))
	b.printf("%-42s %9s %14s %14s\n", "what", "seconds", "command MiB", "server MiB")
	return nil
}

// yearCount is how many records a report has: most few, some hundreds.
func yearCount(seed uint64, i int) int {
	r := rand.New(rand.NewPCG(seed+1, uint64(i)))
	return 1 + int(min(r.ExpFloat64()*r.ExpFloat64()*(yearRecords-1), 2000))
}

func fileSize(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}

// careRunning does by a running server what does not need it stopped.
func (b *bench) careRunning(s *server) error {
	if err := s.addSetting(fmt.Sprintf(yearSchedule, filepath.Join(s.dir, "exports"))); err != nil {
		return err
	}
	again, err := s.again()
	if err != nil {
		return err
	}
	for _, args := range []string{
		"summary --by target --format csv",
		"summary --by source --format csv",
		"summary --by day --format csv --target " + policyDomain(100),
		"export --scheduled daily",
		"backup " + filepath.Join(s.dir, "backup.db"),
	} {
		if err := b.care(again, args); err != nil {
			return errors.Join(err, again.end())
		}
	}
	b.printf("%-42s %9s %14s %14.0f\n", "the server in all", "", "", mib(again.peak.Load()))
	return again.end()
}

// careStopped does what needs the server stopped.
func (b *bench) careStopped(s *server) error {
	before := fileSize(s.store())
	for _, args := range []string{"verify", "compact", "summary --by target --format csv"} {
		if err := b.care(s, args); err != nil {
			return err
		}
	}
	b.printf("file before compact %.0f MiB, after %.0f MiB\n", mib(before), mib(fileSize(s.store())))
	return nil
}

func (b *bench) care(s *server, args string) error {
	o, err := s.command(strings.Fields(args)...)
	if err != nil {
		return err
	}
	shown, _, _ := strings.Cut(args, " "+s.dir)
	b.printf("%-42s %9.2f %14.0f %14.0f\n", shown, o.elapsed.Seconds(), mib(o.peak), mib(s.peak.Load()))
	return nil
}

// addSetting adds text to the configuration of a server that has ended.
func (s *server) addSetting(text string) error {
	f, err := os.OpenFile(s.config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// again starts a server that has ended once more, with its configuration as it is.
func (s *server) again() (*server, error) {
	c, err := startChild(s.addr, filepath.Join(s.dir, "log"), nil, s.binary, "serve", "--config", s.config)
	if err != nil {
		return nil, err
	}
	return &server{child: c, binary: s.binary, config: s.config, dir: s.dir}, nil
}

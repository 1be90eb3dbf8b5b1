// Bench measures reportmx over loopback and compares it with what the work costs
// at least: a go-smtp server that throws mail away, the standard library's writers
// and a naive reader, all in the same run, so that the ratios hold on any machine.
//
//	go run ./bench                          everything, below 10 minutes on 2 cores
//	go run ./bench -quick                   about a minute
//	go run ./bench -growth 10000,1000000    only how a store behaves as it grows
//	go run ./bench -year                    only the care of a store of 200,000 reports
//	go run ./bench -profile DIR             only CPU and allocation profiles of the server,
//	                                        with 1 and with 50 sessions, and with one mail
//	                                        per connection
//
// The workload follows from -seed alone. Everything is in a temporary folder below
// -dir, which should lie on the disk that is to be measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// bench is one run: its settings, and what it has measured so far.
type bench struct {
	out    io.Writer
	dir    string
	binary string
	seed   uint64
	rounds int
	mails  []mail
	sizes  []int // of growth
	start  time.Time

	folders int
	full    *server // ended; its store holds all mails
	records int     // in that store

	pairs                  []pair
	rawless, signed        pair
	readRatio              float64
	syncMedian, dataMedian time.Duration
	largePeak              int64
	fileShare              float64
	csvShare, jsonShare    float64
	summary, targetSummary time.Duration
	growthCPU              []time.Duration
}

func main() {
	if addr := os.Getenv(childVariable); addr != "" {
		exit(discard(addr))
	}
	if config := os.Getenv(profileVariable); config != "" {
		exit(serveProfiled(config))
	}
	exit(start(os.Args[1:]))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func start(args []string) (err error) {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	quick := flags.Bool("quick", false, "fewer mails, one round: about a minute")
	growth := flags.String("growth", "", "measure only a store that grows to these `sizes` in reports, as 10000,1000000")
	year := flags.Bool("year", false, "measure only the care of a store that holds a year of a mid-size provider")
	profile := flags.String("profile", "", "write profiles of a server under load to this `folder`, and nothing else")
	seed := flags.Uint64("seed", 1, "what the workload is made of")
	dir := flags.String("dir", "", "where to make the temporary `folder`; default: the system's")
	// ExitOnError: an error has ended the program.
	_ = flags.Parse(args)

	b := &bench{out: os.Stdout, seed: *seed, rounds: 3, sizes: []int{10_000, 100_000}, start: time.Now()}
	count := 20_000
	if *quick {
		count, b.rounds, b.sizes = 5_000, 1, []int{2_000, 10_000}
	}
	if b.dir, err = os.MkdirTemp(*dir, "reportmx-bench-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(b.dir)
	go removeWhenInterrupted(b.dir)
	if *growth != "" {
		return b.onlyGrowth(*growth)
	}
	if *year {
		return b.onlyYear()
	}
	b.mails, err = workload{seed: b.seed}.mails(0, count)
	if err != nil {
		return err
	}
	b.printf("seed %d: %s\n%s, %d cores; made in %.1f s\n", b.seed, facts(b.mails), runtime.Version(), runtime.NumCPU(), time.Since(b.start).Seconds())
	if *profile != "" {
		return b.profile(*profile)
	}
	return b.everything()
}

// removeWhenInterrupted leaves no folder behind; the servers end with this process.
func removeWhenInterrupted(dir string) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	<-interrupted
	exit(errors.Join(errors.New("interrupted"), os.RemoveAll(dir)))
}

// everything is the whole run.
func (b *bench) everything() (err error) {
	ctx := context.Background()
	if b.binary, err = build(b.dir); err != nil {
		return err
	}
	for _, part := range []func() error{
		b.load,
		b.pipelining,
		b.withoutRaw,
		b.authentication,
		func() error { return b.latency(ctx) },
		b.disk,
		b.exports,
		b.readers,
		b.largeReport,
		func() error { return b.growth(ctx, b.sizes) },
	} {
		if err := part(); err != nil {
			return err
		}
	}
	b.table()
	b.printf("\nwhole run: %.0f s\n", time.Since(b.start).Seconds())
	return nil
}

// onlyGrowth measures a store at sizes such as "10000,1000000".
func (b *bench) onlyGrowth(list string) (err error) {
	if b.sizes, err = rising(list); err != nil {
		return fmt.Errorf("-growth: %w", err)
	}
	if b.binary, err = build(b.dir); err != nil {
		return err
	}
	return b.growth(context.Background(), b.sizes)
}

// rising reads whole numbers, each larger than the one before.
func rising(list string) ([]int, error) {
	var sizes []int
	last := 1
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n <= last {
			return nil, fmt.Errorf("%q: write rising numbers from 2 on, such as 10000,1000000", list)
		}
		sizes = append(sizes, n)
		last = n
	}
	return sizes, nil
}

func (b *bench) section(title string) { b.printf("\n== %s\n", title) }

// printf prints the result. That it cannot be printed is nothing to act on.
func (b *bench) printf(format string, args ...any) { fmt.Fprintf(b.out, format, args...) }

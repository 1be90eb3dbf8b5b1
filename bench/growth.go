package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/bolt"
)

// Growth writes reports straight into the store, as that many sessions would.
const (
	growthWriters = 50
	growthProbe   = 2000 // reports whose latency is measured at each size
	growthRaw     = 1500 // bytes of the raw message
)

// growth fills one store up to each of the sizes and measures it there.
func (b *bench) growth(ctx context.Context, sizes []int) error {
	b.section(fmt.Sprintf("growth: reports of 3 records with %d bytes of raw message, %d writers", growthRaw, growthWriters))
	b.printf("%9s %10s %10s %10s %9s %9s %9s %9s %9s %11s %11s\n", "reports", "put p50 µs", "put p99 µs", "CPU µs/put", "B/report",
		"unclean s", "open ms", "summary s", "target ms", "CSV rec/s", "NDJSON rec/s")
	server, err := startReportmx(b.binary, b.folder(), refusing)
	if err != nil {
		return err
	}
	if err := server.end(); err != nil {
		return err
	}
	have := 0
	for _, size := range sizes {
		if err := b.grow(ctx, server, have, size); err != nil {
			return err
		}
		have = size
	}
	return os.RemoveAll(server.dir)
}

// grow fills the store from have to size reports, the last of them probed.
func (b *bench) grow(ctx context.Context, server *server, have, size int) error {
	store, err := bolt.Open(server.store(), bolt.Options{})
	if err != nil {
		return err
	}
	probe := min(growthProbe, (size-have)/2)
	batch := func(i int) storage.Batch { return growthBatch(b.seed, i) }
	_, err = put(ctx, store, batch, have, size-probe)
	start := ownCPU()
	var waits []time.Duration
	if err == nil {
		waits, err = put(ctx, store, batch, size-probe, size)
	}
	cpu := (ownCPU() - start) / time.Duration(probe)
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	b.growthCPU = append(b.growthCPU, cpu)
	info, err := os.Stat(server.store())
	if err != nil {
		return err
	}
	b.printf("%9d %10.0f %10.0f %10.1f %9d", size, micros(quantile(waits, 0.5)), micros(quantile(waits, 0.99)), micros(cpu), info.Size()/int64(size))
	return b.readGrown(server, size)
}

// readGrown times what reads the whole store, by the program itself.
func (b *bench) readGrown(server *server, size int) error {
	// No server has stopped cleanly after these reports came, so that the first start
	// looks at the file as it does after a crash.
	var opened [2]time.Duration
	for i := range opened {
		start := time.Now()
		again, err := startReportmx(b.binary, server.dir, refusing)
		if err != nil {
			return err
		}
		opened[i] = time.Since(start)
		if err := again.end(); err != nil {
			return err
		}
		*server = *again
	}
	var times []time.Duration
	for _, args := range []string{
		"summary --by target --format csv",
		"summary --by day --format csv --target " + policyDomain(100),
		"export aggregate --format csv --output " + b.output("csv"),
		"export aggregate --format ndjson --output " + b.output("ndjson"),
	} {
		o, err := server.command(strings.Fields(args)...)
		if err != nil {
			return err
		}
		times = append(times, o.elapsed)
	}
	records := float64(3 * size)
	b.printf(" %9.1f %9.0f %9.2f %9.0f %11.0f %11.0f\n", opened[0].Seconds(), millis(opened[1]), times[0].Seconds(), millis(times[1]), records/times[2].Seconds(), records/times[3].Seconds())
	for _, format := range []string{"csv", "ndjson"} {
		if err := os.Remove(filepath.Join(b.dir, "export."+format)); err != nil {
			return err
		}
	}
	return nil
}

// put commits the batches first to last-1, each by itself, and gives how long each
// took.
func put(ctx context.Context, store *bolt.Store, batch func(i int) storage.Batch, first, last int) ([]time.Duration, error) {
	waits := make([]time.Duration, last-first)
	errs := make([]error, growthWriters)
	var next atomic.Int64
	next.Store(int64(first))
	var group sync.WaitGroup
	for w := range growthWriters {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < last; i = int(next.Add(1)) - 1 {
				b := batch(i)
				start := time.Now()
				if _, errs[w] = store.Commit(ctx, b); errs[w] != nil {
					return
				}
				waits[i-first] = time.Since(start)
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return waits, nil
}

// growthBatch makes a report of three records. Days follow the order of arrival, about
// 3,000 reports a day.
func growthBatch(seed uint64, i int) storage.Batch {
	r := rand.New(rand.NewPCG(seed, uint64(i)))
	begin := time.Date(2024, 11, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i/3000%365)
	return storedBatch(r, arrival{number: i, domain: policyDomain(i % policyDomains), begin: begin, records: 3})
}

// arrival is what a report that is put straight into a store is made of.
type arrival struct {
	number  int
	domain  string
	begin   time.Time // it arrives 30 hours later
	records int
}

// storedBatch makes a report as it comes out of the intake, and its message.
func storedBatch(r *rand.Rand, o arrival) storage.Batch {
	org := fmt.Sprintf("org%d.example", r.IntN(organizations))
	a := &reports.Aggregate{
		Schema: reports.SchemaRFC7489, Version: "1.0", OrgName: org, Email: "noreply-dmarc@" + org,
		ReportID: fmt.Sprintf("%d.%016x", o.number, r.Uint64()), Begin: o.begin, End: o.begin.Add(86_399 * time.Second),
		PolicyPublished: reports.PolicyPublished{Domain: o.domain, P: "reject", SP: "reject", ADKIM: "r", ASPF: "r", FO: "0"},
	}
	for range o.records {
		a.Records = append(a.Records, storedRecord(r, o.domain))
	}
	raw := make([]byte, growthRaw)
	for k := range raw {
		raw[k] = byte(' ' + r.IntN(90))
	}
	report := storage.Report{
		Message: storage.Message{
			ReceivedAt: o.begin.Add(30 * time.Hour), Source: storage.SourceSMTP, MessageID: a.ReportID + "@" + org,
			Envelope: storage.Envelope{ClientIP: "192.0.2.1", Helo: "out." + org, MailFrom: "bounce@" + org, RcptTo: []string{recipient}},
			Sender:   storage.Sender{Domain: org, Result: "pass"},
		},
		Report:        reports.Report{Kind: reports.KindAggregate, Aggregate: a},
		Authorization: "unchecked",
	}
	for k := range report.ContentHash {
		report.ContentHash[k] = byte(r.IntN(256))
	}
	return storage.Batch{Reports: []storage.Report{report}, Raw: raw}
}

func storedRecord(r *rand.Rand, domain string) reports.Record {
	return reports.Record{
		SourceIP: netip.AddrFrom4([4]byte{198, 18, byte(r.IntN(256)), byte(r.IntN(256))}), Count: int64(1 + r.IntN(100)),
		PolicyEvaluated: reports.PolicyEvaluated{Disposition: "none", DKIM: "pass", SPF: "fail"},
		Identifiers:     reports.Identifiers{HeaderFrom: domain, EnvelopeFrom: "bounce.sender.example"},
		AuthResults: reports.AuthResults{
			DKIM: []reports.DKIMResult{{Domain: domain, Selector: "s1", Result: "pass"}},
			SPF:  []reports.SPFResult{{Domain: "bounce.sender.example", Scope: "mfrom", Result: "pass"}},
		},
	}
}

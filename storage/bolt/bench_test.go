package bolt

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// BenchmarkCommit stores messages of 3 KB, each with a report of 3 records, by so
// many callers at once: reports in the order of their days about seven targets, or
// about 2,000 of any day of a year, as from many organizations.
func BenchmarkCommit(b *testing.B) {
	for _, callers := range []int{1, 10, 50, 200} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			batches := make([]storage.Batch, b.N)
			for i := range batches {
				batches[i] = storage.Batch{Reports: []storage.Report{storagetest.Aggregate(i, 3)}, Raw: storagetest.Raw(i)}
			}
			commitAll(b, batches, callers)
		})
		b.Run(fmt.Sprintf("spread/callers=%d", callers), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			domains := rand.NewZipf(random, 1.1, 20, 1999)
			batches := make([]storage.Batch, b.N)
			for i := range batches {
				r := storagetest.Aggregate(i, 3)
				r.Aggregate.Begin = time.Date(2025, 11, 1+random.IntN(365), 0, 0, 0, 0, time.UTC)
				r.Aggregate.PolicyPublished.Domain = fmt.Sprintf("target%d.example.com", domains.Uint64())
				batches[i] = storage.Batch{Reports: []storage.Report{r}, Raw: storagetest.Raw(i)}
			}
			commitAll(b, batches, callers)
		})
	}
}

func commitAll(b *testing.B, batches []storage.Batch, callers int) {
	s := openStore(b, b.TempDir(), Options{})
	var next atomic.Int64
	var group sync.WaitGroup
	first, _ := lastTransaction(b, s)
	cpu, written := cpuTime(b), writtenBytes(b)
	b.ReportAllocs()
	b.ResetTimer()
	for range callers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				if _, err := s.Commit(b.Context(), batches[i]); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	n := float64(b.N)
	b.ReportMetric(n/b.Elapsed().Seconds(), "reports/s")
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/n, "cpu-µs/report")
	b.ReportMetric(float64(writtenBytes(b)-written)/n, "written-B/report")
	last, size := lastTransaction(b, s)
	b.ReportMetric(n/float64(last-first), "reports/commit")
	b.ReportMetric(float64(size)/n, "file-B/report")
}

// lastTransaction gives the number of the last one and the bytes of the file in use.
func lastTransaction(b *testing.B, s *Store) (id int, size int64) {
	err := s.view(func(tx *bbolt.Tx) error {
		id, size = tx.ID(), tx.Size()
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return id, size
}

// writtenBytes is what the process has sent to disks so far.
func writtenBytes(b *testing.B) (n int64) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fmt.Sscanf(line, "write_bytes: %d", &n)
	}
	return n
}

// BenchmarkReports reads 10,000 reports of 3 records: all of them, and those of one
// target of seven.
func BenchmarkReports(b *testing.B) {
	s := openStore(b, b.TempDir(), Options{})
	var batch storage.Batch
	for i := range 10_000 {
		batch.Reports = append(batch.Reports, storagetest.Aggregate(i, 3))
	}
	if _, err := s.Commit(b.Context(), batch); err != nil {
		b.Fatal(err)
	}
	for name, q := range map[string]storage.Query{"all": {}, "target": {Target: "d1.example.com"}} {
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				for _, err := range s.Reports(b.Context(), q) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "reports/s")
		})
	}
}

// BenchmarkCodec encodes and decodes reports: small, and one full chunk.
func BenchmarkCodec(b *testing.B) {
	c, err := newCodec()
	if err != nil {
		b.Fatal(err)
	}
	for _, records := range []int{1, 3, 30, storage.ChunkRecords} {
		r := storagetest.Aggregate(1, records)
		b.Run(fmt.Sprintf("encode/records=%d", records), func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				values, err := c.chunks(&r)
				if err != nil {
					b.Fatal(err)
				}
				size = len(values[0].b)
			}
			b.ReportMetric(float64(size), "B/value")
		})
		b.Run(fmt.Sprintf("decode/records=%d", records), func(b *testing.B) {
			b.ReportAllocs()
			values, err := c.chunks(&r)
			if err != nil {
				b.Fatal(err)
			}
			v := stored{bucketAggregate, chunkKey(1, 0), nil}
			v.value = values[0].seal(v.bucket, v.key, stamp{}.bytes())
			for b.Loop() {
				if _, _, err := c.head(ref{reports.KindAggregate, 1}, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	raw := storagetest.Raw(1)
	b.Run("raw", func(b *testing.B) {
		b.ReportAllocs()
		size := 0
		for b.Loop() {
			v, err := c.newRaw(raw)
			if err != nil {
				b.Fatal(err)
			}
			size = len(v.b)
		}
		b.ReportMetric(float64(size), "B/value")
	})
}

// cpuTime is what the process has used so far. Unlike the time that passes it
// means something on a machine that does other things, too.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

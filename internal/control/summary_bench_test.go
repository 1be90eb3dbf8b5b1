package control

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reportmx/export"
	"reportmx/storage"
	"reportmx/storage/bolt"
	"reportmx/storage/storagetest"
)

// BenchmarkSummary sums up a store of 100,000 reports of 3 records, about 500
// domains, in a year, with 60,000 sources: what is read alone, then each grouping,
// and one domain.
func BenchmarkSummary(b *testing.B) {
	const reports, records = 100_000, 3
	s, err := bolt.Open(filepath.Join(b.TempDir(), "reports.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	fill(b, s, reports, records)
	rate := func(b *testing.B, share float64) {
		per := b.Elapsed().Seconds() / float64(b.N) / share
		b.ReportMetric(reports/per, "reports/s")
		b.ReportMetric(records*reports/per, "records/s")
	}
	b.Run("digests", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, err := range s.Digests(b.Context(), storage.Query{}) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		rate(b, 1)
	})
	for _, by := range []export.By{export.ByTarget, export.BySource, export.ByOrg, export.ByDay} {
		b.Run(string(by), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := export.Summarize(export.SummaryOptions{By: by}, s.Digests(b.Context(), storage.Query{})); err != nil {
					b.Fatal(err)
				}
			}
			rate(b, 1)
		})
	}
	b.Run("one domain", func(b *testing.B) {
		b.ReportAllocs()
		q := storage.Query{Target: "t7.example.com"}
		for b.Loop() {
			if _, err := export.Summarize(export.SummaryOptions{By: export.ByDay}, s.Digests(b.Context(), q)); err != nil {
				b.Fatal(err)
			}
		}
		rate(b, 1.0/500)
	})
}

// fill stores reports by many callers.
func fill(b *testing.B, s *bolt.Store, reports, records int) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			for n := int(next.Add(1)); n <= reports; n = int(next.Add(1)) {
				r := storagetest.Aggregate(n, records)
				a := r.Aggregate
				a.Begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n*365/reports)
				a.PolicyPublished.Domain = fmt.Sprintf("t%d.example.com", n%500)
				for i := range a.Records {
					at := uint32(n*records+i) * 2654435761 % 60_000
					a.Records[i].SourceIP = netip.AddrFrom4([4]byte{10, byte(at >> 16), byte(at >> 8), byte(at)})
				}
				if _, err := s.Commit(b.Context(), storage.Batch{Reports: []storage.Report{r}}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

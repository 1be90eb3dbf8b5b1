package main

import "testing"

// BenchmarkFind reads one mail of the workload after another; an op is one mail.
func BenchmarkFind(b *testing.B) { benchmarkReader(b, readOurs) }

// BenchmarkNaive is the same with the reader that BenchmarkFind is compared with.
func BenchmarkNaive(b *testing.B) { benchmarkReader(b, readNaive) }

func benchmarkReader(b *testing.B, read func([]byte) (int, error)) {
	const mails = 2000
	list, err := workload{seed: 1}.mails(0, mails)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	start, n := ownCPU(), 0
	for b.Loop() {
		m := &list[n%mails]
		if got, err := read(m.message()); err != nil || got != m.records {
			b.Fatalf("got %d records and the error %v, want %d", got, err, m.records)
		}
		n++
	}
	b.ReportMetric(micros(ownCPU()-start)/float64(n), "cpu-µs/op")
}

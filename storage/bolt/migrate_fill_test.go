package bolt

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// fillReports is how many aggregate reports fillStore tries to store, besides odd ones.
const fillReports = 120

// fillStore puts into an empty store what testdata/schema1.db.gz holds: that file was
// made by this function and the engine as of ce8a302, which had schema 1.
func fillStore(t testing.TB, s *Store) {
	t.Helper()
	commit := func(b storage.Batch) storage.Outcome {
		t.Helper()
		o, err := s.Commit(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	var long uint64
	for n := range fillReports {
		b := storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, n%7)}, Raw: fmt.Appendf(nil, "Message-ID: <%d@mailbox.example>\r\n", n)}
		switch n % 20 {
		case 3:
			b.Reports = append(b.Reports, storagetest.TLS(n), conflicting(n))
		case 7:
			b.Reports = append(b.Reports, oddReport(n))
		case 11:
			b.Reports = []storage.Report{storagetest.Failure(n)}
		case 15:
			b.Held = storagetest.Held(n)
		}
		if n == 50 || n == 51 {
			b.Reports[0] = storagetest.Aggregate(n, 2*storage.ChunkRecords+n)
			long = commit(b).Reports[0].Seq
			continue
		}
		commit(b)
	}
	shorter := storagetest.Aggregate(51, 7)
	shorter.Seq = long
	if err := s.Replace(t.Context(), &shorter); err != nil {
		t.Fatal(err)
	}
	for _, r := range []storage.Removal{
		{What: storage.AggregateReports, Target: "d6.example.com"},
		{What: storage.AggregateReports, Before: storagetest.Message(10).ReceivedAt},
	} {
		if _, err := s.Remove(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

// conflicting is report n with other content.
func conflicting(n int) storage.Report {
	r := storagetest.Aggregate(n, 2)
	r.ContentHash = sha256.Sum256(fmt.Append(nil, "other", n))
	return r
}

// oddReport has all that a reader lets pass.
func oddReport(n int) storage.Report {
	r := storagetest.Aggregate(1000+n, 3)
	a := r.Aggregate
	a.OrgName = "  caf\xe9 \x00\x1b[31m"
	a.PolicyPublished.Domain = "B\u00fccher.Example."
	if n%40 == 7 {
		a.Begin, a.End = time.Time{}, time.Unix(-1e9, 500).UTC()
		r.Message.ReceivedAt = time.Unix(-5, 1).UTC()
	}
	a.Records[0].SourceIP = netip.Addr{}
	a.Records[1].SourceIP = netip.MustParseAddr("fe80::1%eth0")
	a.Records[2].SourceIP = netip.MustParseAddr("::ffff:192.0.2.1")
	a.Records[0].Count, a.Records[1].Count = -5, 1<<60
	a.Records[0].PolicyEvaluated = reports.PolicyEvaluated{Disposition: "odd", DKIM: "PASS", SPF: "pass"}
	r.Implausible = true
	return r
}

package storagetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// digests reads the digests of a query; each is a copy.
func (s *suite) digests(t *testing.T, q storage.Query) (all []*storage.Digest) {
	t.Helper()
	for d, err := range s.Digests(t.Context(), q) {
		if err != nil {
			t.Fatalf("digests of %+v: %v", q, err)
		}
		kept := *d
		kept.Rows = slices.Clone(d.Rows)
		all = append(all, &kept)
	}
	return all
}

// sameDigests holds the digests of a query to its reports, and gives how many there
// are.
func (s *suite) sameDigests(t *testing.T, q storage.Query) int {
	t.Helper()
	got := s.digests(t, q)
	q.Kind = reports.KindAggregate
	n := 0
	for r, err := range s.Reports(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		want := storage.DigestOf(r)
		if n >= len(got) || !got[n].Equal(want) {
			t.Fatalf("query %+v: part %d of report %d has no digest, or another: want %+v", q, r.Chunk, r.Seq, want)
		}
		n++
	}
	if n != len(got) {
		t.Errorf("query %+v: got %d digests of %d parts", q, len(got), n)
	}
	return n
}

// testDigests changes a store at random and holds its digests to its reports.
func testDigests(t *testing.T, s *suite) {
	random := rand.New(rand.NewPCG(4, 2))
	for round := range 5 {
		for range 10 {
			s.randomStep(t, random)
		}
		if round%3 == 2 {
			s.reopen(t)
		}
		for _, q := range digestQueries {
			s.sameDigests(t, q)
		}
	}
	if n := s.sameDigests(t, storage.Query{}); n < 20 {
		t.Errorf("only %d parts are left to compare", n)
	}
}

var digestQueries = []storage.Query{
	{}, {Kind: reports.KindTLS}, {After: 60}, {Authenticated: true}, {OrgName: "MAILBOX 1 "},
	{Target: "example.com"}, {Target: "D1.example.com"}, {Target: "xn--bcher-kva.example"}, {Target: "."},
	{Since: at(50), Until: at(150)}, {Since: at(20)}, {Until: at(-1)},
	{ArrivedSince: Message(70).ReceivedAt, ArrivedUntil: Message(200).ReceivedAt},
	{Target: "example.com", Since: at(20), Until: at(180), Authenticated: true, OrgName: "Mailbox 0", After: 10},
}

// randomStep stores, replaces or removes something.
func (s *suite) randomStep(t *testing.T, random *rand.Rand) {
	t.Helper()
	n := random.IntN(250)
	switch random.IntN(12) {
	case 0:
		s.replaceSome(t, random)
	case 1:
		s.removeSome(t, storage.Removal{What: storage.AggregateReports, Target: fmt.Sprintf("d%d.example.com", n%7)})
	case 2:
		s.removeSome(t, storage.Removal{What: storage.AggregateReports, Before: Message(n / 8).ReceivedAt})
	case 3:
		s.removeSome(t, storage.Removal{What: storage.RawMessages, Before: Message(n).ReceivedAt})
	case 4:
		s.commit(t, storage.Batch{Reports: []storage.Report{TLS(n), Failure(n), oddAggregate(n)}, Raw: []byte("message")})
	case 5:
		s.store(t, Aggregate(n, storage.ChunkRecords*random.IntN(3)+random.IntN(2)))
	default:
		s.store(t, Aggregate(n, random.IntN(9)), conflicting(n, random.IntN(9)))
	}
}

func (s *suite) removeSome(t *testing.T, r storage.Removal) {
	t.Helper()
	if _, err := s.Remove(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// replaceSome replaces some reports by ones with other records.
func (s *suite) replaceSome(t *testing.T, random *rand.Rand) {
	t.Helper()
	for _, r := range s.read(t, storage.Query{Kind: reports.KindAggregate}) {
		if random.IntN(10) > 0 {
			continue
		}
		a := *r.Aggregate
		a.Records = Aggregate(int(r.Seq), random.IntN(storage.ChunkRecords+100)).Aggregate.Records
		r.Aggregate = &a
		r.Implausible = !r.Implausible
		if err := s.Replace(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
}

// conflicting is report n with other content.
func conflicting(n, records int) storage.Report {
	r := Aggregate(n, records)
	r.ContentHash = sha256.Sum256(fmt.Append(nil, "other", n))
	return r
}

// oddAggregate has what a reader lets pass.
func oddAggregate(n int) storage.Report {
	r := Aggregate(1000+n, 6)
	a := r.Aggregate
	a.OrgName = "  caf\xe9 \x00\x1b[31m"
	a.PolicyPublished.Domain = []string{"B\u00fccher.Example.", "", "odd\x00.example"}[n%3]
	if n%2 == 0 {
		a.Begin, a.End = time.Time{}, time.Unix(-1e9, 500).UTC()
		r.Message.ReceivedAt = time.Unix(-5, 1).UTC()
	}
	for i, text := range []string{"fe80::1%eth0", "::ffff:192.0.2.1", "::", "0.0.0.0", "255.255.255.255"} {
		a.Records[i].SourceIP = netip.MustParseAddr(text)
	}
	a.Records[5].SourceIP = netip.Addr{}
	for i, word := range []string{"quarantine", "reject", "pass", "", "odd"} {
		a.Records[i].PolicyEvaluated = reports.PolicyEvaluated{Disposition: word, DKIM: word, SPF: "pass"}
	}
	a.Records[0].Count, a.Records[1].Count, a.Records[2].Count = -5, 1<<62, 0
	r.Implausible = true
	return r
}

// testDigestsWhileRemoved removes a report of three parts when a reader that fetches
// a few thousand parts at once has fetched some of them.
func testDigestsWhileRemoved(t *testing.T, s *suite) {
	const page = 4096
	for before := page - 2; before < page; before++ {
		var b storage.Batch
		for n := range before {
			b.Reports = append(b.Reports, Aggregate(before*page+n, 0))
		}
		long := Aggregate(before, 2*storage.ChunkRecords+1)
		long.Aggregate.PolicyPublished.Domain = "long.example"
		b.Reports = append(b.Reports, long)
		first := s.commit(t, b).Reports[0].Seq
		parts := 0
		var last error
		for d, err := range s.Digests(t.Context(), storage.Query{After: first - 1}) {
			if last = err; err != nil {
				break
			}
			if d.Seq == first {
				s.remove(t, storage.Removal{What: storage.AggregateReports, Target: "long.example"}, 1)
				s.store(t, Aggregate(page+before, 1))
			}
			if d.Seq >= first+uint64(before) {
				parts++
			}
		}
		if last == nil && parts != 0 && parts != 3 || last != nil && !errors.Is(last, storage.ErrRemoved) {
			t.Errorf("behind %d others: got %d parts and error %v, want all 3, none, or %v", before, parts, last, storage.ErrRemoved)
		}
	}
}

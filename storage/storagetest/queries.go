package storagetest

import (
	"testing"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// at is the begin of Aggregate(n, …), Failure(n) and TLS(n).
func at(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }

// testQueries asks for reports in every way that a query has.
func testQueries(t *testing.T, s *suite) {
	storeForQueries(t, s)
	for _, test := range queryTests {
		t.Run(test.name, func(t *testing.T) {
			if got := seqs(s.read(t, test.query)); diff(got, test.want) != "" {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// storeForQueries stores the reports that queryTests speak of, in the order of their
// sequence numbers.
func storeForQueries(t *testing.T, s *suite) {
	below := Aggregate(20, 1)
	below.Aggregate.PolicyPublished.Domain = "Mail.D1.Example.COM."
	near := Aggregate(21, 1)
	near.Aggregate.PolicyPublished.Domain = "xd1.example.com"
	odd := Aggregate(22, 1)
	odd.Aggregate.PolicyPublished.Domain = "odd\x00\x01.example"
	many := TLS(23)
	for i := range 300 {
		p := reports.TLSPolicy{PolicyDomain: "m" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + ".example.org"}
		many.TLS.Policies = append(many.TLS.Policies, p)
	}
	nowhere := TLS(24)
	nowhere.TLS.Policies = nil
	s.store(t,
		Aggregate(0, 1), // 1: d0, Mailbox 0, authenticated
		Aggregate(1, 1), // 2: d1, Mailbox 1
		Aggregate(2, 1), // 3: d2, Mailbox 2, authenticated
		Aggregate(8, 1), // 4: d1, Mailbox 2, authenticated
		Failure(4),      // 5: d0, authenticated
		Failure(5),      // 6: d0, no begin: counts by its arrival, hour 30
		TLS(1),          // 7: d1.example.net and mail.example.org
		below, near,     // 8, 9
		odd, many, nowhere, // 10, 11, 12
	)
}

// queryTests are queries with the sequence numbers of the reports that they find.
var queryTests = []struct {
	name  string
	query storage.Query
	want  []uint64
}{
	{"all", storage.Query{}, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
	{"aggregate", storage.Query{Kind: reports.KindAggregate}, []uint64{1, 2, 3, 4, 8, 9, 10}},
	{"failure", storage.Query{Kind: reports.KindFailure}, []uint64{5, 6}},
	{"tls", storage.Query{Kind: reports.KindTLS}, []uint64{7, 11, 12}},
	{"since is in", storage.Query{Since: at(8)}, []uint64{4, 6, 8, 9, 10, 11, 12}},
	{"until is out", storage.Query{Until: at(2)}, []uint64{1, 2, 7}},
	{"half a second", storage.Query{Since: at(1).Add(time.Second / 2), Until: at(2).Add(time.Second / 2)}, []uint64{3}},
	{"period", storage.Query{Since: at(1), Until: at(8)}, []uint64{2, 3, 5, 7}},
	{"no begin, by arrival", storage.Query{Since: at(30), Until: at(31)}, []uint64{6}},
	{"arrived since", storage.Query{ArrivedSince: Message(20).ReceivedAt}, []uint64{8, 9, 10, 11, 12}},
	{"arrived until", storage.Query{ArrivedUntil: Message(2).ReceivedAt}, []uint64{1, 2, 7}},
	{"target", storage.Query{Target: "d2.example.com"}, []uint64{3}},
	{"target and below", storage.Query{Target: "d1.example.com"}, []uint64{2, 4, 8}},
	{"target in another spelling", storage.Query{Target: "D1.example.COM."}, []uint64{2, 4, 8}},
	{"target far up", storage.Query{Target: "example.com"}, []uint64{1, 2, 3, 4, 5, 6, 8, 9}},
	{"target that nothing is about", storage.Query{Target: "1.example.com"}, nil},
	{"target with odd bytes", storage.Query{Target: "odd\x00\x01.example"}, []uint64{10}},
	{"second policy domain", storage.Query{Target: "mail.example.org"}, []uint64{7, 11}},
	{"one of very many policy domains", storage.Query{Target: "mba.example.org"}, []uint64{11}},
	{"target and period", storage.Query{Target: "d1.example.com", Since: at(2), Until: at(20)}, []uint64{4}},
	{"target below and period", storage.Query{Target: "example.com", Since: at(2), Until: at(20)}, []uint64{3, 4, 5}},
	{"target, no begin", storage.Query{Target: "d0.example.com", Since: at(30)}, []uint64{6}},
	{"target and kind", storage.Query{Target: "d0.example.com", Kind: reports.KindFailure}, []uint64{5, 6}},
	{"target after", storage.Query{Target: "d1.example.com", After: 2}, []uint64{4, 8}},
	{"organization", storage.Query{OrgName: " mailbox 2"}, []uint64{3, 4, 8}},
	{"authenticated", storage.Query{Authenticated: true}, []uint64{1, 3, 4, 5, 8, 10, 12}},
	{"after", storage.Query{After: 8}, []uint64{9, 10, 11, 12}},
	{"after the last", storage.Query{After: 12}, nil},
	{"after the greatest number", storage.Query{After: 1<<64 - 1}, nil},
	{"all at once", storage.Query{
		Kind: reports.KindAggregate, Since: at(0), Until: at(9), ArrivedSince: at(0), Target: "example.com",
		OrgName: "Mailbox 2", Authenticated: true, After: 3,
	}, []uint64{4}},
}

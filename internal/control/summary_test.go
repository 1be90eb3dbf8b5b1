package control

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reportmx/export"
	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/bolt"
	"reportmx/storage/storagetest"
)

// mixedStore has reports of several parts, conflicts and implausible ones, some that
// were replaced, and TLS reports.
func mixedStore(t *testing.T) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "reports.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	commit := func(list ...storage.Report) storage.Outcome {
		o, err := s.Commit(t.Context(), storage.Batch{Reports: list})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	for n := range 60 {
		r := storagetest.Aggregate(n, n%9)
		other := r
		other.ContentHash = sha256.Sum256(fmt.Append(nil, "other", n))
		implausible := storagetest.Aggregate(500+n, 3)
		implausible.Implausible = true
		commit(r, other, implausible, storagetest.TLS(n))
	}
	long := storagetest.Aggregate(100, 2*storage.ChunkRecords+1)
	was := storagetest.Aggregate(101, 3)
	o := commit(long, was)
	better := storagetest.Aggregate(101, storage.ChunkRecords+7)
	better.Seq = o.Reports[1].Seq
	if err := s.Replace(t.Context(), &better); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove(t.Context(), storage.Removal{What: storage.AggregateReports, Target: "d3.example.com"}); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSummaryOfStore: what is summed up by columns is what a full scan of the
// reports gives.
func TestSummaryOfStore(t *testing.T) {
	s := mixedStore(t)
	c := Local((&Server{Store: s}).Handler())
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for _, q := range []storage.Query{
		{}, {Target: "d1.example.com"}, {Target: "example.com", Since: day, Until: day.AddDate(0, 0, 1)},
		{OrgName: "mailbox 2"}, {Authenticated: true}, {ArrivedSince: day.AddDate(0, 0, 1), After: 30},
	} {
		for _, by := range []export.By{export.ByTarget, export.BySource, export.ByOrg, export.ByDay} {
			for _, all := range []bool{false, true} {
				o := export.SummaryOptions{By: by, All: all, Top: 4}
				want, err := export.Summarize(o, scanDigests(t.Context(), s, q))
				if err != nil {
					t.Fatal(err)
				}
				var text, got bytes.Buffer
				if err := want.Write(&text, export.Options{Format: export.FormatJSON}); err != nil {
					t.Fatal(err)
				}
				v := EncodeQuery(q)
				for name, value := range map[string]string{"by": string(by), "all": fmt.Sprint(all), "top": "4", "format": "json"} {
					v.Set(name, value)
				}
				n, err := c.Render(t.Context(), "/v1/summary", v, &got)
				if err != nil || n != want.Counted() || n == 0 || got.String() != text.String() {
					t.Errorf("%+v by %s: error %v, %d reports; got\n%s, by a scan\n%s", q, by, err, n, got.String(), text.String())
				}
			}
		}
	}
}

// scanDigests makes the digests of whole reports.
func scanDigests(ctx context.Context, s *bolt.Store, q storage.Query) iter.Seq2[*storage.Digest, error] {
	q.Kind = reports.KindAggregate
	return func(yield func(*storage.Digest, error) bool) {
		for r, err := range s.Reports(ctx, q) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(storage.DigestOf(r), nil) {
				return
			}
		}
	}
}

func TestTLSSummaryOfStore(t *testing.T) {
	c := Local((&Server{Store: mixedStore(t)}).Handler())
	v := EncodeQuery(storage.Query{Target: "d7.example.net"})
	for name, value := range map[string]string{"kind": "tls", "by": "target", "format": "csv"} {
		v.Set(name, value)
	}
	var got bytes.Buffer
	n, err := c.Render(t.Context(), "/v1/summary", v, &got)
	const want = "\r\ngroup,d7.example.net,1,107,1,,2026-03-01T07:00:00Z,2026-03-01T07:00:00Z\r\n"
	if err != nil || n != 1 || !strings.HasSuffix(got.String(), want) {
		t.Errorf("got %d reports, error %v:\n%s", n, err, got.String())
	}
	v.Set("kind", "failure")
	if _, err := c.Render(t.Context(), "/v1/summary", v, &got); err == nil {
		t.Error("a summary of failure reports: got no error")
	}
}

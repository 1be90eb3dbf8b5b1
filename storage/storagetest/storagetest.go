// Package storagetest holds the promises of package storage as tests that every
// engine passes, and makes the reports that such tests store.
package storagetest

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reportmx/reports"
	"reportmx/storage"
)

// Engine is all that an engine does.
type Engine interface {
	Commit(ctx context.Context, b storage.Batch) (storage.Outcome, error)
	Reports(ctx context.Context, q storage.Query) iter.Seq2[*storage.Report, error]
	Digests(ctx context.Context, q storage.Query) iter.Seq2[*storage.Digest, error]
	Raw(seq uint64) ([]byte, error)
	Held(seq uint64) (*storage.Held, error)
	HeldMessages(ctx context.Context) iter.Seq2[*storage.Held, error]
	HeldRaw(seq uint64) ([]byte, error)
	DropHeld(ctx context.Context, seq uint64) error
	Remove(ctx context.Context, r storage.Removal) (int, error)
	Differs(r *storage.Report) (bool, error)
	Replace(ctx context.Context, r *storage.Report) error
	Stats() (storage.Stats, error)
	Close() error
}

// Run holds an engine to the promises. open opens the store in a folder, and makes
// it when there is none; it fails the test itself. What is not closed by the test
// is to be closed by t.Cleanup; closing twice must do no harm.
func Run(t *testing.T, open func(t *testing.T, dir string) Engine) {
	tests := []struct {
		name string
		run  func(t *testing.T, s *suite)
	}{
		{"an empty store has nothing", testEmpty},
		{"reports come back as they were", testRoundTrip},
		{"reports come in the order of commits", testOrder},
		{"a known report is not stored again", testDuplicate},
		{"other content is kept beside the first", testConflict},
		{"a batch fails whole and alone", testFailedBatch},
		{"a long report comes in parts", testChunks},
		{"queries choose", testQueries},
		{"a reader sees what was there at the start", testReaderIsBounded},
		{"a slow reader stops nobody", testSlowReader},
		{"a context ends reading and writing", testContext},
		{"messages come back as they were", testRaw},
		{"the hold holds and drops", testHeld},
		{"a message is not held twice", testHeldTwice},
		{"a message is kept for the hold alone", testRawForHold},
		{"the hold has a quota", testQuota},
		{"a message leaves the hold with its reports", testRelease},
		{"a report is replaced by itself", testReplace},
		{"many commit at once", testConcurrent},
		{"a number is never given twice", testNumbers},
		{"counts are right", testStats},
		{"what is old is removed", testRemoveOld},
		{"a target is removed with all below it", testRemoveTarget},
		{"messages are removed without their reports", testRemoveMessages},
		{"the hold is emptied of what is old", testRemoveHeld},
		{"a removal can be counted, and bounded", testRemoveBounds},
		{"a reader lives with a removal", testRemoveWhileReading},
		{"a reader gets no half report", testRemoveLong},
		{"digests are those of the reports", testDigests},
		{"a reader of digests lives with a removal", testDigestsWhileRemoved},
		{"a closed store says so", testClosed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s := &suite{open: func(t *testing.T) Engine { return open(t, dir) }}
			s.Engine = s.open(t)
			test.run(t, s)
		})
	}
}

// suite is one store under test.
type suite struct {
	Engine
	open func(t *testing.T) Engine
}

// reopen closes the store and opens it again.
func (s *suite) reopen(t *testing.T) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	s.Engine = s.open(t)
}

// commit stores a batch that must be taken.
func (s *suite) commit(t *testing.T, b storage.Batch) storage.Outcome {
	t.Helper()
	o, err := s.Commit(t.Context(), b)
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	return o
}

// store commits each report in a batch of its own and gives the numbers.
func (s *suite) store(t *testing.T, all ...storage.Report) []uint64 {
	t.Helper()
	var seqs []uint64
	for _, r := range all {
		o := s.commit(t, storage.Batch{Reports: []storage.Report{r}})
		seqs = append(seqs, o.Reports[0].Seq)
	}
	return seqs
}

// read gives the reports of a query, long ones put together from their parts.
func (s *suite) read(t *testing.T, q storage.Query) []storage.Report {
	t.Helper()
	all, err := Collect(s.Reports(t.Context(), q))
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return all
}

// Collect reads a stream of reports to its end, and puts the parts of long ones
// together. Chunk and Last are left as in a report that was never in parts.
func Collect(stream iter.Seq2[*storage.Report, error]) ([]storage.Report, error) {
	var all []storage.Report
	for r, err := range stream {
		if err != nil {
			return all, err
		}
		if r.Chunk == 0 {
			all = append(all, *r)
		} else {
			whole := all[len(all)-1].Aggregate
			whole.Records = append(whole.Records, r.Aggregate.Records...)
		}
		all[len(all)-1].Chunk, all[len(all)-1].Last = 0, r.Last
	}
	if n := len(all); n > 0 && !all[n-1].Last {
		return all, fmt.Errorf("the last part of report %d is missing", all[n-1].Seq)
	}
	for i := range all {
		all[i].Last = false
	}
	return all, nil
}

// diff compares what was read with what was stored; "" when equal.
func diff(got, want any) string {
	if reflect.DeepEqual(got, want) { // hundreds of times as fast
		return ""
	}
	return cmp.Diff(want, got, cmpopts.EquateComparable(reports.Record{}.SourceIP), cmpopts.EquateEmpty())
}

// with gives a report with what the engine fills in.
func with(r storage.Report, seq uint64, conflict bool) storage.Report {
	r.Seq, r.Conflict = seq, conflict
	return r
}

func seqs(all []storage.Report) []uint64 {
	var s []uint64
	for i := range all {
		s = append(s, all[i].Seq)
	}
	return s
}

package bolt

import (
	"context"
	"fmt"
	"iter"

	"reportmx/reports"
	"reportmx/storage"
)

// Reports gives the reports that q asks for, in the order of their sequence
// numbers, up to the last one that was there at the start. A report of more than
// storage.ChunkRecords records comes in parts. After an error it ends.
//
// The caller may take its time: no transaction is open while it does.
func (s *Store) Reports(ctx context.Context, q storage.Query) iter.Seq2[*storage.Report, error] {
	return func(yield func(*storage.Report, error) bool) {
		rs := &reportScan{scan: scan{store: s, query: q, bucketOf: bucketOf, perPage: pageValues}}
		err := rs.run(ctx, func(p *piece) (bool, error) {
			part, err := rs.part(p)
			return err == nil && (part == nil || yield(part, nil)), err
		})
		if err != nil {
			yield(nil, fmt.Errorf("read reports: %w", err))
		}
	}
}

// reportScan reads whole reports.
type reportScan struct {
	scan
	head   storage.Report // of the report that is being read
	chunks uint32         // how many it has
	wanted bool
}

// part gives the part of a report that a value holds, nil if it is not asked for.
func (rs *reportScan) part(p *piece) (*storage.Report, error) {
	if err := rs.follow(p); err != nil {
		return nil, err
	}
	if p.chunk == 0 {
		return rs.begin(p)
	}
	rs.open = rs.next < rs.chunks
	if !rs.wanted {
		return nil, nil
	}
	records, err := rs.store.codec.records(p.stored)
	if err != nil {
		return nil, err
	}
	part := rs.head
	a := *part.Aggregate
	a.Records = records
	part.Aggregate = &a
	part.Chunk, part.Last = int(p.chunk), !rs.open
	return &part, nil
}

// begin takes the head of a report.
func (rs *reportScan) begin(p *piece) (*storage.Report, error) {
	r, chunks, err := rs.store.codec.head(p.ref, p.stored)
	if err != nil {
		return nil, err
	}
	if chunks > 1 && r.Kind != reports.KindAggregate {
		return nil, p.damaged("it has %d chunks", chunks)
	}
	rs.chunks, rs.open = chunks, chunks > 1
	rs.wanted = rs.query.Matches(r)
	if !rs.wanted {
		return nil, nil
	}
	if chunks > 1 {
		rs.head = *r
		a := *r.Aggregate
		a.Records = nil
		rs.head.Aggregate = &a
	}
	return r, nil
}

// Digests gives what summaries need of the aggregate reports that q asks for, as
// Reports gives the reports; q.Kind does not matter. A digest, and the rows in it,
// are the caller's until the next one only.
func (s *Store) Digests(ctx context.Context, q storage.Query) iter.Seq2[*storage.Digest, error] {
	q.Kind = reports.KindAggregate
	return func(yield func(*storage.Digest, error) bool) {
		sc := &scan{store: s, query: q, perPage: columnPage}
		sc.bucketOf = func(reports.Kind) string { return bucketColumns }
		var columns columnReader
		var d storage.Digest
		err := sc.run(ctx, func(p *piece) (bool, error) {
			if err := sc.follow(p); err != nil {
				return false, err
			}
			d.Seq, d.Chunk = p.seq, int(p.chunk)
			if err := columns.read(p.stored, &d); err != nil {
				return false, err
			}
			sc.open = !d.Last
			return !q.MatchesDigest(&d) || yield(&d, nil), nil
		})
		if err != nil {
			yield(nil, fmt.Errorf("read columns: %w", err))
		}
	}
}

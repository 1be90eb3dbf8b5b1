package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"go.etcd.io/bbolt"

	"reportmx/reports"
	"reportmx/storage"
)

// What is read in one read transaction: little enough that it lasts a fraction of
// a millisecond, enough that its cost does not show. A single value may be larger.
const (
	pageValues = 256
	pageBytes  = 1 << 20
)

// Reports gives the reports that q asks for, in the order of their sequence
// numbers, up to the last one that was there at the start. A report of more than
// storage.ChunkRecords records comes in parts. After an error it ends.
//
// The caller may take its time: no transaction is open while it does.
func (s *Store) Reports(ctx context.Context, q storage.Query) iter.Seq2[*storage.Report, error] {
	return func(yield func(*storage.Report, error) bool) {
		sc := &scan{store: s, query: q}
		if err := sc.run(ctx, func(r *storage.Report) bool { return yield(r, nil) }); err != nil {
			yield(nil, fmt.Errorf("read reports: %w", err))
		}
	}
}

// scan is one way through the reports.
type scan struct {
	store *Store
	query storage.Query
	limit uint64   // the last sequence number to read
	start counters // of the store when the reading began

	refs    []ref // with indexed: the reports to look at, in order
	indexed bool

	// Where the reading stands: the next chunk of this report, or the first one
	// after it.
	seq  uint64
	next uint32

	seen   uint64         // reports whose head has been read
	head   storage.Report // of the report that is being read
	chunks uint32         // how many it has; all have been read when next says so
	wanted bool
}

// piece is one value of a report, copied out of the file.
type piece struct {
	ref
	chunk uint32
	stored
}

func (sc *scan) run(ctx context.Context, yield func(*storage.Report) bool) error {
	c := sc.store.now()
	sc.limit, sc.start = c.Seq, c
	if sc.query.After >= sc.limit {
		return ctx.Err()
	}
	if err := sc.choose(ctx); err != nil {
		return err
	}
	at := position{seq: sc.query.After + 1}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		page, err := sc.page(&at)
		if err != nil {
			return err
		}
		for i := range page {
			part, err := sc.assemble(&page[i])
			if err != nil {
				return err
			}
			if part != nil && !yield(part) {
				return nil
			}
		}
		if len(page) == 0 {
			return sc.end()
		}
	}
}

// position is the place of a chunk in the order of reading.
type position struct {
	seq   uint64
	chunk uint32
}

// page copies the next values out of the file and moves at behind them.
func (sc *scan) page(at *position) (page []piece, err error) {
	size := 0
	full := func() bool { return len(page) >= pageValues || size >= pageBytes }
	add := func(p piece) {
		p.key, p.value = bytes.Clone(p.key), bytes.Clone(p.value)
		page = append(page, p)
		size += len(p.value)
		*at = position{p.seq, p.chunk + 1}
	}
	err = sc.store.view(func(tx *bbolt.Tx) error {
		if sc.indexed {
			return sc.readIndexed(tx, at, full, add)
		}
		return sc.readAll(tx, *at, full, add)
	})
	return page, err
}

// readAll reads on through all reports of the kinds that are asked for, merged
// into the one order of sequence numbers.
func (sc *scan) readAll(tx *bbolt.Tx, at position, full func() bool, add func(piece)) error {
	var open []*kindCursor
	for _, kind := range kinds {
		if sc.query.Kind == "" || sc.query.Kind == kind {
			open = append(open, newKindCursor(tx, kind, at))
		}
	}
	last := at
	for !full() {
		var first *kindCursor
		for _, c := range open {
			if c.k != nil && (first == nil || bytes.Compare(c.k, first.k) < 0) {
				first = c
			}
		}
		if first == nil {
			return nil
		}
		p, err := first.piece()
		if err != nil {
			return err
		}
		if p.seq > sc.limit {
			return nil
		}
		if p.seq < last.seq || p.seq == last.seq && p.chunk < last.chunk {
			return p.damaged("its key is out of order")
		}
		last = position{p.seq, p.chunk + 1}
		add(p)
		first.k, first.v = first.c.Next()
	}
	return nil
}

// readIndexed reads on through the reports that the index has named.
func (sc *scan) readIndexed(tx *bbolt.Tx, at *position, full func() bool, add func(piece)) error {
	for len(sc.refs) > 0 && !full() {
		r := sc.refs[0]
		if r.seq > at.seq {
			*at = position{seq: r.seq}
		}
		c := newKindCursor(tx, r.kind, *at)
		for ; c.k != nil && !full(); c.k, c.v = c.c.Next() {
			p, err := c.piece()
			if err != nil {
				return err
			}
			if p.seq != r.seq {
				break
			}
			add(p)
		}
		if at.chunk == 0 {
			if err := sc.missing(tx, r.seq); err != nil {
				return err
			}
		}
		if full() {
			return nil // the rest of this report, if any, is on the next page
		}
		sc.refs = sc.refs[1:]
	}
	return nil
}

// kindCursor stands on a value of one kind of report; k is nil behind the last.
type kindCursor struct {
	kind reports.Kind
	c    *bbolt.Cursor
	k, v []byte
}

func newKindCursor(tx *bbolt.Tx, kind reports.Kind, at position) *kindCursor {
	c := &kindCursor{kind: kind, c: tx.Bucket([]byte(bucketOf(kind))).Cursor()}
	c.k, c.v = c.c.Seek(chunkKey(at.seq, at.chunk))
	return c
}

func (c *kindCursor) piece() (piece, error) {
	v := stored{bucketOf(c.kind), c.k, c.v}
	if len(c.k) != chunkKeyBytes {
		return piece{}, v.damaged("its key is no report's")
	}
	seq, chunk := binary.BigEndian.Uint64(c.k), binary.BigEndian.Uint32(c.k[8:])
	return piece{ref: ref{c.kind, seq}, chunk: chunk, stored: v}, nil
}

// assemble gives the part of a report that a value holds, nil if it is not asked
// for.
func (sc *scan) assemble(p *piece) (*storage.Report, error) {
	if p.chunk == 0 {
		return sc.begin(p)
	}
	if p.seq != sc.seq || p.chunk != sc.next || sc.next >= sc.chunks {
		if removed, err := sc.removed(); err != nil || removed { // it was replaced by a longer one
			return nil, errors.Join(err, fmt.Errorf("%w: number %d", storage.ErrRemoved, p.seq))
		}
		return nil, p.damaged("it is not what follows chunk %d of report %d", sc.next, sc.seq)
	}
	sc.next++
	if !sc.wanted {
		return nil, nil
	}
	records, err := sc.store.codec.records(p.stored)
	if err != nil {
		return nil, err
	}
	part := sc.head
	a := *part.Aggregate
	a.Records = records
	part.Aggregate = &a
	part.Chunk, part.Last = int(p.chunk), sc.next == sc.chunks
	return &part, nil
}

// begin takes the head of a report.
func (sc *scan) begin(p *piece) (*storage.Report, error) {
	if err := sc.complete(); err != nil {
		return nil, err
	}
	r, chunks, err := sc.store.codec.head(p.ref, p.stored)
	if err != nil {
		return nil, err
	}
	if chunks > 1 && r.Kind != reports.KindAggregate {
		return nil, p.damaged("it has %d chunks", chunks)
	}
	sc.seen++
	sc.seq, sc.next, sc.chunks = p.seq, 1, chunks
	sc.wanted = sc.query.Matches(r)
	if !sc.wanted {
		return nil, nil
	}
	if chunks > 1 {
		sc.head = *r
		a := *r.Aggregate
		a.Records = nil
		sc.head.Aggregate = &a
	}
	return r, nil
}

// complete tells whether the last report was read to its end.
func (sc *scan) complete() error {
	if sc.next == sc.chunks {
		return nil
	}
	removed, err := sc.removed()
	if err != nil {
		return err
	}
	if removed {
		return fmt.Errorf("%w: number %d", storage.ErrRemoved, sc.seq)
	}
	return fmt.Errorf("%w: report %d ends with chunk %d of %d", storage.ErrDamaged, sc.seq, sc.next, sc.chunks)
}

// end tells whether all has been read that should have been.
func (sc *scan) end() error {
	if err := sc.complete(); err != nil {
		return err
	}
	if sc.indexed || sc.query.After != 0 || sc.seen == sc.start.total(sc.query.Kind) {
		return nil
	}
	// A damaged page can hide some, and nothing else would tell.
	removed, err := sc.removed()
	if err != nil || removed {
		return err
	}
	return fmt.Errorf("%w: it should have %d reports and shows %d", storage.ErrDamaged, sc.start.total(sc.query.Kind), sc.seen)
}

// total is how many reports there are of a kind, or of all.
func (c *counters) total(kind reports.Kind) (n uint64) {
	for _, k := range kinds {
		if kind == "" || kind == k {
			n += *c.of(k)
		}
	}
	return n
}

// missing decides what it means that a report of the index is not there.
func (sc *scan) missing(tx *bbolt.Tx, seq uint64) error {
	now, err := sc.store.loadCounters(tx)
	if err != nil || now.Removed != sc.start.Removed {
		return err
	}
	return fmt.Errorf("%w: report %d is in the index and not there", storage.ErrDamaged, seq)
}

// removed tells whether reports have been removed since the reading began. The file
// is asked: the committer's own count is told only after readers see the change.
func (sc *scan) removed() (yes bool, err error) {
	err = sc.store.view(func(tx *bbolt.Tx) error {
		now, err := sc.store.loadCounters(tx)
		yes = now.Removed != sc.start.Removed
		return err
	})
	return yes, err
}

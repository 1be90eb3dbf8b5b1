package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

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

// scan is one way through the values of reports, in the order of their sequence
// numbers, up to the last one that was there at the start. No transaction is open
// while the caller looks at them.
type scan struct {
	store *Store
	query storage.Query
	limit uint64   // the last sequence number to read
	start counters // of the store when the reading began

	bucketOf func(reports.Kind) string // where the values of a kind are
	perPage  int                       // at most so many values

	refs    []ref // with indexed: the reports to look at, in order
	indexed bool

	// Where the reading stands: the next chunk of this report, or the first one
	// after it.
	seq  uint64
	next uint32
	open bool   // the report has more chunks
	seen uint64 // reports of which something has been read
}

// piece is one value of a report, copied out of the file. It is good until the next
// page is read.
type piece struct {
	ref
	chunk uint32
	stored
}

// page is what was read in one transaction.
type page struct {
	pieces []piece
	bytes  []byte // keys and values
	most   int    // pieces
}

func (p *page) full() bool { return len(p.pieces) >= p.most || len(p.bytes) >= pageBytes }

func (p *page) add(one piece) {
	at := len(p.bytes)
	p.bytes = append(append(p.bytes, one.key...), one.value...)
	key, value := p.bytes[at:at+len(one.key)], p.bytes[at+len(one.key):]
	one.key, one.value = key[:len(key):len(key)], value[:len(value):len(value)]
	p.pieces = append(p.pieces, one)
}

// run reads to the end, or until take wants no more.
func (sc *scan) run(ctx context.Context, take func(*piece) (more bool, err error)) error {
	c := sc.store.now()
	sc.limit, sc.start = c.Seq, c
	if sc.query.After >= sc.limit {
		return ctx.Err()
	}
	if err := sc.choose(ctx); err != nil {
		return err
	}
	at := position{seq: sc.query.After + 1}
	p := &page{most: sc.perPage}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := sc.read(p, &at); err != nil {
			return err
		}
		for i := range p.pieces {
			more, err := take(&p.pieces[i])
			if !more || err != nil {
				return err
			}
		}
		if len(p.pieces) == 0 {
			return sc.end()
		}
	}
}

// position is the place of a chunk in the order of reading.
type position struct {
	seq   uint64
	chunk uint32
}

func (at position) key() []byte { return chunkKey(at.seq, at.chunk) }

// read fills a page with the next values and moves at behind them.
func (sc *scan) read(p *page, at *position) error {
	p.pieces, p.bytes = p.pieces[:0], p.bytes[:0]
	return sc.store.view(func(tx *bbolt.Tx) error {
		if sc.indexed {
			return sc.readIndexed(tx, p, at)
		}
		return sc.readAll(tx, p, at)
	})
}

// readAll reads on through all reports of the kinds that are asked for, merged
// into the one order of sequence numbers.
func (sc *scan) readAll(tx *bbolt.Tx, p *page, at *position) error {
	var open []*kindCursor
	for _, kind := range kinds {
		if sc.query.Kind == "" || sc.query.Kind == kind {
			c := sc.cursor(tx, kind)
			c.seek(*at)
			open = append(open, c)
		}
	}
	for !p.full() {
		var first *kindCursor
		for _, c := range open {
			if c.k != nil && (first == nil || bytes.Compare(c.k, first.k) < 0) {
				first = c
			}
		}
		if first == nil {
			return nil
		}
		one, err := first.piece()
		if err != nil {
			return err
		}
		if one.seq > sc.limit {
			return nil
		}
		if one.seq < at.seq || one.seq == at.seq && one.chunk < at.chunk {
			return one.damaged("its key is out of order")
		}
		*at = position{one.seq, one.chunk + 1}
		p.add(one)
		first.k, first.v = first.c.Next()
	}
	return nil
}

// readIndexed reads on through the reports that the index has named.
func (sc *scan) readIndexed(tx *bbolt.Tx, p *page, at *position) error {
	var cursors [len(kinds) + 1]*kindCursor
	for len(sc.refs) > 0 && !p.full() {
		r := sc.refs[0]
		if r.seq > at.seq {
			*at = position{seq: r.seq}
		}
		c := cursors[kindNumber(r.kind)]
		if c == nil {
			c = sc.cursor(tx, r.kind)
			cursors[kindNumber(r.kind)] = c
		}
		for c.seek(*at); c.k != nil && !p.full(); c.k, c.v = c.c.Next() {
			one, err := c.piece()
			if err != nil {
				return err
			}
			if one.seq != r.seq {
				break
			}
			*at = position{one.seq, one.chunk + 1}
			p.add(one)
		}
		if at.chunk == 0 {
			if err := sc.missing(tx, r.seq); err != nil {
				return err
			}
		}
		if p.full() {
			return nil // the rest of this report, if any, is on the next page
		}
		sc.refs = sc.refs[1:]
	}
	return nil
}

// kindCursor stands on a value of one kind of report; k is nil behind the last.
type kindCursor struct {
	kind   reports.Kind
	bucket string
	c      *bbolt.Cursor
	k, v   []byte
}

func (sc *scan) cursor(tx *bbolt.Tx, kind reports.Kind) *kindCursor {
	bucket := sc.bucketOf(kind)
	return &kindCursor{kind: kind, bucket: bucket, c: tx.Bucket([]byte(bucket)).Cursor()}
}

// seek moves to a place, or behind it. Often the cursor is there already.
func (c *kindCursor) seek(at position) {
	if key := at.key(); c.k == nil || !bytes.Equal(c.k, key) {
		c.k, c.v = c.c.Seek(key)
	}
}

func (c *kindCursor) piece() (piece, error) {
	v := stored{c.bucket, c.k, c.v}
	if len(c.k) != chunkKeyBytes {
		return piece{}, v.damaged("its key is no report's")
	}
	seq, chunk := binary.BigEndian.Uint64(c.k), binary.BigEndian.Uint32(c.k[8:])
	return piece{ref: ref{c.kind, seq}, chunk: chunk, stored: v}, nil
}

// follow tells whether a value is the one that comes next. The caller says in open
// whether the report goes on.
func (sc *scan) follow(p *piece) error {
	if p.chunk == 0 {
		if err := sc.complete(); err != nil {
			return err
		}
		sc.seen++
		sc.seq, sc.next = p.seq, 1
		return nil
	}
	if p.seq != sc.seq || p.chunk != sc.next || !sc.open {
		if removed, err := sc.removed(); err != nil || removed { // it was replaced by a longer one
			return errors.Join(err, fmt.Errorf("%w: number %d", storage.ErrRemoved, p.seq))
		}
		return p.damaged("it is not what follows chunk %d of report %d", sc.next, sc.seq)
	}
	sc.next++
	return nil
}

// complete tells whether the last report was read to its end.
func (sc *scan) complete() error {
	if !sc.open {
		return nil
	}
	removed, err := sc.removed()
	if err != nil {
		return err
	}
	if removed {
		return fmt.Errorf("%w: number %d", storage.ErrRemoved, sc.seq)
	}
	return fmt.Errorf("%w: report %d ends before chunk %d", storage.ErrDamaged, sc.seq, sc.next)
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

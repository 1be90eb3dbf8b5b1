package bolt

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"reportmx/reports"
	"reportmx/storage"
)

// maxRefs bounds the list of reports that an index may name, 16 bytes each. A
// query that fits more of them is answered by reading all reports: it would read
// the better part of them anyhow.
const maxRefs = 1 << 20

// choose decides how to find the reports: by an index if one helps.
func (sc *scan) choose(ctx context.Context) error {
	x := &indexScan{scan: sc, ctx: ctx}
	q := &sc.query
	var err error
	switch {
	case q.Target != "":
		err = x.byDomain()
	case !q.Since.IsZero() || !q.Until.IsZero():
		err = x.byBegin()
	default:
		return nil
	}
	if err != nil || x.tooMany {
		return err
	}
	slices.SortFunc(x.refs, func(a, b ref) int { return cmp.Compare(a.seq, b.seq) })
	sc.refs, sc.indexed = slices.Compact(x.refs), true
	return nil
}

// indexScan collects candidates: all reports that are asked for, and maybe some
// that are not.
type indexScan struct {
	*scan
	ctx     context.Context
	refs    []ref
	tooMany bool
}

// period gives the first and the last second of the query, as they stand in keys.
func (x *indexScan) period() (since, until []byte) {
	since = bytes.Repeat([]byte{0}, timeBytes)
	until = bytes.Repeat([]byte{0xff}, timeBytes)
	if !x.query.Since.IsZero() {
		since = appendTime(nil, x.query.Since)
	}
	if !x.query.Until.IsZero() {
		until = appendTime(nil, x.query.Until)
	}
	return since, until
}

// byDomain collects the reports about the target and what is below it. Their keys
// stand together, domain by domain; of each domain only the period is visited.
func (x *indexScan) byDomain() error {
	since, until := x.period()
	target := domainPrefix(reports.NormalDomain(x.query.Target))
	for _, prefix := range [][]byte{{endOfDomain}, target} {
		err := x.walk(bucketDomain, prefix, func(k []byte) (skip []byte, take bool) {
			const tail = timeBytes + 8 // begin, sequence
			if len(k) < len(prefix)+tail {
				return nil, false
			}
			domain, begin := k[:len(k)-tail], k[len(k)-tail:len(k)-8]
			switch {
			case bytes.Compare(begin, since) < 0:
				return append(bytes.Clone(domain), since...), false
			case bytes.Compare(begin, until) > 0:
				return append(bytes.Clone(domain), bytes.Repeat([]byte{0xff}, tail+1)...), false
			}
			return nil, true
		})
		if err != nil || x.tooMany {
			return err
		}
	}
	return nil
}

// byBegin collects the reports of a period, and those that name none.
func (x *indexScan) byBegin() error {
	since, until := x.period()
	none := appendTime(nil, time.Time{})
	err := x.walk(bucketIdentity, none, func([]byte) ([]byte, bool) { return nil, true })
	if err != nil {
		return err
	}
	return x.walk(bucketIdentity, nil, func(k []byte) (skip []byte, take bool) {
		switch {
		case bytes.Compare(k, since) < 0:
			return since, false
		case bytes.Compare(k[:min(len(k), timeBytes)], until) > 0:
			return bytes.Repeat([]byte{0xff}, timeBytes+1), false
		}
		return nil, true
	})
}

// walk visits the keys with a prefix in short transactions. visit says whether the
// report is a candidate and, if not nil, to which higher key to skip.
func (x *indexScan) walk(bucket string, prefix []byte, visit func(k []byte) (skip []byte, take bool)) error {
	// What is no longer late by now is in the index.
	for _, r := range x.store.lateRefs(bucket, prefix, func(k []byte) bool { _, take := visit(k); return take }) {
		x.take(r)
	}
	from := append([]byte{}, prefix...) // not nil: that is the end
	for from != nil && !x.tooMany {
		if err := x.ctx.Err(); err != nil {
			return err
		}
		err := x.store.view(func(tx *bbolt.Tx) (err error) {
			from, err = x.walkPage(tx.Bucket([]byte(bucket)).Cursor(), bucket, from, prefix, visit)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// indexPage is how many index keys are read in one read transaction.
const indexPage = 4096

// walkPage visits some keys and gives the one to go on with, nil at the end.
func (x *indexScan) walkPage(c *bbolt.Cursor, bucket string, from, prefix []byte, visit func(k []byte) ([]byte, bool)) ([]byte, error) {
	k, v := c.Seek(from)
	for range indexPage {
		if k == nil || !bytes.HasPrefix(k, prefix) {
			return nil, nil
		}
		if bytes.Compare(k, from) < 0 {
			return nil, stored{bucket, k, v}.damaged("its key is out of order")
		}
		skip, take := visit(k)
		if take {
			if err := x.add(stored{bucket, k, v}); err != nil || x.tooMany {
				return nil, err
			}
		}
		from = append(bytes.Clone(k), 0) // the next key that there could be
		if skip == nil {
			k, v = c.Next()
		} else {
			from = skip
			k, v = c.Seek(skip)
		}
	}
	return from, nil
}

// add takes a candidate.
func (x *indexScan) add(v stored) error {
	r, err := v.ref()
	if err != nil {
		return err
	}
	if v.bucket == bucketDomain && binary.BigEndian.Uint64(v.key[len(v.key)-8:]) != r.seq {
		return fmt.Errorf("%w: the index of domains names report %d wrongly", storage.ErrDamaged, r.seq)
	}
	x.take(r)
	return nil
}

func (x *indexScan) take(r ref) {
	if r.seq <= x.query.After || r.seq > x.limit || x.query.Kind != "" && x.query.Kind != r.kind {
		return
	}
	x.refs = append(x.refs, r)
	x.tooMany = len(x.refs) > maxRefs
}

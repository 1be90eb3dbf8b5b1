package bolt

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"reportmx/reports"
	"reportmx/storage"
)

// batch is a storage.Batch made ready: all that can be done without the
// transaction has been done.
type batch struct {
	reports []report
	held    *value
	hash    []byte // of the held message
	bytes   int64  // of the hold's quota

	raw       *value // for the reports, nil to keep none
	rawBucket string
	heldRaw   *value // the same for the held message: it is dropped on its own
	quota     int64  // of the hold, 0 for none
	release   uint64 // a held message that goes, 0 for none

	size    int // bytes of all values
	outcome storage.Outcome
}

// report is one report made ready.
type report struct {
	kind     reports.Kind
	identity []byte // start of the key in the identity index
	content  []byte // end of it
	domains  [][]byte
	chunks   []*value
	columns  []*value
}

func (s *Store) prepare(b *storage.Batch) (*batch, error) {
	p := &batch{rawBucket: bucketRaw, quota: b.HoldQuota, release: b.Release}
	for i := range b.Reports {
		r, err := s.prepareReport(&b.Reports[i])
		if err != nil {
			return nil, err
		}
		if r.kind == reports.KindFailure {
			p.rawBucket = bucketFailureRaw
		}
		for _, values := range [][]*value{r.chunks, r.columns} {
			for _, v := range values {
				p.size += len(v.b)
			}
		}
		p.reports = append(p.reports, r)
	}
	if b.Raw != nil {
		if err := s.prepareRaw(p, b); err != nil {
			return nil, err
		}
	}
	if b.Held != nil {
		return p, s.prepareHeld(p, b)
	}
	return p, nil
}

func (s *Store) prepareReport(r *storage.Report) (report, error) {
	if !isOf(r.Kind, r) {
		return report{}, fmt.Errorf("prepare report: it says to be of kind %q and is not", r.Kind)
	}
	chunks, err := s.codec.chunks(r)
	if err != nil {
		return report{}, fmt.Errorf("prepare report: %w", err)
	}
	columns, err := s.codec.columns(r)
	if err != nil {
		return report{}, fmt.Errorf("prepare columns: %w", err)
	}
	return report{
		kind:     r.Kind,
		identity: identityPrefix(&r.Report),
		content:  r.ContentHash[:identityBytes],
		domains:  domainKeys(r),
		chunks:   chunks,
		columns:  columns,
	}, nil
}

// prepareRaw compresses the message, once for each place that it goes to: a held
// message is dropped on its own, also when other parts of it were reports.
func (s *Store) prepareRaw(p *batch, b *storage.Batch) (err error) {
	if len(p.reports) > 0 && !b.RawForHold {
		if p.raw, err = s.codec.newRaw(b.Raw); err != nil {
			return fmt.Errorf("prepare message: %w", err)
		}
		p.size += len(p.raw.b)
	}
	if b.Held != nil {
		if p.heldRaw, err = s.codec.newRaw(b.Raw); err != nil {
			return fmt.Errorf("prepare message: %w", err)
		}
		p.size += len(p.heldRaw.b)
	}
	return nil
}

func (s *Store) prepareHeld(p *batch, b *storage.Batch) (err error) {
	if b.Held.Hash == [sha256.Size]byte{} {
		return errors.New("prepare held message: it has no hash")
	}
	h := *b.Held
	if h.Size == 0 {
		h.Size = int64(len(b.Raw))
	}
	p.hash, p.bytes = h.Hash[:], h.Takes()
	if p.held, err = s.codec.newHeld(&h); err != nil {
		return fmt.Errorf("prepare held message: %w", err)
	}
	p.size += len(p.held.b)
	return nil
}

// apply puts the batch into a transaction. What earlier jobs of the group have put
// is seen, so that duplicates are found among them, too.
func (p *batch) apply(t *txn) error {
	p.outcome = storage.Outcome{}
	var raw uint64 // where the message stands, once the first report is new
	for i := range p.reports {
		r := &p.reports[i]
		at, found, conflict, err := t.known(r.identity, r.content)
		if err != nil {
			return err
		}
		if found {
			t.counters.Duplicates++
			p.outcome.Reports = append(p.outcome.Reports, storage.ReportOutcome{Seq: at.seq, Duplicate: true})
			continue
		}
		seq := t.next()
		if p.raw != nil && raw == 0 {
			raw = seq
			if err := t.put(p.rawBucket, seqKey(raw), p.raw, nil); err != nil {
				return err
			}
		}
		if err := r.put(t, seq, stamp{conflict: conflict, raw: raw}); err != nil {
			return err
		}
		p.outcome.Reports = append(p.outcome.Reports, storage.ReportOutcome{Seq: seq, Conflict: conflict})
	}
	if p.release != 0 {
		if err := t.dropHeld(p.release); err != nil {
			return fmt.Errorf("release held message %d: %w", p.release, err)
		}
	}
	if p.held == nil {
		return nil
	}
	return p.hold(t)
}

func (r *report) put(t *txn, seq uint64, st stamp) error {
	bucket := bucketOf(r.kind)
	for i, v := range r.chunks {
		var b []byte
		if i == 0 {
			b = st.bytes()
		}
		if err := t.put(bucket, chunkKey(seq, uint32(i)), v, b); err != nil {
			return err
		}
	}
	if err := r.putColumns(t, seq, st.conflict); err != nil {
		return err
	}
	t.late.add(ref{r.kind, seq}, r.identity, r.content, r.domains)
	t.counters.Late = max(t.counters.Late, t.counters.Seq-seq+1)
	*t.counters.of(r.kind)++
	return nil
}

// putColumns puts what summaries need of a report.
func (r *report) putColumns(t *txn, seq uint64, conflict bool) error {
	for i, v := range r.columns {
		if err := t.put(bucketColumns, chunkKey(seq, uint32(i)), v, columnStamp(conflict)); err != nil {
			return err
		}
	}
	return nil
}

// hold puts the held message, unless it is in the hold already.
func (p *batch) hold(t *txn) error {
	if v := get(t.tx, bucketHeldHash, p.hash); v.value != nil {
		seq, err := v.number()
		p.outcome.Held = seq
		return err
	}
	if err := p.makeRoom(t); err != nil {
		return err
	}
	seq := t.next()
	if err := t.put(bucketHeld, seqKey(seq), p.held, nil); err != nil {
		return err
	}
	if p.heldRaw != nil {
		if err := t.put(bucketHeldRaw, seqKey(seq), p.heldRaw, nil); err != nil {
			return err
		}
	}
	if err := t.putSmall(bucketHeldHash, p.hash, seqKey(seq)); err != nil {
		return err
	}
	t.counters.Held++
	t.counters.HeldBytes += p.bytes
	p.outcome.Held, p.outcome.HeldNew = seq, true
	return nil
}

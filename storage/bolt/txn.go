package bolt

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"

	"reportmx/reports"
	"reportmx/storage"
)

// counters are the numbers that would cost a walk over the file to find. They are
// written with each commit.
type counters struct {
	Seq        uint64 `cbor:"1,keyasint"` // the last one given
	Duplicates uint64 `cbor:"2,keyasint,omitempty"`
	Aggregate  uint64 `cbor:"3,keyasint,omitempty"`
	Failure    uint64 `cbor:"4,keyasint,omitempty"`
	TLS        uint64 `cbor:"5,keyasint,omitempty"`
	Held       uint64 `cbor:"6,keyasint,omitempty"`
	HeldBytes  int64  `cbor:"7,keyasint,omitempty"`
	// Keys is how many keys are in each of buckets, but for meta. bbolt does not
	// notice when a damaged page hides some of them.
	Keys [len(buckets)]int64 `cbor:"8,keyasint"`
	// Removed is how many reports have been removed: a reader that misses one looks
	// whether that is why.
	Removed uint64 `cbor:"9,keyasint,omitempty"`
	// Late is of how many of the last sequence numbers the keys are late.
	Late uint64 `cbor:"-"`
}

// countKeys notes that keys were put into a bucket, or deleted.
func (c *counters) countKeys(bucket string, n int64) {
	if p := places[bucket]; p.index > 0 {
		c.Keys[p.index] += n
	}
}

func (c *counters) of(k reports.Kind) *uint64 {
	switch k {
	case reports.KindAggregate:
		return &c.Aggregate
	case reports.KindFailure:
		return &c.Failure
	default:
		return &c.TLS
	}
}

func (s *Store) loadCounters(tx *bbolt.Tx) (c counters, err error) {
	v := stored{bucketMeta, keyCounters, tx.Bucket([]byte(bucketMeta)).Get(keyCounters)}
	if v.value == nil {
		return c, nil // nothing has been committed yet
	}
	return s.codec.counters(v)
}

// now gives the counters as of the last commit.
func (s *Store) now() counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counters
}

// txn is a write transaction with what the jobs of a group share.
type txn struct {
	tx       *bbolt.Tx
	codec    *codec
	counters counters
	dirty    bool // something has been put or deleted
	// passed: the held messages up to this number, if any, have senders that passed.
	passed *uint64
	began  uint64 // the last number that was given before this transaction

	before *lateKeys // of earlier transactions; putLate leaves none
	late   lateKeys  // of this one
}

// next gives a new sequence number.
func (t *txn) next() uint64 {
	t.counters.Seq++
	if t.counters.Late > 0 {
		t.counters.Late++
	}
	return t.counters.Seq
}

// appendFill is how full pages are made in buckets whose keys only ever rise: nothing is
// inserted between them later, so room for it would be lost.
const appendFill = 0.9

// put adds a key, which must not be there yet.
func (t *txn) put(bucket string, key []byte, v *value, stamp []byte) error {
	b := t.tx.Bucket(nameOf(bucket))
	switch bucket {
	case bucketIdentity, bucketDomain, bucketHeldHash: // keys come in any order
	default:
		b.FillPercent = appendFill
	}
	t.dirty = true
	t.counters.countKeys(bucket, 1)
	if err := b.Put(key, v.seal(bucket, key, stamp)); err != nil {
		return fmt.Errorf("put into %s: %w", bucket, err)
	}
	return nil
}

// putSmall puts a body that is not worth encoding.
func (t *txn) putSmall(bucket string, key, body []byte) error {
	v, err := t.codec.pack(body, nil, 0)
	if err != nil {
		return err
	}
	return t.put(bucket, key, v, nil)
}

// delete removes a key, if it is there.
func (t *txn) delete(bucket string, key []byte) error {
	b := t.tx.Bucket(nameOf(bucket))
	if b.Get(key) == nil {
		return nil
	}
	t.dirty = true
	t.counters.countKeys(bucket, -1)
	if err := b.Delete(key); err != nil {
		return fmt.Errorf("delete from %s: %w", bucket, err)
	}
	return nil
}

func (t *txn) putCounters() error {
	v, err := t.codec.newCounters(&t.counters)
	if err != nil {
		return err
	}
	return t.put(bucketMeta, keyCounters, v, nil)
}

// get gives the value of a key; one with a nil value when there is none.
func get(tx *bbolt.Tx, bucket string, key []byte) stored {
	return stored{bucket, key, tx.Bucket(nameOf(bucket)).Get(key)}
}

// known looks a report up by what is the start of its key in the identity index
// and its content. conflict: there is one of this identity with other content.
func (t *txn) known(prefix, content []byte) (at ref, found, conflict bool, err error) {
	for _, late := range []*lateKeys{t.before, &t.late} {
		at, found, begun := late.known(prefix, content)
		if found {
			return at, true, false, nil
		}
		conflict = conflict || begun
	}
	k, _ := t.tx.Bucket(nameOf(bucketIdentity)).Cursor().Seek(prefix)
	if !bytes.HasPrefix(k, prefix) { // nearly always
		return ref{}, false, conflict, nil
	}
	if v := get(t.tx, bucketIdentity, bytes.Join([][]byte{prefix, content}, nil)); v.value != nil {
		at, err = v.ref()
		return at, true, false, err
	}
	return ref{}, false, true, nil
}

// ref reads a value that names a report.
func (v stored) ref() (ref, error) {
	_, _, body, err := v.unseal(0)
	if err != nil {
		return ref{}, err
	}
	return parseRef(body)
}

// Stats gives the state of the store. FileBytes is the size of the file, with the
// pages in it that are free.
func (s *Store) Stats() (storage.Stats, error) {
	c := s.now()
	size, err := s.fileBytes()
	if err != nil {
		return storage.Stats{}, fmt.Errorf("stats: %w", err)
	}
	st := storage.Stats{
		Reports:    make(map[reports.Kind]uint64, len(kinds)),
		Held:       c.Held,
		HeldBytes:  c.HeldBytes,
		FileBytes:  size,
		LastSeq:    c.Seq,
		Duplicates: c.Duplicates,
	}
	for _, k := range kinds {
		st.Reports[k] = *c.of(k)
	}
	return st, nil
}

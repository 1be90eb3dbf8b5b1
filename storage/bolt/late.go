package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"reportmx/storage"
)

// Late keys are keys of the two indexes that have not been put yet. They come in no
// order, so that nearly each of them would change a page of its own, and that would
// be most of what a commit writes. So they wait in memory for each other; put together
// and in order, many of them go to one page.
//
// A crash does not lose them: the counters say of how many of the last sequence
// numbers the keys are late, and Open makes them again from the reports.

// maxLate is for how many reports keys wait. Putting them changes at most two pages
// a report, all of which bbolt has in memory twice: some 8 MB, and all other commits wait.
const maxLate = 256

// identityKeyBytes is the length of a key of the identity index.
const (
	identityPrefixBytes = timeBytes + identityBytes
	identityKeyBytes    = identityPrefixBytes + identityBytes
)

// lateKeys are the late keys of some reports.
type lateKeys struct {
	identity map[[identityKeyBytes]byte]ref
	begun    map[[identityPrefixBytes]byte]bool // what those begin with
	domain   []lateKey
}

type lateKey struct {
	key []byte
	ref ref
}

// of gives the late keys of one of the indexes.
func (l *lateKeys) of(bucket string) []lateKey {
	if bucket == bucketDomain {
		return l.domain
	}
	keys := make([]lateKey, 0, len(l.identity))
	for k, r := range l.identity {
		keys = append(keys, lateKey{k[:], r})
	}
	return keys
}

// add adds the keys of a report.
func (l *lateKeys) add(at ref, identity, content []byte, domains [][]byte) {
	if l.identity == nil {
		l.identity = make(map[[identityKeyBytes]byte]ref)
		l.begun = make(map[[identityPrefixBytes]byte]bool)
	}
	var key [identityKeyBytes]byte
	copy(key[copy(key[:], identity):], content)
	l.identity[key] = at
	l.begun[[identityPrefixBytes]byte(identity)] = true
	for _, d := range domains {
		l.domain = append(l.domain, lateKey{append(d[:len(d):len(d)], seqKey(at.seq)...), at})
	}
}

// join adds the keys of others.
func (l *lateKeys) join(others *lateKeys) {
	if len(l.identity) == 0 {
		*l = *others
		return
	}
	for k, r := range others.identity {
		l.identity[k] = r
		l.begun[[identityPrefixBytes]byte(k[:])] = true
	}
	l.domain = append(l.domain, others.domain...)
}

// known looks a report up. begun: there is one of this identity, whatever its
// content.
func (l *lateKeys) known(identity, content []byte) (at ref, found, begun bool) {
	if len(l.identity) == 0 || !l.begun[[identityPrefixBytes]byte(identity)] {
		return ref{}, false, false
	}
	var key [identityKeyBytes]byte
	copy(key[copy(key[:], identity):], content)
	at, found = l.identity[key]
	return at, found, true
}

// putLate puts all late keys, those of earlier transactions and of this one.
func (t *txn) putLate() error {
	for _, bucket := range []string{bucketIdentity, bucketDomain} {
		keys := slices.Concat(t.before.of(bucket), t.late.of(bucket))
		slices.SortFunc(keys, func(a, b lateKey) int { return bytes.Compare(a.key, b.key) })
		for _, k := range keys {
			if err := t.putSmall(bucket, k.key, k.ref.append(nil)); err != nil {
				return err
			}
		}
	}
	t.before, t.late = &lateKeys{}, lateKeys{}
	t.counters.Late = 0
	t.dirty = true
	return nil
}

// indexed sees to it that the keys of a report are in the indexes.
func (t *txn) indexed(seq uint64) error {
	if seq+t.counters.Late <= t.counters.Seq {
		return nil
	}
	return t.putLate()
}

// catchUp puts the late keys when there are enough of them. When that fails they are
// still late, and nothing is lost.
func (s *Store) catchUp() {
	if s.broken || len(s.late.identity) < s.options.maxLate {
		return
	}
	if _, err := s.attempt([]*job{{apply: (*txn).putLate}}); err != nil {
		s.options.Logger.Warn("keys of indexes not written yet", "error", err)
	}
}

// loadLate makes the late keys from the reports that they are of.
func (s *Store) loadLate(tx *bbolt.Tx) error {
	c := &s.saved
	if c.Late > c.Seq {
		return fmt.Errorf("%w: of %d reports %d are not in the indexes", storage.ErrDamaged, c.Seq, c.Late)
	}
	if c.Late == 0 {
		return nil
	}
	from := position{seq: c.Seq - c.Late + 1}
	for _, kind := range kinds {
		at := &kindCursor{kind: kind, bucket: bucketOf(kind), c: tx.Bucket([]byte(bucketOf(kind))).Cursor()}
		for at.seek(from); at.k != nil; at.k, at.v = at.c.Next() {
			p, err := at.piece()
			if err == nil && p.chunk == 0 {
				err = s.addLate(&p)
			}
			if errors.Is(err, storage.ErrDamaged) {
				s.options.Logger.Warn("a damaged report is not in the indexes", "seq", p.seq, "error", err)
				continue
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) addLate(p *piece) error {
	r, _, err := s.codec.head(p.ref, p.stored)
	if err != nil {
		return err
	}
	s.late.add(p.ref, identityPrefix(&r.Report), r.ContentHash[:identityBytes], domainKeys(r))
	return nil
}

// lateRefs gives the reports whose late keys in an index have a prefix and are taken.
func (s *Store) lateRefs(bucket string, prefix []byte, take func(key []byte) bool) (refs []ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.late.of(bucket) {
		if bytes.HasPrefix(k.key, prefix) && take(k.key) {
			refs = append(refs, k.ref)
		}
	}
	return refs
}

// checkIndexed tells whether each report has a key in the identity index, or a late
// one.
func (s *Store) checkIndexed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := uint64(s.counters.Keys[places[bucketIdentity].index]) + uint64(len(s.late.identity))
	if all := s.counters.total(""); keys != all {
		return fmt.Errorf("%w: there are %d reports, and the index of identities has %d", storage.ErrDamaged, all, keys)
	}
	return nil
}

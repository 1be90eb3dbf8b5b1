package bolt

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// commitReports stores reports first to first+n-1, each in a transaction of its own.
func commitReports(t *testing.T, s *Store, first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		b := storage.Batch{Reports: []storage.Report{storagetest.Aggregate(i, 1)}}
		if _, err := s.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

func keysIn(t *testing.T, s *Store, bucket string) (n int) {
	t.Helper()
	err := s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucket)).ForEach(func(_, _ []byte) error {
			n++
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// found gives the numbers of the reports that a query finds.
func found(t *testing.T, s *Store, q storage.Query) (seqs []uint64) {
	t.Helper()
	for r, err := range s.Reports(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, r.Seq)
	}
	return seqs
}

// TestLateTogether looks when the keys are put.
func TestLateTogether(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{maxLate: 5})
	for i, want := range []int{0, 0, 0, 0, 5, 5, 5, 5, 5, 10} {
		commitReports(t, s, i, 1)
		// The committer puts keys after it has answered: ask for something that it
		// does after that.
		if err := s.do(t.Context(), 0, func(*txn) error { return nil }); err != nil {
			t.Fatal(err)
		}
		for _, bucket := range []string{bucketIdentity, bucketDomain} {
			if got := keysIn(t, s, bucket); got != want {
				t.Errorf("after report %d: got %d keys in %s, want %d", i, got, bucket, want)
			}
		}
		if got := len(found(t, s, storage.Query{Target: "example.com"})); got != i+1 {
			t.Errorf("after report %d: the index of domains finds %d", i, got)
		}
	}
}

// TestLateReopened opens a store whose keys are late: nothing is missing.
func TestLateReopened(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{maxLate: 4})
	commitReports(t, s, 0, 6)
	if _, err := s.Commit(t.Context(), storage.Batch{Held: storagetest.Held(1)}); err != nil {
		t.Fatal(err)
	}
	commitReports(t, s, 6, 1)
	queries := map[string]storage.Query{
		"target": {Target: "example.com"}, "one target": {Target: "d6.example.com"},
		"since": {Since: time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC)},
	}
	want := map[string][]uint64{}
	for name, q := range queries {
		want[name] = found(t, s, q)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	read, err := Open(filepath.Join(dir, "store", "reports.db"), Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range queries {
		if got := found(t, read, q); len(got) == 0 || !slices.Equal(got, want[name]) {
			t.Errorf("%s: got %v, want %v", name, got, want[name])
		}
	}
	if err := errors.Join(read.Check(t.Context()), read.Close()); err != nil {
		t.Error(err)
	}
	s = openStore(t, dir, Options{})
	if keysIn(t, s, bucketIdentity) == 7 {
		t.Error("no key was late")
	}
	again := storage.Batch{Reports: []storage.Report{storagetest.Aggregate(6, 1), storagetest.Aggregate(6, 1)}}
	again.Reports[1].ContentHash[0]++
	o, err := s.Commit(t.Context(), again)
	if err != nil || !o.Reports[0].Duplicate || o.Reports[0].Seq != 8 || !o.Reports[1].Conflict {
		t.Errorf("a late report again, and with other content: got %+v and error %v", o, err)
	}
}

// TestLateFailed fails one job of a group: its keys are not remembered.
func TestLateFailed(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	commitReports(t, s, 0, 1)
	r := storagetest.Aggregate(1, 1)
	p, err := s.prepare(&storage.Batch{Reports: []storage.Report{r}, Release: 99})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.do(t.Context(), 0, p.apply); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("got error %v, want %v", err, storage.ErrNotFound)
	}
	o, err := s.Commit(t.Context(), storage.Batch{Reports: []storage.Report{r}})
	if err != nil || o.Reports[0].Duplicate || o.Reports[0].Seq != 2 {
		t.Errorf("got %+v and error %v, want a new report 2", o, err)
	}
	if got := found(t, s, storage.Query{Target: "example.com"}); len(got) != 2 {
		t.Errorf("got %v, want two reports", got)
	}
}

// TestLateRemoved removes and replaces reports whose keys are late.
func TestLateRemoved(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	commitReports(t, s, 0, 4)
	r := storagetest.Aggregate(2, 2)
	r.Seq = 3
	if err := s.Replace(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	commitReports(t, s, 4, 3)
	rm := storage.Removal{What: storage.AggregateReports, Target: "d5.example.com"}
	if n, err := s.Remove(t.Context(), rm); err != nil || n != 1 {
		t.Fatalf("got %d and error %v, want one removed", n, err)
	}
	if got, want := found(t, s, storage.Query{Target: "example.com"}), []uint64{1, 2, 3, 4, 5, 7}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	commitReports(t, s, 5, 1)
	if got, want := found(t, s, storage.Query{Target: "d5.example.com"}), []uint64{8}; !slices.Equal(got, want) {
		t.Errorf("the removed one again: got %v, want %v", got, want)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLateForgotten takes the note of late keys out of the counters: verify sees that
// the index does not have them.
func TestLateForgotten(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{maxLate: 3})
	commitReports(t, s, 0, 5)
	path := s.db.Path()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Verify(t.Context(), path); err != nil {
		t.Fatalf("before: got error %v", err)
	}
	s = openStore(t, dir, Options{})
	err := s.do(t.Context(), 0, func(x *txn) error {
		x.counters.Late, x.dirty = 0, true
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := Verify(t.Context(), path); !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("got error %v, want %v", err, storage.ErrDamaged)
	}
}

// TestAlikeInIndex holds that policy domains of one report which the index spells alike are
// one key: as two, the counters would say for ever that one of them is lost.
func TestAlikeInIndex(t *testing.T) {
	long := strings.Repeat("."+strings.Repeat("x", 60), 5) + ".example.org"
	for name, domains := range map[string][2]string{
		"bytes that are replaced": {"a\x00.example.com", "a\x01.example.com"},
		"what is cut":             {"y" + long, "z" + long},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, t.TempDir(), Options{maxLate: 1})
			r := storagetest.TLS(1)
			r.TLS.Policies = append(r.TLS.Policies, r.TLS.Policies[0])
			for i, d := range domains {
				r.TLS.Policies[i].PolicyDomain = d
			}
			for _, b := range []storage.Batch{{Reports: []storage.Report{r}}, {Reports: []storage.Report{storagetest.TLS(2)}}} {
				if _, err := s.Commit(t.Context(), b); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Check(t.Context()); err != nil {
				t.Error(err)
			}
			for _, d := range domains {
				if got, err := storagetest.Collect(s.Reports(t.Context(), storage.Query{Target: d})); err != nil || len(got) != 1 {
					t.Errorf("%.20q: got %d reports, %v, want 1", d, len(got), err)
				}
			}
			if n, err := s.Remove(t.Context(), storage.Removal{What: storage.What(reports.KindTLS)}); err != nil || n != 2 {
				t.Errorf("removed %d, %v, want 2", n, err)
			}
			if err := s.Check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

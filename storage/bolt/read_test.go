package bolt

import (
	"testing"

	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// TestReportsKept keeps all reports of a store of several pages: what is read next
// must not change them.
func TestReportsKept(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	var b storage.Batch
	for i := range pageValues {
		long := i % 50 // its value is plain, or packed
		b.Reports = append(b.Reports, storagetest.Aggregate(i, long), storagetest.Failure(i), storagetest.TLS(i))
	}
	if _, err := s.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for i := range b.Reports {
		b.Reports[i].Seq, b.Reports[i].Last = uint64(i+1), true
	}
	var got []storage.Report
	for r, err := range s.Reports(t.Context(), storage.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, *r)
	}
	compare(t, got, b.Reports, nil)
}

package bolt

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// TestRemoveLarge removes a report whose columns are on two pages, as the last of a
// step.
func TestRemoveLarge(t *testing.T) {
	const all, large = 74, removeStep - 1
	s := openStore(t, t.TempDir(), Options{})
	for n := range all {
		r := storagetest.Aggregate(n, 1)
		if n == large {
			records := storagetest.Aggregate(n, pageBytes/17).Aggregate.Records
			for i := range records {
				address := [16]byte{0: 0x20, 1: 0x01}
				binary.BigEndian.PutUint32(address[12:], uint32(i))
				records[i].SourceIP = netip.AddrFrom16(address)
			}
			r.Aggregate.Records = records
		}
		if _, err := s.Commit(t.Context(), storage.Batch{Reports: []storage.Report{r}}); err != nil {
			t.Fatal(err)
		}
	}
	n, err := s.Remove(t.Context(), storage.Removal{What: storage.AggregateReports})
	if err != nil || n != all {
		t.Errorf("removed %d and got error %v, want %d", n, err, all)
	}
	if err := s.verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRemoveOldBehindYoung removes what is old behind more than a page of what is not.
func TestRemoveOldBehindYoung(t *testing.T) {
	const young = 1000
	s := openStore(t, t.TempDir(), Options{})
	for n := young; n <= young+pageValues; n++ {
		commitEach(t, s, n)
	}
	commitEach(t, s, 0)
	before := storagetest.Message(young).ReceivedAt
	for _, what := range []storage.What{storage.RawMessages, storage.AggregateReports, storage.TLSReports, storage.FailureReports, storage.HeldMessages} {
		for _, step := range []struct {
			enough time.Time
			want   int
		}{
			{before.Add(time.Nanosecond), 0}, // it is not looked for so far
			{before.AddDate(1, 0, 0), 1},
			{time.Time{}, 0}, // it is gone
		} {
			if n, err := s.Remove(t.Context(), storage.Removal{What: what, Before: before, Enough: step.enough}); err != nil || n != step.want {
				t.Errorf("%s, enough at %v: removed %d and got error %v, want %d", what, step.enough, n, err, step.want)
			}
		}
	}
}

// commitEach commits one thing of each sort that can be removed.
func commitEach(t *testing.T, s *Store, n int) {
	t.Helper()
	for _, b := range []storage.Batch{
		{Reports: []storage.Report{storagetest.Aggregate(n, 1)}, Raw: storagetest.Raw(n)},
		{Reports: []storage.Report{storagetest.TLS(n), storagetest.Failure(n)}},
		{Held: storagetest.Held(n), Raw: storagetest.Raw(n)},
	} {
		if _, err := s.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

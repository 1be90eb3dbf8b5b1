package bolt

import (
	"encoding/binary"
	"net/netip"
	"testing"

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

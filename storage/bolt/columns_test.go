package bolt

import (
	"errors"
	"fmt"
	"testing"

	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// BenchmarkColumns encodes and decodes the columns of a report.
func BenchmarkColumns(b *testing.B) {
	c := testCodec(b)
	for _, records := range []int{3, storage.ChunkRecords} {
		r := storagetest.Aggregate(1, records)
		b.Run(fmt.Sprintf("encode/records=%d", records), func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				values, err := c.columns(&r)
				if err != nil {
					b.Fatal(err)
				}
				size = len(values[0].b)
			}
			b.ReportMetric(float64(size), "B/value")
		})
		b.Run(fmt.Sprintf("decode/records=%d", records), func(b *testing.B) {
			b.ReportAllocs()
			v := columnsSealed(b, c, &r)
			var columns columnReader
			var d storage.Digest
			for b.Loop() {
				if err := columns.read(v, &d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// columnsSealed gives the columns of a report of one chunk as they are stored.
func columnsSealed(t testing.TB, c *codec, r *storage.Report) stored {
	t.Helper()
	values, err := c.columns(r)
	if err != nil || len(values) != 1 {
		t.Fatalf("got %d values and error %v", len(values), err)
	}
	key := chunkKey(1, 0)
	return stored{bucketColumns, key, values[0].seal(bucketColumns, key, columnStamp(r.Conflict))}
}

// FuzzColumns reads whatever has the right checksum: it is refused as damaged, or it
// is what a report could have.
func FuzzColumns(f *testing.F) {
	c := testCodec(f)
	odd := oddReport(7)
	for _, r := range []storage.Report{storagetest.Aggregate(1, 0), storagetest.Aggregate(2, 5), odd} {
		f.Add(byte(0), appendColumns(nil, storage.DigestOf(&r)))
	}
	f.Add(byte(2), []byte{0})
	f.Add(byte(1), []byte{0xff, 0x80, 0x80})
	f.Fuzz(func(t *testing.T, stamp byte, body []byte) {
		v, err := c.pack(body, nil, columnStampBytes)
		if err != nil {
			t.Fatal(err)
		}
		key := chunkKey(1, 0)
		at := stored{bucketColumns, key, v.seal(bucketColumns, key, []byte{stamp})}
		var d, again storage.Digest
		var columns columnReader
		if err := columns.read(at, &d); err != nil {
			if !errors.Is(err, storage.ErrDamaged) {
				t.Errorf("got error %v, want %v", err, storage.ErrDamaged)
			}
			return
		}
		if v, err = c.pack(appendColumns(nil, &d), nil, columnStampBytes); err != nil {
			t.Fatal(err)
		}
		at.value = v.seal(bucketColumns, key, columnStamp(d.Conflict))
		if err := columns.read(at, &again); err != nil || !again.Equal(&d) {
			t.Errorf("written and read again: got %+v and error %v, want %+v", again, err, d)
		}
	})
}

// TestColumnsDamaged flips each bit and cuts at each byte: a changed value is never
// another number.
func TestColumnsDamaged(t *testing.T) {
	c := testCodec(t)
	r := storagetest.Aggregate(1, 6)
	whole := columnsSealed(t, c, &r)
	var columns columnReader
	var d storage.Digest
	if err := columns.read(whole, &d); err != nil || len(d.Rows) != 6 {
		t.Fatalf("whole: got %+v and error %v", d, err)
	}
	spoilt := whole
	for i := range len(whole.value) * 8 {
		spoilt.value = append([]byte(nil), whole.value...)
		spoilt.value[i/8] ^= 1 << (i % 8)
		if err := columns.read(spoilt, &d); !errors.Is(err, storage.ErrDamaged) {
			t.Errorf("bit %d: got error %v, want %v", i, err, storage.ErrDamaged)
		}
	}
	for i := range whole.value {
		spoilt.value = whole.value[:i]
		if err := columns.read(spoilt, &d); !errors.Is(err, storage.ErrDamaged) {
			t.Errorf("cut at %d: got error %v, want %v", i, err, storage.ErrDamaged)
		}
	}
	spoilt = whole
	spoilt.key = chunkKey(2, 0)
	if err := columns.read(spoilt, &d); !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("of another report: got error %v, want %v", err, storage.ErrDamaged)
	}
}

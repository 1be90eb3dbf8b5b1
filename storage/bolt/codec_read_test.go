package bolt

import (
	"bytes"
	"math"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// unknown writes fields as a later version may add them, with strings that count in
// the table and groups in groups.
func (w *writer) unknown() {
	w.number(90, 1<<63)
	w.bytes(91, []byte("bytes"))
	w.string(92, "a new string")
	w.begin(93)
	w.string(1, "another")
	w.begin(2)
	w.strings(1, []string{"a new string", "", "a third"})
	w.end()
	w.begin(3)
	w.end()
	w.end()
}

// TestUnknownFields reads records among fields of a later version.
func TestUnknownFields(t *testing.T) {
	want := storagetest.Aggregate(1, 3).Aggregate.Records
	w := newWriter()
	defer w.release()
	w.unknown()
	for i := range want {
		w.begin(aggregateRecord)
		w.unknown()
		w.end()
		w.record(&want[i])
		w.unknown()
	}
	var got []reports.Record
	if err := parse(w.b, func(r *reader) { got = r.records() }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 6 {
		t.Fatalf("got %d records, want 6", len(got))
	}
	for i := range want {
		compare(t, got[2*i], reports.Record{}, nil)
		compare(t, got[2*i+1], want[i], nil)
	}
}

// TestSimpleFields writes and reads the values at which a form may break.
func TestSimpleFields(t *testing.T) {
	w := newWriter()
	defer w.release()
	numbers := []int64{0, 1, -1, 63, 64, -64, -65, math.MaxInt64, math.MinInt64}
	for i := range numbers {
		w.optional(1, &numbers[i])
	}
	times := []time.Time{time.Unix(0, 0).UTC(), time.Unix(-1, 999_999_999).UTC(), time.Date(9999, 12, 31, 23, 59, 59, 1, time.UTC)}
	for _, at := range times {
		w.time(2, at)
	}
	w.time(2, time.Time{})
	addrs := []netip.Addr{
		netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.1"),
		netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("fe80::1%eth0"), netip.IPv6Unspecified(),
	}
	for _, a := range addrs {
		w.addr(3, a)
	}
	w.addr(3, netip.Addr{})
	err := parse(w.b, func(r *reader) {
		for r.next() {
			switch r.field {
			case 1:
				if got := *r.optional(); got != numbers[0] {
					t.Errorf("got %d, want %d", got, numbers[0])
				}
				numbers = numbers[1:]
			case 2:
				if got := r.time(); got != times[0] {
					t.Errorf("got %v, want %v", got, times[0])
				}
				times = times[1:]
			case 3:
				if got := r.addr(); got != addrs[0] {
					t.Errorf("got %v, want %v", got, addrs[0])
				}
				addrs = addrs[1:]
			}
		}
	})
	if err != nil || len(numbers)+len(times)+len(addrs) > 0 {
		t.Errorf("got error %v, and %v, %v, %v are left", err, numbers, times, addrs)
	}
}

// TestManyStrings has more different strings than the table has room for at first.
func TestManyStrings(t *testing.T) {
	r := storagetest.Aggregate(1, storage.ChunkRecords)
	for i := range r.Aggregate.Records {
		r.Aggregate.Records[i].Identifiers.HeaderFrom = string(rune('a'+i%26)) + string(rune(0x4e00+i))
	}
	w := newWriter()
	defer w.release()
	w.records(r.Aggregate.Records)
	var got []reports.Record
	err := parse(w.b, func(in *reader) { got = in.records() })
	compare(t, got, r.Aggregate.Records, err)
}

// TestClaims reads values that claim more than they hold, and looks at the memory that
// it takes.
func TestClaims(t *testing.T) {
	c := testCodec(t)
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}
	claim := func(field, kind int) []byte { return append([]byte{byte(field<<typeBits | kind)}, huge...) }
	for name, tt := range map[string]struct {
		encoding byte
		body     []byte
	}{
		"records":        {encodingPlain, claim(aggregateRecords, typeNumber)},
		"DKIM results":   {encodingPlain, append([]byte{aggregateDKIM << typeBits, 0xff}, huge...)},
		"length":         {encodingPlain, claim(aggregateRecord, typeBytes)},
		"string":         {encodingPlain, claim(aggregateRecord, typeString)},
		"place":          {encodingPlain, []byte{12<<typeBits | typeString, 0x7f}},
		"open groups":    {encodingPlain, bytes.Repeat([]byte{14<<typeBits | typeGroup}, 1000)},
		"closed group":   {encodingPlain, []byte{0}},
		"no field":       {encodingPlain, []byte{typeGroup}},
		"half a number":  {encodingPlain, []byte{15 << typeBits, 0xff}},
		"long number":    {encodingPlain, append([]byte{15 << typeBits}, bytes.Repeat([]byte{0xff}, 12)...)},
		"S2":             {encodingS2, []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 1, 0}},
		"zstd":           {encodingZstd, []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa4, 0, 0, 0, 0x10, 0, 0, 0}},
		"mail: runs":     {encodingMail, append([]byte{0}, 0xff, 0xff, 0xff, 0xff, 1, 0)},
		"mail: bytes":    {encodingMail, []byte{0, 1, 0, 0xff, 0xff, 0xff, 0x7f, 76, 0, 0, 1, 2, 3}},
		"mail in a mail": {encodingMail, bytes.Repeat([]byte{encodingMail, 0, 1}, 1000)},
		"mail: no lines": {encodingMail, []byte{0, 1, 0, 3, 0, 0, 0, 1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			v := &value{b: append([]byte{valueVersion, tt.encoding, 0, 0, 0, 0}, tt.body...), body: crcOf(tt.body)}
			at := stored{bucketAggregate, chunkKey(1, 1), v.seal(bucketAggregate, chunkKey(1, 1), nil)}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			records, err := c.records(at)
			runtime.ReadMemStats(&after)
			if err == nil && len(records) > 0 {
				t.Errorf("got %d records and no error", len(records))
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
				t.Errorf("it took %d bytes of memory", took)
			}
		})
	}
}

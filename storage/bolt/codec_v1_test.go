package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// The values in testdata/v1, and what is in them as JSON, were written by the last
// program that wrote version 1, ce8a302.

// body1 gives the body of such a value as a value with a stamp.
func body1(t *testing.T, bucket, name string, stamp int) stored {
	t.Helper()
	body := readHex(t, filepath.Join("testdata", "v1", name+".hex"))
	v := &value{b: append(make([]byte, headerBytes+stamp), body...), body: crcOf(body), stamp: stamp}
	v.b[0] = versionCBOR
	key := chunkKey(1, 0)
	return stored{bucket, key, v.seal(bucket, key, storedStamp(stamp))}
}

func storedStamp(n int) []byte {
	if n == 0 {
		return nil
	}
	return stamp{conflict: true, raw: 9}.bytes()
}

// value1 gives such a value whole.
func value1(t *testing.T, name string) stored {
	t.Helper()
	return stored{"bucket", []byte("key"), readHex(t, filepath.Join("testdata", "v1", name+".hex"))}
}

func wantJSON[T any](t *testing.T, name string) (want T) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "v1", name+".json"))
	if err == nil {
		err = json.Unmarshal(b, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	return want
}

func compare[T any](t *testing.T, got, want T, err error) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); err != nil || d != "" {
		t.Errorf("got error %v (-want +got):\n%s", err, d)
	}
}

func TestVersion1Reports(t *testing.T) {
	c := testCodec(t)
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			v := body1(t, bucketOf(kind), string(kind), stampBytes)
			want := wantJSON[storage.Report](t, string(kind))
			got, chunks, err := c.head(ref{kind, 1}, v)
			compare(t, got, &want, err)
			if chunks != 1 {
				t.Errorf("got %d chunks, want 1", chunks)
			}
			at, err := c.arrival(v)
			compare(t, at, want.Message.ReceivedAt, err)
			values, err := c.chunks(&want)
			if err != nil {
				t.Fatal(err)
			}
			spelled, err := c.spelled(ref{kind, 1}, v)
			if now := values[0].b[headerBytes+stampBytes:]; err != nil || !bytes.Equal(spelled, now) {
				t.Errorf("spelled anew: got error %v and\n%x, want\n%x", err, spelled, now)
			}
		})
	}
}

func TestVersion1Others(t *testing.T) {
	c := testCodec(t)
	records, err := c.records(value1(t, "records"))
	compare(t, records, wantJSON[storage.Report](t, string(reports.KindAggregate)).Aggregate.Records, err)
	held, err := c.held(0, value1(t, "held"))
	want := wantJSON[storage.Held](t, "held")
	compare(t, held, &want, err)
	n, err := c.counters(value1(t, "counters"))
	compare(t, n, wantJSON[counters](t, "counters"), err)
	cursor, err := c.cursor(value1(t, "cursor"))
	wantCursor := wantJSON[wireCursor](t, "cursor")
	compare(t, cursor, &wantCursor, err)
	_, raw, err := c.open(value1(t, "compressed"), 0)
	compare(t, raw, storagetest.Raw(1)[:1500], err)
	_, small, err := c.open(value1(t, "small"), 0)
	compare(t, string(small), "prefixbody", err)
}

// TestVersion1Differs replaces the value of a report in a store with one of version
// 1 of the same report: it is not kept otherwise than it would be now.
func TestVersion1Differs(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	r := wantJSON[storage.Report](t, string(reports.KindAggregate))
	o, err := s.Commit(t.Context(), storage.Batch{Reports: []storage.Report{r}})
	if err != nil {
		t.Fatal(err)
	}
	r.Seq = o.Reports[0].Seq
	if binary.BigEndian.Uint64(chunkKey(1, 0)) != r.Seq {
		t.Fatalf("got number %d, want 1", r.Seq)
	}
	err = s.do(t.Context(), 0, func(x *txn) error {
		v := body1(t, bucketAggregate, string(reports.KindAggregate), stampBytes)
		x.dirty = true
		return x.tx.Bucket([]byte(v.bucket)).Put(v.key, v.value)
	})
	if err != nil {
		t.Fatal(err)
	}
	if differs, err := s.Differs(&r); err != nil || differs {
		t.Errorf("the same: got %v and error %v", differs, err)
	}
	r.Aggregate.Records[1].Count++
	if differs, err := s.Differs(&r); err != nil || !differs {
		t.Errorf("another count: got %v and error %v", differs, err)
	}
}

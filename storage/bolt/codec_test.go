package bolt

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/storagetest"
)

var update = flag.Bool("update", false, "rewrite the golden values: only for a form that no store has yet")

// fullReport gives a report of a kind in which no field is the zero value.
func fullReport(kind reports.Kind) storage.Report {
	var r storage.Report
	fill(reflect.ValueOf(&r).Elem(), new(int))
	r.Kind, r.Chunk, r.Last = kind, 0, true
	if kind != reports.KindAggregate {
		r.Aggregate = nil
	}
	if kind != reports.KindFailure {
		r.Failure = nil
	}
	if kind != reports.KindTLS {
		r.TLS = nil
	}
	return r
}

func fullHeld() *storage.Held {
	var h storage.Held
	fill(reflect.ValueOf(&h).Elem(), new(int))
	return &h
}

// fill sets everything in a value, each to something else.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1_770_000_000+int64(*n), int64(*n)).UTC()))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{192, 0, 2, byte(*n)})))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("s", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(byte(*n)))
	default:
		v.SetInt(int64(*n))
	}
}

func testCodec(t testing.TB) *codec {
	t.Helper()
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

// TestEveryField fails when a field is added to a report and not to its wire
// struct: it would be lost without a word.
func TestEveryField(t *testing.T) {
	c := testCodec(t)
	for _, kind := range kinds {
		want := fullReport(kind)
		values, err := c.chunks(&want)
		if err != nil {
			t.Fatal(err)
		}
		v := stored{bucketOf(kind), chunkKey(want.Seq, 0), nil}
		v.value = values[0].seal(v.bucket, v.key, stamp{conflict: true, raw: 9}.bytes())
		got, _, err := c.head(ref{kind, want.Seq}, v)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(&want, got, cmpopts.EquateComparable(netip.Addr{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", kind, d)
		}
	}
	want := fullHeld()
	v := stored{bucketHeld, seqKey(want.Seq), nil}
	value, err := c.newValue(toWireHeld(want), 0)
	if err != nil {
		t.Fatal(err)
	}
	v.value = value.seal(v.bucket, v.key, nil)
	got, err := c.held(want.Seq, v)
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("held: error %v (-want +got):\n%s", err, d)
	}
}

// TestGolden holds what is written to what earlier programs wrote: stores must
// stay readable.
func TestGolden(t *testing.T) {
	c := testCodec(t)
	values := map[string]func() ([]byte, error){
		"counters": func() ([]byte, error) {
			var n counters
			fill(reflect.ValueOf(&n).Elem(), new(int))
			return sealed(c.newValue(n, 0))
		},
		"held":  func() ([]byte, error) { return sealed(c.newValue(toWireHeld(fullHeld()), 0)) },
		"small": func() ([]byte, error) { return sealed(c.pack([]byte("prefix"), []byte("body"), 0)) },
	}
	for _, kind := range kinds {
		values[string(kind)] = func() ([]byte, error) {
			r := fullReport(kind)
			head := toWireHead(&r)
			if kind == reports.KindAggregate {
				head.Aggregate.Records = toWireRecords(r.Aggregate.Records)
			}
			body, err := c.enc.Marshal(head)
			return body, err
		}
	}
	for name, encode := range values {
		t.Run(name, func(t *testing.T) {
			b, err := encode()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, b)
		})
	}
}

// sealed seals a value for a key that does not matter.
func sealed(v *value, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return v.seal("bucket", []byte("key"), nil), nil
}

// golden compares bytes with those of a file in testdata, 32 to a line in hex.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".hex")
	if *update {
		var out strings.Builder
		for rest := got; len(rest) > 0; rest = rest[min(len(rest), 32):] {
			fmt.Fprintf(&out, "%x\n", rest[:min(len(rest), 32)])
		}
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := readHex(t, path); !bytes.Equal(got, want) {
		t.Errorf("the form of %s has changed: got %d bytes, want %d:\n%x", name, len(got), len(want), got)
	}
}

func readHex(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGoldenCompressed reads a compressed value as it was written once. Another
// version of zstd may write other bytes; it must read these.
func TestGoldenCompressed(t *testing.T) {
	c := testCodec(t)
	want := storagetest.Raw(1)[:1500]
	path := filepath.Join("testdata", "compressed.hex")
	if *update {
		b, err := sealed(c.pack(nil, want, 0))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "compressed", b)
	}
	v := stored{"bucket", []byte("key"), readHex(t, path)}
	_, encoding, body, err := v.unseal(0)
	if err != nil || encoding != encodingZstd {
		t.Fatalf("got encoding %d and error %v", encoding, err)
	}
	if got, err := c.unpack(encoding, body); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes and error %v, want %d bytes", len(got), err, len(want))
	}
}

// TestUnseal flips each bit of a value, of its key and of its bucket's name.
func TestUnseal(t *testing.T) {
	c := testCodec(t)
	v, err := c.pack([]byte("prefix"), []byte("body"), stampBytes)
	if err != nil {
		t.Fatal(err)
	}
	key := chunkKey(7, 0)
	value := v.seal(bucketTLS, key, stamp{raw: 3}.bytes())
	whole := bytes.Join([][]byte{value, key, []byte(bucketTLS)}, nil)
	split := func(b []byte) stored {
		return stored{string(b[len(value)+len(key):]), b[len(value) : len(value)+len(key)], b[:len(value)]}
	}
	if _, _, _, err := split(whole).unseal(stampBytes); err != nil {
		t.Fatalf("unchanged: got error %v", err)
	}
	for bit := range 8 * len(whole) {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		if _, _, _, err := split(b).unseal(stampBytes); !errors.Is(err, storage.ErrDamaged) {
			t.Errorf("bit %d flipped: got error %v, want %v", bit, err, storage.ErrDamaged)
		}
	}
	for n := range value {
		v := stored{bucketTLS, key, value[:n]}
		if _, _, _, err := v.unseal(stampBytes); !errors.Is(err, storage.ErrDamaged) {
			t.Errorf("cut to %d bytes: got error %v, want %v", n, err, storage.ErrDamaged)
		}
	}
}

// FuzzValue decodes bytes with a good checksum as each kind of value: whatever
// comes out, nothing may panic, and what was decoded must be fit to be looked at.
func FuzzValue(f *testing.F) {
	c := testCodec(f)
	for _, kind := range kinds {
		r := fullReport(kind)
		head := toWireHead(&r)
		body, err := c.enc.Marshal(head)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(encodingPlain), body)
		f.Add(byte(encodingZstd), c.zenc.EncodeAll(body, nil))
	}
	records, err := c.enc.Marshal(toWireRecords(storagetest.Aggregate(1, 3).Aggregate.Records))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(encodingPlain), records)
	f.Add(byte(2), []byte{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, encoding byte, body []byte) {
		seal := func(bucket string, stamp int) stored {
			v := &value{b: append(make([]byte, headerBytes+stamp), body...), stamp: stamp}
			v.b[0], v.b[1] = valueVersion, encoding
			v.body = crcOf(body)
			return stored{bucket, chunkKey(1, 0), v.seal(bucket, chunkKey(1, 0), nil)}
		}
		for _, kind := range kinds {
			r, _, err := c.head(ref{kind, 1}, seal(bucketOf(kind), stampBytes))
			if err != nil {
				if !errors.Is(err, storage.ErrDamaged) {
					t.Errorf("%s: got error %v, want %v", kind, err, storage.ErrDamaged)
				}
				continue
			}
			q := storage.Query{Target: "example.com", OrgName: "x", Since: time.Unix(0, 0)}
			q.Matches(r)
			if _, err := c.chunks(r); err != nil {
				t.Errorf("%s: what was decoded cannot be encoded: %v", kind, err)
			}
		}
		_, _ = c.records(seal(bucketAggregate, 0))
		_, _ = c.held(1, seal(bucketHeld, 0))
		_, _ = seal(bucketIdentity, 0).ref()
		_, _ = seal(bucketHeldHash, 0).number()
	})
}

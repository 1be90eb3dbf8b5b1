package bolt

import (
	"bytes"
	"crypto/sha256"
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
	"github.com/klauspost/compress/s2"

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

// TestEveryField fails when a field is added to a report and not to what is
// written of it: it would be lost without a word.
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
	value, err := c.newHeld(want)
	if err != nil {
		t.Fatal(err)
	}
	v.value = value.seal(v.bucket, v.key, nil)
	got, err := c.held(want.Seq, v)
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("held: error %v (-want +got):\n%s", err, d)
	}
}

// TestGolden holds what is written to what was written once: stores must stay
// readable.
func TestGolden(t *testing.T) {
	c := testCodec(t)
	bodies := map[string]func(w *writer){
		"counters": func(w *writer) {
			var n counters
			fill(reflect.ValueOf(&n).Elem(), new(int))
			w.counters(&n)
		},
		"records": func(w *writer) { w.records(storagetest.Aggregate(1, 6).Aggregate.Records) },
	}
	for _, kind := range kinds {
		bodies[string(kind)] = func(w *writer) {
			r := fullReport(kind)
			var records []reports.Record
			if r.Aggregate != nil {
				records = r.Aggregate.Records
			}
			w.head(&r, 1, records)
		}
	}
	for name, write := range bodies {
		t.Run(name, func(t *testing.T) {
			w := newWriter()
			defer w.release()
			write(w)
			golden(t, name, w.b)
		})
	}
	values := map[string]func() (*value, error){
		"held":   func() (*value, error) { return c.newHeld(fullHeld()) },
		"small":  func() (*value, error) { return c.pack([]byte("prefix"), []byte("body"), 0) },
		"cursor": func() (*value, error) { return c.newCursor(fullCursor()) },
	}
	for name, encode := range values {
		t.Run(name, func(t *testing.T) { golden(t, name, sealed(t)(encode())) })
	}
}

func fullCursor() *wireCursor {
	return &wireCursor{
		Kind: 2, Period: "day", Passed: 3, Pending: &wireRange{From: 4, To: 5, Since: &wireTime{6, 7}, Until: &wireTime{8, 9}},
		Ended: &wireTime{10, 11}, Retired: true, Seen: 12, SeenAt: &wireTime{13, 14},
	}
}

// sealed seals a value for a key that does not matter.
func sealed(t *testing.T) func(v *value, err error) []byte {
	return func(v *value, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v.seal("bucket", []byte("key"), nil)
	}
}

// golden compares bytes with those of a file in testdata, 32 to a line in hex.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "v2", name+".hex")
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

func readHex(t testing.TB, path string) []byte {
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

// TestGoldenCompressed reads values that were compressed once. Another version of
// the library may write other bytes; it must read these.
func TestGoldenCompressed(t *testing.T) {
	c := testCodec(t)
	for name, want := range compressible() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "v2", name+".hex")
			if *update {
				v, err := c.pack(nil, want, 0)
				if name == "mail" {
					v, err = c.newRaw(want)
				}
				golden(t, name, sealed(t)(v, err))
			}
			v := stored{"bucket", []byte("key"), readHex(t, path)}
			_, encoding, body, err := v.unseal(0)
			if err != nil || encoding == encodingPlain {
				t.Fatalf("got encoding %d and error %v", encoding, err)
			}
			if encoding == encodingMail {
				body = body[sha256.Size:]
			}
			if got, err := c.unpack(encoding, body); err != nil || !bytes.Equal(got, want) {
				t.Errorf("got %d bytes and error %v, want %d bytes", len(got), err, len(want))
			}
		})
	}
}

// compressible are bodies, one for each way in which they are packed.
func compressible() map[string][]byte {
	return map[string][]byte{
		"s2":   bytes.Repeat([]byte("the same words again and again\r\n"), 40),
		"zstd": bytes.Repeat([]byte("the same words again and again\r\n"), 1000),
		"mail": mailOf(bytes.Repeat([]byte{0x1f, 0x8b, 1, 2, 3}, 100), 76, "\r\n"),
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

// FuzzValue decodes bytes with a good checksum as each kind of value, of both
// versions: whatever comes out, nothing may panic, and what was decoded must be fit
// to be looked at.
func FuzzValue(f *testing.F) {
	c := testCodec(f)
	for _, kind := range kinds {
		f.Add(byte(versionCBOR), byte(encodingPlain), readHex(f, filepath.Join("testdata", "v1", string(kind)+".hex")))
		r := fullReport(kind)
		values, err := c.chunks(&r)
		if err != nil {
			f.Fatal(err)
		}
		body := values[0].b[headerBytes+stampBytes:]
		f.Add(byte(valueVersion), byte(encodingPlain), body)
		f.Add(byte(valueVersion), byte(encodingZstd), c.zenc.EncodeAll(body, nil))
		f.Add(byte(valueVersion), byte(encodingS2), s2.Encode(nil, body))
	}
	mail, err := c.newRaw(compressible()["mail"])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(valueVersion), byte(encodingMail), mail.b[headerBytes+sha256.Size:])
	for _, name := range []string{"records", "counters", "cursor"} {
		f.Add(byte(valueVersion), byte(encodingPlain), readHex(f, filepath.Join("testdata", "v2", name+".hex")))
	}
	f.Add(byte(versionCBOR), byte(encodingPlain), []byte{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, version, encoding byte, body []byte) {
		seal := func(bucket string, stamp int) stored {
			v := &value{b: append(make([]byte, headerBytes+stamp), body...), stamp: stamp}
			v.b[0], v.b[1] = version, encoding
			v.body = crcOf(body)
			return stored{bucket, chunkKey(1, 0), v.seal(bucket, chunkKey(1, 0), nil)}
		}
		for _, kind := range kinds {
			fuzzReport(t, c, ref{kind, 1}, seal(bucketOf(kind), stampBytes))
		}
		_, _ = c.records(seal(bucketAggregate, 0))
		_, _ = c.held(1, seal(bucketHeld, 0))
		_, _ = c.counters(seal(bucketMeta, 0))
		_, _ = c.cursor(seal(bucketMeta, 0))
		_, _ = seal(bucketIdentity, 0).ref()
		_, _ = seal(bucketHeldHash, 0).number()
	})
}

func fuzzReport(t *testing.T, c *codec, at ref, v stored) {
	r, chunks, err := c.head(at, v)
	if err != nil {
		if !errors.Is(err, storage.ErrDamaged) {
			t.Errorf("%s: got error %v, want %v", at.kind, err, storage.ErrDamaged)
		}
		return
	}
	q := storage.Query{Target: "example.com", OrgName: "x", Since: time.Unix(0, 0)}
	q.Matches(r)
	values, err := c.chunks(r)
	if err != nil {
		t.Fatalf("%s: what was decoded cannot be encoded: %v", at.kind, err)
	}
	if chunks != 1 || len(values) != 1 {
		return
	}
	v.value = values[0].seal(v.bucket, v.key, v.value[headerBytes:headerBytes+stampBytes])
	again, _, err := c.head(at, v)
	if d := cmp.Diff(r, again, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); err != nil || d != "" {
		t.Errorf("%s: encoded and decoded again, error %v (-first +second):\n%s", at.kind, err, d)
	}
}

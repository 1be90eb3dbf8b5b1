package bolt

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/s2"

	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// BenchmarkEncoding compares the forms of a report that were weighed: CBOR, as version
// 1 had it, and version 2, each plain and compressed. docs/storage.md has the figures.
// What it took to make the structs for CBOR is not counted.
func BenchmarkEncoding(b *testing.B) {
	c := testCodec(b)
	plain := func(body []byte) []byte { return body }
	zstd := func(body []byte) []byte { return c.zenc.EncodeAll(body, nil) }
	fast := func(body []byte) []byte { return s2.Encode(nil, body) }
	for _, records := range []int{3, storage.ChunkRecords} {
		r := variedReport(records)
		var wire wireHead
		wireOf(reflect.ValueOf(&wire).Elem(), reflect.ValueOf(r))
		wire.Chunks, wire.ContentHash = 1, r.ContentHash[:]
		encode1 := func() []byte {
			body, err := cbor.Marshal(wire)
			if err != nil {
				b.Fatal(err)
			}
			return body
		}
		encode2 := func() []byte {
			w := newWriter()
			defer w.release()
			w.head(&r, 1, r.Aggregate.Records)
			return append([]byte(nil), w.b...)
		}
		decode1 := func(body []byte) error {
			_, _, err := c.headV1(r.Kind, body)
			return err
		}
		decode2 := func(body []byte) error {
			return parse(body, func(in *reader) { in.head(r.Kind) })
		}
		name := fmt.Sprintf("records=%d/", records)
		benchmarkForm(b, c, name+"cbor", encode1, plain, encodingPlain, decode1)
		benchmarkForm(b, c, name+"cbor+zstd", encode1, zstd, encodingZstd, decode1)
		benchmarkForm(b, c, name+"own", encode2, plain, encodingPlain, decode2)
		benchmarkForm(b, c, name+"own+s2", encode2, fast, encodingS2, decode2)
		benchmarkForm(b, c, name+"own+zstd", encode2, zstd, encodingZstd, decode2)
	}
}

func benchmarkForm(b *testing.B, c *codec, name string, encode func() []byte, pack func([]byte) []byte, encoding byte, decode func([]byte) error) {
	packed := pack(encode())
	b.Run(name+"/encode", func(b *testing.B) {
		inCPU(b, func() error {
			pack(encode())
			return nil
		})
		b.ReportMetric(float64(len(packed)), "B/value")
	})
	b.Run(name+"/decode", func(b *testing.B) {
		inCPU(b, func() error {
			body, err := unpackAny(c, encoding, packed)
			if err == nil {
				err = decode(body)
			}
			return err
		})
	})
}

// inCPU measures in time of the processor: these figures are for keeps, and may have
// been taken on a machine that does other things, too.
func inCPU(b *testing.B, do func() error) {
	b.ReportAllocs()
	cpu := cpuTime(b)
	for b.Loop() {
		if err := do(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// unpackAny is unpack without its bound for S2.
func unpackAny(c *codec, encoding byte, body []byte) ([]byte, error) {
	if encoding == encodingS2 {
		return s2.Decode(nil, body)
	}
	return c.unpack(encoding, body)
}

// BenchmarkEncodingMail compares the forms of a message of 4.5 KB: whole or with its
// base64 decoded, and packed by S2 or zstd.
func BenchmarkEncodingMail(b *testing.B) {
	c := testCodec(b)
	raw := variedMail()
	var m mailParts
	split := func(pack func([]byte) []byte) func() []byte {
		return func() []byte {
			m.split(raw)
			return append(pack(m.text), m.data...)
		}
	}
	whole := func(pack func([]byte) []byte) func() []byte { return func() []byte { return pack(raw) } }
	out, in := make([]byte, 64<<10), make([]byte, 0, 64<<10)
	zstd := func(body []byte) []byte { return c.zenc.EncodeAll(body, in) }
	fast := func(body []byte) []byte { return s2.Encode(out, body) }
	for _, form := range []struct {
		name   string
		encode func() []byte
	}{{"whole+s2", whole(fast)}, {"whole+zstd", whole(zstd)}, {"apart+s2", split(fast)}, {"apart+zstd", split(zstd)}} {
		b.Run(form.name, func(b *testing.B) {
			inCPU(b, func() error {
				form.encode()
				return nil
			})
			b.ReportMetric(float64(len(form.encode())), "B/value")
			b.ReportMetric(float64(len(raw)), "B/message")
		})
	}
}

// variedReport gives a report whose records are as different as those of a large
// receiver: hundreds of sources, some dozens of other domains.
func variedReport(records int) storage.Report {
	r := storagetest.Aggregate(1, records)
	random := rand.New(rand.NewPCG(1, uint64(records)))
	others := rand.NewZipf(random, 1.3, 2, 60)
	for i := range r.Aggregate.Records {
		rec := &r.Aggregate.Records[i]
		rec.SourceIP = netip.AddrFrom4([4]byte{203, byte(random.IntN(4)), 113, byte(random.IntN(256))})
		if random.IntN(4) == 0 {
			var a [16]byte
			copy(a[:], []byte{0x20, 0x01, 0x0d, 0xb8, byte(random.IntN(8))})
			a[14], a[15] = byte(random.IntN(256)), byte(random.IntN(256))
			rec.SourceIP = netip.AddrFrom16(a)
		}
		rec.Count = int64(1 + others.Uint64()*others.Uint64())
		other := fmt.Sprintf("out%d.example.org", others.Uint64())
		rec.Identifiers.EnvelopeFrom = "bounce." + other
		rec.AuthResults.SPF[0].Domain = rec.Identifiers.EnvelopeFrom
		rec.AuthResults.DKIM = append(rec.AuthResults.DKIM, reports.DKIMResult{Domain: other, Selector: fmt.Sprintf("k%d", others.Uint64()), Result: "pass"})
	}
	return r
}

// variedMail gives a mail with a header as it is after three hops, 3.3 KB of text and
// an archive of 850 bytes.
func variedMail() []byte {
	random := rand.New(rand.NewPCG(3, 4))
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	var b strings.Builder
	for hop := range 3 {
		fmt.Fprintf(&b, "Received: from out%d.mailbox.example (out%d.mailbox.example [192.0.2.%d])\r\n\tby relay%d.mailbox.example with ESMTPS id %x\r\n\t(version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128);\r\n\tSat, 21 Nov 2026 01:0%d:33 +0000\r\n",
			hop, hop, 10+hop, hop+1, noise(8), hop)
	}
	for range 2 {
		signature := base64.StdEncoding.EncodeToString(noise(256))
		fmt.Fprintf(&b, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=mailbox.example; s=k1;\r\n\tt=1795200000; h=from:to:subject:date:message-id:mime-version:content-type;\r\n\tbh=%s;\r\n\tb=%s\r\n",
			base64.StdEncoding.EncodeToString(noise(32)), strings.Join(strings.SplitAfter(signature, signature[60:62]), "\r\n\t "))
	}
	fmt.Fprintf(&b, "From: noreply-dmarc@mailbox.example\r\nTo: dmarc@reports.example.net\r\nSubject: Report domain: example.com Submitter: mailbox.example Report-ID: %x\r\n", noise(8))
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_boundary\"\r\n\r\n--=_boundary\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n")
	b.WriteString("This is an aggregate report of mailbox.example about mail that used the name example.com.\r\nIt was made by a program; nobody reads answers to this address.\r\n\r\n")
	b.WriteString("--=_boundary\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n filename=\"mailbox.example!example.com!1795132800!1795219199.xml.gz\"\r\n\r\n")
	packed := append([]byte{0x1f, 0x8b}, noise(850)...)
	for len(packed) > 0 {
		n := min(57, len(packed))
		b.WriteString(base64.StdEncoding.EncodeToString(packed[:n]) + "\r\n")
		packed = packed[n:]
	}
	b.WriteString("--=_boundary--\r\n")
	return []byte(b.String())
}

// wireOf copies a struct into the one that stands for it in version 1, whose fields
// have the same names.
func wireOf(to, from reflect.Value) {
	switch v := from.Interface().(type) {
	case time.Time:
		to.Set(reflect.ValueOf(toWireTime(v)))
		return
	case netip.Addr:
		b, _ := v.MarshalBinary() // never fails
		to.SetBytes(b)
		return
	}
	switch to.Kind() {
	case reflect.Pointer:
		if !from.IsNil() {
			to.Set(reflect.New(to.Type().Elem()))
			wireOf(to.Elem(), from.Elem())
		}
	case reflect.Slice:
		for i := range from.Len() {
			element := reflect.New(to.Type().Elem()).Elem()
			wireOf(element, from.Index(i))
			to.Set(reflect.Append(to, element))
		}
	case reflect.Struct:
		names := map[string]string{"DKIM": "AuthDKIM", "SPF": "AuthSPF"}
		for i := range to.NumField() {
			name := to.Type().Field(i).Name
			if f := from.FieldByName(name); f.IsValid() {
				wireOf(to.Field(i), f)
			}
		}
		for _, group := range []string{"PolicyEvaluated", "Identifiers", "AuthResults"} {
			g := from.FieldByName(group)
			if !g.IsValid() {
				continue
			}
			for i := range g.NumField() {
				name := g.Type().Field(i).Name
				if group == "AuthResults" {
					name = names[name]
				}
				wireOf(to.FieldByName(name), g.Field(i))
			}
		}
	default:
		to.Set(from.Convert(to.Type()))
	}
}

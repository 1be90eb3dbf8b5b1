package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"reportmx/storage"
)

// A value in the file:
//
//	version (1) ‖ encoding (1) ‖ CRC-32C (4) ‖ stamp (0 or 9) ‖ body
//
// The checksum runs over body, stamp, version, encoding, bucket and key, in this
// order: the body's part is computed by the caller of Commit, the rest, a few
// bytes, by the committer, who alone knows the key. With bucket and key in it a
// value that turns up in a wrong place is noticed, too.
const (
	versionCBOR  = 1 // codec_v1.go
	valueVersion = 2 // codec_write.go
	headerBytes  = 1 + 1 + 4
)

// maxValue bounds one value before compression, in bytes. The largest comes from a
// report whose document may unpack to 128 MiB and a little more once encoded.
const maxValue = 512 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crcOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// codec turns reports and messages into bodies of values and back. It may be used
// by many goroutines at once.
type codec struct {
	cbor cbor.DecMode
	zenc *zstd.Encoder
	zdec *zstd.Decoder
}

func newCodec() (*codec, error) {
	dec, err1 := cbor.DecOptions{
		// What strangers send is not always UTF-8, and it is kept as it came.
		UTF8:             cbor.UTF8DecodeInvalid,
		MaxArrayElements: maxValue / 16,
	}.DecMode()
	// A message compresses nearly as well in a small window, and each of the
	// encoders that run in parallel has one.
	zenc, err2 := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(256<<10), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	zdec, err3 := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxValue), zstd.WithDecoderConcurrency(0))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("make codec: %w", err)
	}
	return &codec{cbor: dec, zenc: zenc, zdec: zdec}, nil
}

func (c *codec) close() {
	c.zenc.Close()
	c.zdec.Close()
}

// value is a value before its key is known.
type value struct {
	b     []byte // whole, with its header not yet filled
	body  uint32 // checksum of the body
	stamp int    // bytes of the stamp
}

// finish makes a value of the fields that have been written, with space for a stamp
// of so many bytes, and releases the writer.
func (c *codec) finish(w *writer, stamp int) (*value, error) {
	defer w.release()
	return c.pack(nil, w.b, stamp)
}

// pack makes a value of a body, compressed if that helps. A prefix stands before
// the body and is never compressed.
func (c *codec) pack(prefix, body []byte, stamp int) (*value, error) {
	if len(body) > maxValue {
		return nil, fmt.Errorf("encode value: it has %d bytes, the bound is %d", len(body), maxValue)
	}
	p := newPacker()
	defer p.release()
	packed, encoding := c.squeeze(p, body)
	start := headerBytes + stamp
	b := make([]byte, start, start+len(prefix)+len(packed))
	b[0], b[1] = valueVersion, encoding
	b = append(append(b, prefix...), packed...)
	return &value{b: b, body: crcOf(b[start:]), stamp: stamp}, nil
}

// seal fills in the stamp and the checksum and gives the bytes to be put. A value
// may be sealed again, for another key.
func (v *value) seal(bucket string, key, stamp []byte) []byte {
	copy(v.b[headerBytes:headerBytes+v.stamp], stamp)
	sum := checksum(v.body, v.b, v.stamp, bucket, key)
	binary.BigEndian.PutUint32(v.b[2:], sum)
	return v.b
}

func checksum(body uint32, b []byte, stamp int, bucket string, key []byte) uint32 {
	sum := crc32.Update(body, castagnoli, b[headerBytes:headerBytes+stamp])
	sum = crc32.Update(sum, castagnoli, b[:2])
	sum = crc32.Update(sum, castagnoli, nameOf(bucket))
	return crc32.Update(sum, castagnoli, key)
}

// stored is a value as it stands in the file.
type stored struct {
	bucket     string
	key, value []byte
}

// version is that of the form of a value that unseal has passed.
func (v stored) version() byte { return v.value[0] }

// unseal checks a value and gives its stamp, its encoding and its body.
func (v stored) unseal(stamp int) (stampBytes []byte, encoding byte, body []byte, err error) {
	b := v.value
	if len(b) < headerBytes+stamp {
		return nil, 0, nil, v.damaged("it has only %d bytes", len(b))
	}
	if b[0] != versionCBOR && b[0] != valueVersion {
		return nil, 0, nil, v.damaged("its form is %d", b[0])
	}
	body = b[headerBytes+stamp:]
	sum := checksum(crcOf(body), b, stamp, v.bucket, v.key)
	if sum != binary.BigEndian.Uint32(b[2:]) {
		return nil, 0, nil, v.damaged("its checksum does not fit")
	}
	return b[headerBytes : headerBytes+stamp], b[1], body, nil
}

func (v stored) damaged(format string, args ...any) error {
	return fmt.Errorf("%w: value %x in %s: %s", storage.ErrDamaged, v.key, v.bucket, fmt.Sprintf(format, args...))
}

// open checks a value and gives its stamp and its body, uncompressed. The body may
// be part of the value.
func (c *codec) open(v stored, stamp int) (stampBytes, body []byte, err error) {
	stampBytes, encoding, body, err := v.unseal(stamp)
	if err != nil {
		return nil, nil, err
	}
	if body, err = c.unpack(encoding, body); err != nil {
		return nil, nil, v.damaged("%v", err)
	}
	return stampBytes, body, nil
}

// decode reads a value without a stamp whose struct is the same in both versions.
func (c *codec) decode(v stored, wire any, read func(r *reader)) error {
	_, body, err := c.open(v, 0)
	if err != nil {
		return err
	}
	if v.version() == versionCBOR {
		err = c.cbor.Unmarshal(body, wire)
	} else {
		err = parse(body, read)
	}
	if err != nil {
		return v.damaged("%v", err)
	}
	return nil
}

// parse reads a body of version 2.
func parse(body []byte, read func(r *reader)) error {
	r := newReader(body)
	defer r.release()
	read(r)
	return r.err
}

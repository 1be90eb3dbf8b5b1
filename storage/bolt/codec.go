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
	valueVersion  = 1
	headerBytes   = 1 + 1 + 4
	encodingPlain = 0
	encodingZstd  = 1
)

// maxValue bounds one value before compression, in bytes. The largest comes from a
// report whose document may unpack to 128 MiB and a little more as CBOR.
const maxValue = 512 << 20

// compressFrom is the size from which compressing is tried, in bytes. It takes
// about 10 µs however small the value is, as much as all other work on it, and of
// the median report, one of three records, it would save some 400 bytes.
const compressFrom = 1 << 10

// maxRatio is how much zstd can compress at best: a block of 128 KiB, all the same
// byte, becomes 4 bytes (RFC 8878 §3.1.1.2).
const maxRatio = 128 << 10 / 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crcOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// codec turns wire structs into bodies of values and back. It may be used by many
// goroutines at once.
type codec struct {
	enc  cbor.EncMode
	dec  cbor.DecMode
	zenc *zstd.Encoder
	zdec *zstd.Decoder
}

func newCodec() (*codec, error) {
	enc, err1 := cbor.EncOptions{}.EncMode()
	dec, err2 := cbor.DecOptions{
		// What strangers send is not always UTF-8, and it is kept as it came.
		UTF8:             cbor.UTF8DecodeInvalid,
		MaxArrayElements: maxValue / 16,
	}.DecMode()
	// A message compresses nearly as well in a small window, and each of the
	// encoders that run in parallel has one.
	zenc, err3 := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(256<<10), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	zdec, err4 := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxValue), zstd.WithDecoderConcurrency(0))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, fmt.Errorf("make codec: %w", err)
	}
	return &codec{enc: enc, dec: dec, zenc: zenc, zdec: zdec}, nil
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

// newValue encodes a wire struct, with space for a stamp of so many bytes.
func (c *codec) newValue(wire any, stamp int) (*value, error) {
	body, err := c.enc.Marshal(wire)
	if err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	return c.pack(nil, body, stamp)
}

// pack makes a value of a body, compressed if that helps. A prefix stands before
// the body and is never compressed.
func (c *codec) pack(prefix, body []byte, stamp int) (*value, error) {
	if len(body) > maxValue {
		return nil, fmt.Errorf("encode value: it has %d bytes, the bound is %d", len(body), maxValue)
	}
	start := headerBytes + stamp
	b := make([]byte, start, start+len(prefix)+len(body))
	b[0], b[1] = valueVersion, encodingPlain
	b = append(b, prefix...)
	if len(body) < compressFrom {
		b = append(b, body...)
	} else if packed := c.zenc.EncodeAll(body, b); len(packed)-len(b) < len(body) {
		b = packed
		b[1] = encodingZstd
	} else {
		b = append(b, body...)
	}
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
	sum = crc32.Update(sum, castagnoli, []byte(bucket))
	return crc32.Update(sum, castagnoli, key)
}

// stored is a value as it stands in the file.
type stored struct {
	bucket     string
	key, value []byte
}

// unseal checks a value and gives its stamp, its encoding and its body.
func (v stored) unseal(stamp int) (stampBytes []byte, encoding byte, body []byte, err error) {
	b := v.value
	if len(b) < headerBytes+stamp {
		return nil, 0, nil, v.damaged("it has only %d bytes", len(b))
	}
	if b[0] != valueVersion {
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

// decode checks a value and decodes it into wire, and gives its stamp.
func (c *codec) decode(v stored, stamp int, wire any) ([]byte, error) {
	stampBytes, encoding, body, err := v.unseal(stamp)
	if err != nil {
		return nil, err
	}
	if body, err = c.unpack(encoding, body); err != nil {
		return nil, v.damaged("%v", err)
	}
	if err := c.dec.Unmarshal(body, wire); err != nil {
		return nil, v.damaged("%v", err)
	}
	return stampBytes, nil
}

// unpack undoes the encoding of a body. The result may be the body itself.
func (c *codec) unpack(encoding byte, body []byte) ([]byte, error) {
	switch encoding {
	case encodingPlain:
		return body, nil
	case encodingZstd:
		var h zstd.Header
		if err := h.Decode(body); err != nil {
			return nil, err
		}
		// The decoder makes room for what the header claims before it has read on.
		if h.HasFCS && h.FrameContentSize/maxRatio > uint64(len(body)) {
			return nil, fmt.Errorf("its %d bytes claim to hold %d", len(body), h.FrameContentSize)
		}
		return c.zdec.DecodeAll(body, nil)
	default:
		return nil, fmt.Errorf("its encoding is %d", encoding)
	}
}

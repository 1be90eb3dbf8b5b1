package bolt

import (
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// The encodings of a body.
const (
	encodingPlain = 0
	encodingZstd  = 1
	encodingS2    = 2
	encodingMail  = 3 // codec_mail.go
)

// compressFrom is the size from which compressing is tried, in bytes. What is smaller
// is the report of a few records, which has no string twice: a quarter of it could be
// saved with as much work as it takes to write it.
const compressFrom = 1 << 10

// zstdFrom is the size from which zstd is taken, in bytes. Whatever the size, it has
// some 15 µs of work before it begins; large values it makes smaller than S2 does by
// a quarter. docs/storage.md has the figures.
const zstdFrom = 16 << 10

// maxZstdRatio is how much zstd can compress at best: a block of 128 KiB, all the
// same byte, becomes 4 bytes (RFC 8878 §3.1.1.2).
const maxZstdRatio = 128 << 10 / 4

// packer has the buffers in which values are packed.
type packer struct {
	out  []byte
	mail mailParts
}

var packers = sync.Pool{New: func() any { return new(packer) }}

func newPacker() *packer { return packers.Get().(*packer) }

func (p *packer) release() {
	if cap(p.out)+cap(p.mail.text)+cap(p.mail.data) <= largestKept {
		packers.Put(p)
	}
}

// squeeze compresses a body if that helps. What it gives is the body itself, or good
// until the packer is used again.
func (c *codec) squeeze(p *packer, body []byte) (packed []byte, encoding byte) {
	switch {
	case len(body) < compressFrom:
		return body, encodingPlain
	case len(body) < zstdFrom:
		if n := s2.MaxEncodedLen(len(body)); cap(p.out) < n {
			p.out = make([]byte, n)
		}
		packed, encoding = s2.Encode(p.out[:cap(p.out)], body), encodingS2
	default:
		p.out = c.zenc.EncodeAll(body, p.out[:0])
		packed, encoding = p.out, encodingZstd
	}
	if len(packed) >= len(body) {
		return body, encodingPlain
	}
	return packed, encoding
}

// unpack undoes the encoding of a body. The result may be the body itself.
func (c *codec) unpack(encoding byte, body []byte) ([]byte, error) {
	switch encoding {
	case encodingPlain:
		return body, nil
	case encodingS2:
		// The decoder makes room for what the body claims before it has read on.
		n, err := s2.DecodedLen(body)
		if err != nil {
			return nil, err
		}
		if n >= zstdFrom {
			return nil, fmt.Errorf("it claims to hold %d bytes, and only less than %d are packed so", n, zstdFrom)
		}
		return s2.Decode(nil, body)
	case encodingZstd:
		return c.unpackZstd(body)
	case encodingMail:
		return c.joinMail(body)
	}
	return nil, fmt.Errorf("its encoding is %d", encoding)
}

func (c *codec) unpackZstd(body []byte) ([]byte, error) {
	var h zstd.Header
	if err := h.Decode(body); err != nil {
		return nil, err
	}
	// As above.
	if h.HasFCS && h.FrameContentSize/maxZstdRatio > uint64(len(body)) {
		return nil, fmt.Errorf("its %d bytes claim to hold %d", len(body), h.FrameContentSize)
	}
	return c.zdec.DecodeAll(body, nil)
}

var errMailForm = errors.New("its parts do not fit together")

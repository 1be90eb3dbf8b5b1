package hostile

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"
)

// The writers here write to memory, which cannot fail.

// gzipped packs a document.
func gzipped(document []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(document)
	z.Close()
	return out.Bytes()
}

// deflated compresses a head, a filler so many times and a tail, in little time and
// memory: a block that refers only to itself may stand again and again.
func deflated(head, filler string, n int, tail string) (packed []byte, sum uint32, size int64) {
	unit := max(1, min(n, (1<<16)/max(1, len(filler))))
	block := []byte(strings.Repeat(filler, unit))
	packedBlock := flushed(block)
	var out bytes.Buffer
	hash := crc32.NewIEEE()
	out.Write(flushed([]byte(head)))
	hash.Write([]byte(head))
	for range n / unit {
		out.Write(packedBlock)
		hash.Write(block)
	}
	rest := []byte(strings.Repeat(filler, n%unit) + tail)
	out.Write(flushed(rest))
	hash.Write(rest)
	out.Write([]byte{1, 0, 0, 0xff, 0xff}) // the last block, empty
	return out.Bytes(), hash.Sum32(), int64(len(head)) + int64(len(filler))*int64(n) + int64(len(tail))
}

// flushed is deflated bytes that more may follow.
func flushed(b []byte) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression) // the level is one of those that there are
	w.Write(b)
	w.Flush()
	return out.Bytes()
}

// gzipHead is the head of a gzip without a name (RFC 1952 §2.3).
var gzipHead = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255}

// bomb is a gzip that is far smaller than what it holds.
func bomb(head, filler string, n int, tail string) []byte {
	packed, sum, size := deflated(head, filler, n, tail)
	return gzipOf(gzipHead, packed, sum, uint32(size))
}

// gzipOf puts a gzip together.
func gzipOf(head, packed []byte, sum, size uint32) []byte {
	out := append(bytes.Clone(head), packed...)
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(out, sum), size)
}

// zipped is an archive of members with these names and contents, in turns.
func zipped(pairs ...string) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := 0; i < len(pairs); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: pairs[i], Method: zip.Deflate, NonUTF8: true, Modified: time.Unix(1767312000, 0)})
		if err == nil {
			w.Write([]byte(pairs[i+1]))
		}
	}
	z.Close()
	return out.Bytes()
}

// stone is a member as an archive tells it, which need not be what it is.
type stone struct {
	name         string
	method       uint16
	flags        uint16
	packed       []byte
	sum          uint32
	size, inside uint64 // packed and unpacked
	extra        string
}

// asIs is a stored member.
func asIs(name, content string) stone {
	return stone{name: name, packed: []byte(content), sum: crc32.ChecksumIEEE([]byte(content)), size: uint64(len(content)), inside: uint64(len(content))}
}

// squeezed is a member that is a bomb.
func squeezed(name, head, filler string, n int, tail string) stone {
	packed, sum, size := deflated(head, filler, n, tail)
	return stone{name: name, method: zip.Deflate, packed: packed, sum: sum, size: uint64(len(packed)), inside: uint64(size)}
}

// pile writes members one behind the other, raw: sizes, sums and flags are as told.
func pile(stones ...stone) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, s := range stones {
		h := &zip.FileHeader{Name: s.name, Method: s.method, Flags: s.flags, CRC32: s.sum, CompressedSize64: s.size, UncompressedSize64: s.inside, Extra: []byte(s.extra)}
		if w, err := z.CreateRaw(h); err == nil {
			w.Write(s.packed)
		}
	}
	z.Close()
	return out.Bytes()
}

// directory takes an archive apart: members, directory, end record.
func directory(archive []byte) (members, entries, end []byte) {
	at := bytes.Index(archive, []byte("PK\x01\x02"))
	last := bytes.LastIndex(archive, []byte("PK\x05\x06"))
	return archive[:at], archive[at:last], bytes.Clone(archive[last:])
}

// declared is an archive whose directory stands there n times, with an end record that
// says so.
func declared(archive []byte, n int) []byte {
	members, entries, end := directory(archive)
	binary.LittleEndian.PutUint16(end[8:], uint16(n))
	binary.LittleEndian.PutUint16(end[10:], uint16(n))
	binary.LittleEndian.PutUint32(end[12:], uint32(n*len(entries)))
	return join(members, bytes.Repeat(entries, n), end)
}

// lies is an archive with numbers written into its end record: entries, bytes of the
// directory, where it begins.
func lies(archive []byte, entries uint16, bytes, begin uint32) []byte {
	members, list, end := directory(archive)
	binary.LittleEndian.PutUint16(end[8:], entries)
	binary.LittleEndian.PutUint16(end[10:], entries)
	binary.LittleEndian.PutUint32(end[12:], bytes)
	binary.LittleEndian.PutUint32(end[16:], begin)
	return join(members, list, end)
}

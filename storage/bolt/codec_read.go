package bolt

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"
)

// reader reads the fields of one value of version 2. After the first thing that is
// wrong it shows no more fields and keeps the error, so that callers look at it
// once. The strings that it gives are parts of one string, the value itself.
//
//	for r.enter(); r.next(); {
//		switch r.field {
//		case 1: x = r.string()
//		default: r.skip()
//		}
//	}
type reader struct {
	s     string
	at    int
	depth int
	field int // that next has found, and its type
	kind  byte
	table []span // of strings in s, without the words
	err   error
}

// span is the place of a string in the value. The strings themselves would be
// pointers, which are work for the garbage collector.
type span struct{ from, to uint32 }

var readers = sync.Pool{New: func() any { return new(reader) }}

func newReader(body []byte) *reader {
	r := readers.Get().(*reader)
	*r = reader{s: string(body), table: r.table[:0]}
	return r
}

func (r *reader) release() {
	r.s = ""
	if cap(r.table) <= largestKept/16 {
		readers.Put(r)
	}
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("at byte %d: %s", r.at, fmt.Sprintf(format, args...))
	}
	r.s, r.at, r.depth = "", 0, 0
}

// next goes to the next field of the group, or of the value, and tells whether
// there is one.
func (r *reader) next() bool {
	if r.at == len(r.s) {
		if r.depth > 0 {
			r.fail("it ends in the middle of a group")
		}
		return false
	}
	tag := r.varint()
	if tag == 0 && r.err == nil {
		if r.depth == 0 {
			r.fail("a group ends that has not begun")
			return false
		}
		r.depth--
		return false
	}
	if tag>>typeBits == 0 || tag>>typeBits > math.MaxInt32 {
		r.fail("there is no field %d", tag>>typeBits)
		return false
	}
	r.field, r.kind = int(tag>>typeBits), byte(tag&typeMask)
	return true
}

// enter goes into the group that next has found.
func (r *reader) enter() {
	if r.is(typeGroup) {
		r.depth++
	}
}

// skip passes over the field that next has found. The strings in it count.
func (r *reader) skip() {
	for outside := r.depth; ; {
		switch r.kind {
		case typeNumber:
			r.varint()
		case typeBytes:
			r.cut(r.varint())
		case typeString:
			r.string()
		case typeGroup:
			r.depth++
		}
		for r.depth > outside && !r.next() {
		}
		if r.depth <= outside {
			return
		}
	}
}

func (r *reader) is(kind byte) bool {
	if r.kind != kind {
		r.fail("field %d is of type %d", r.field, r.kind)
	}
	return r.err == nil
}

func (r *reader) varint() uint64 {
	if r.at < len(r.s) && r.s[r.at] < 0x80 {
		r.at++
		return uint64(r.s[r.at-1])
	}
	var v uint64
	for i := 0; i < binary.MaxVarintLen64 && r.at < len(r.s); i++ {
		b := r.s[r.at]
		if i == binary.MaxVarintLen64-1 && b > 1 {
			break
		}
		r.at++
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return v
		}
	}
	r.fail("a number does not end")
	return 0
}

// cut gives the next n bytes.
func (r *reader) cut(n uint64) string {
	if n > uint64(len(r.s)-r.at) {
		r.fail("%d bytes should follow, and there are %d", n, len(r.s)-r.at)
		return ""
	}
	r.at += int(n)
	return r.s[r.at-int(n) : r.at]
}

func (r *reader) number() uint64 {
	if !r.is(typeNumber) {
		return 0
	}
	return r.varint()
}

func (r *reader) signed() int64 { return unzigzag(r.number()) }

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

func (r *reader) optional() *int64 {
	v := r.signed()
	return &v
}

func (r *reader) flag() bool { return r.number() != 0 }

// bytes gives the bytes of a field as a string.
func (r *reader) bytes() string {
	if !r.is(typeBytes) {
		return ""
	}
	return r.cut(r.varint())
}

func (r *reader) string() string {
	if !r.is(typeString) {
		return ""
	}
	n := r.varint()
	if n&1 == 0 {
		s := r.cut(n >> 1)
		r.table = append(r.table, span{uint32(r.at - len(s)), uint32(r.at)})
		return s
	}
	place := n >> 1
	if place < uint64(len(words)) {
		return words[place]
	}
	if place -= uint64(len(words)); place >= uint64(len(r.table)) {
		r.fail("string %d is not in the table", place)
		return ""
	}
	at := r.table[place]
	return r.s[at.from:at.to]
}

func (r *reader) time() time.Time {
	s := r.bytes()
	in := reader{s: s}
	seconds := unzigzag(in.varint())
	var ns uint64
	if in.at < len(in.s) {
		ns = in.varint()
	}
	if in.err != nil || ns >= uint64(time.Second) || in.at < len(in.s) {
		r.fail("field %d is no time: %x", r.field, s)
		return time.Time{}
	}
	return time.Unix(seconds, int64(ns)).UTC()
}

func (r *reader) addr() netip.Addr {
	s := r.bytes()
	if len(s) == 4 {
		return netip.AddrFrom4([4]byte{s[0], s[1], s[2], s[3]})
	}
	var a netip.Addr
	if err := a.UnmarshalBinary([]byte(s)); err != nil {
		r.fail("field %d is no address: %x", r.field, s)
	}
	return a
}

// hash fills what must be there whole.
func (r *reader) hash(to []byte) {
	if copy(to, r.bytes()) != len(to) {
		r.fail("field %d is no hash", r.field)
	}
}

// text reads the field into the string of its number, and tells whether there is
// one.
func (r *reader) text(t texts) bool {
	if r.field >= len(t) || t[r.field] == nil {
		return false
	}
	*t[r.field] = r.string()
	return true
}

// short reads a group of up to four strings, numbered in order.
func (r *reader) short(a, b, c, d *string) {
	to := [...]*string{nil, a, b, c, d}
	for r.enter(); r.next(); {
		if r.field < len(to) && to[r.field] != nil {
			*to[r.field] = r.string()
		} else {
			r.skip()
		}
	}
}

// room gives how many elements of a list to make room for, when a value claims to
// have n: no more than its bytes can hold.
func (r *reader) room(n uint64) int {
	const smallest = 2 // bytes: a tag and its end
	return int(min(n, uint64(len(r.s)-r.at)/smallest))
}

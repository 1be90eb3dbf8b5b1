package bolt

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"time"
)

// Version 2 of the form of values: fields, one after the other, each with the
// number that it has for ever. A field may be added under a new number, never
// renumbered or given another meaning; a reader passes over numbers that it does
// not know. What is zero or empty is left out.
//
//	field    tag ‖ content; the tag is number << 2 | type
//	number   0: a varint, in zigzag where it may be negative
//	bytes    1: length ‖ bytes
//	string   2: length << 1 ‖ bytes, a string that this value has not had yet,
//	            or place << 1 | 1, one that stands in the table
//	group    3: fields ‖ 0
//
// The table begins with the words below and goes on with the strings of the value,
// in order: a report says the same few domains, selectors and results over and
// over. All numbers are unsigned varints as encoding/binary has them.
const (
	typeNumber = iota
	typeBytes
	typeString
	typeGroup

	typeBits = 2
	typeMask = 1<<typeBits - 1
)

// words begin every table: what nearly every report says. They must never change,
// nor become more: a place behind them would then mean another string. They are few,
// so that the first strings of a value still have places of one byte.
var words = [...]string{
	"pass", "fail", "none", "quarantine", "reject", "mfrom", "softfail", "neutral",
	"temperror", "permerror", "r", "s", "y", "n", "0", "1", "1.0", "smtp", "authorized",
	"unchecked", "fits", "differs", "rfc7489", "rfc9990", "draft", "default", "helo",
	"forwarded", "mailing_list", "local_policy", "TLS 1.3 TLS_AES_128_GCM_SHA256", "Arrival-Date",
}

// writer appends the fields of one value.
type writer struct {
	b     []byte
	table stringTable
}

var writers = sync.Pool{New: func() any { return new(writer) }}

func newWriter() *writer {
	w := writers.Get().(*writer)
	w.b = w.b[:0]
	w.table.reset()
	return w
}

// largestKept bounds the buffers that are kept for the next value, in bytes: a few
// large reports must not fill the memory for ever.
const largestKept = 256 << 10

func (w *writer) release() {
	clear(w.table.list)
	if cap(w.b) <= largestKept {
		writers.Put(w)
	}
}

// varint appends as encoding/binary does, which would have to give the slice back:
// storing a pointer is work for the garbage collector.
func (w *writer) varint(v uint64) {
	for v >= 0x80 {
		w.b = append(w.b, byte(v)|0x80)
		v >>= 7
	}
	w.b = append(w.b, byte(v))
}

func (w *writer) tag(field int, kind byte) { w.varint(uint64(field)<<typeBits | uint64(kind)) }

func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

func (w *writer) number(field int, v uint64) {
	if v != 0 {
		w.tag(field, typeNumber)
		w.varint(v)
	}
}

func (w *writer) signed(field int, v int64) {
	if v != 0 {
		w.tag(field, typeNumber)
		w.varint(zigzag(v))
	}
}

// optional writes a number that may be zero, and nothing for nil.
func (w *writer) optional(field int, v *int64) {
	if v != nil {
		w.tag(field, typeNumber)
		w.varint(zigzag(*v))
	}
}

func (w *writer) flag(field int, v bool) {
	if v {
		w.number(field, 1)
	}
}

func (w *writer) bytes(field int, v []byte) {
	if len(v) > 0 {
		w.tag(field, typeBytes)
		w.varint(uint64(len(v)))
		w.b = append(w.b, v...)
	}
}

func (w *writer) string(field int, s string) {
	if s != "" {
		w.element(field, s)
	}
}

// strings writes a list; an empty string keeps its place in it.
func (w *writer) strings(field int, list []string) {
	for _, s := range list {
		w.element(field, s)
	}
}

func (w *writer) element(field int, s string) {
	w.tag(field, typeString)
	if place, known := w.table.place(s); known {
		w.varint(uint64(place)<<1 | 1)
		return
	}
	w.varint(uint64(len(s)) << 1)
	w.b = append(w.b, s...)
}

// time writes seconds since 1970 and, if there are any, nanoseconds; nothing for
// the zero time. The zone is lost: all times here are UTC.
func (w *writer) time(field int, t time.Time) {
	if t.IsZero() {
		return
	}
	var b [2 * binary.MaxVarintLen64]byte
	n := binary.PutVarint(b[:], t.Unix())
	if ns := t.Nanosecond(); ns != 0 {
		n += binary.PutUvarint(b[n:], uint64(ns))
	}
	w.bytes(field, b[:n])
}

// addr writes an address in 4 or 16 bytes and its zone; nothing for the zero one.
func (w *writer) addr(field int, a netip.Addr) {
	switch {
	case a.Is4():
		b := a.As4()
		w.bytes(field, b[:])
	case a.IsValid():
		b := a.As16()
		w.bytes(field, append(b[:], a.Zone()...))
	}
}

// begin opens a group, end closes it.
func (w *writer) begin(field int) { w.tag(field, typeGroup) }
func (w *writer) end()            { w.b = append(w.b, 0) }

// texts are the strings of a struct, each at the place of its field's number. The
// writer and the reader of the struct share them.
type texts []*string

func (w *writer) texts(t texts) {
	for field, s := range t {
		if s != nil {
			w.string(field, *s)
		}
	}
}

// short writes a group of up to four strings, numbered in order.
func (w *writer) short(field int, a, b, c, d string) {
	w.begin(field)
	w.string(1, a)
	w.string(2, b)
	w.string(3, c)
	w.string(4, d)
	w.end()
}

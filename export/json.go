package export

import (
	"net/netip"
	"strconv"
	"time"
)

// jsonText appends JSON by hand: reflection would be most of the cost of an
// export. The caller pairs what it opens and closes. An absent text is "", an
// absent number, time or address is null, an absent list is [].
type jsonText struct {
	b []byte
}

// comma separates from what stands before, unless that opened something.
func (j *jsonText) comma() {
	if n := len(j.b); n > 0 {
		switch j.b[n-1] {
		case '{', '[', '\n':
		default:
			j.b = append(j.b, ',')
		}
	}
}

// key begins a member. Names are our own and need no escapes.
func (j *jsonText) key(name string) {
	j.comma()
	j.b = append(j.b, '"')
	j.b = append(j.b, name...)
	j.b = append(j.b, '"', ':')
}

func (j *jsonText) object(name string) {
	j.key(name)
	j.b = append(j.b, '{')
}

func (j *jsonText) array(name string) {
	j.key(name)
	j.b = append(j.b, '[')
}

// element begins an object in an array.
func (j *jsonText) element() {
	j.comma()
	j.b = append(j.b, '{')
}

func (j *jsonText) endObject() { j.b = append(j.b, '}') }
func (j *jsonText) endArray()  { j.b = append(j.b, ']') }

// literal appends JSON as it is; field does so and adds a string. They stand in
// for the methods above where most of the time goes.
func (j *jsonText) literal(json string) {
	j.b = append(j.b, json...)
}

func (j *jsonText) field(json, s string) {
	j.b = appendJSONString(append(j.b, json...), s)
}

func (j *jsonText) text(name, s string) {
	j.key(name)
	j.b = appendJSONString(j.b, s)
}

// known adds a text that stands for an address: null when absent.
func (j *jsonText) known(name, s string) {
	if s == "" {
		j.null(name)
		return
	}
	j.text(name, s)
}

func (j *jsonText) texts(name string, list []string) {
	j.array(name)
	for _, s := range list {
		j.item(s)
	}
	j.endArray()
}

// item adds a text to an array.
func (j *jsonText) item(s string) {
	j.comma()
	j.b = appendJSONString(j.b, s)
}

func (j *jsonText) number(name string, n int64) {
	j.key(name)
	j.b = strconv.AppendInt(j.b, n, 10)
}

func (j *jsonText) sequence(name string, n uint64) {
	j.key(name)
	j.b = strconv.AppendUint(j.b, n, 10)
}

// optional adds a number that may be absent (nil).
func (j *jsonText) optional(name string, n *int64) {
	if n == nil {
		j.null(name)
		return
	}
	j.number(name, *n)
}

func (j *jsonText) flag(name string, yes bool) {
	j.key(name)
	j.b = strconv.AppendBool(j.b, yes)
}

func (j *jsonText) moment(name string, t time.Time) {
	if !spellable(t) {
		j.null(name)
		return
	}
	j.key(name)
	j.b = append(j.b, '"')
	j.b = appendTime(j.b, t)
	j.b = append(j.b, '"')
}

func (j *jsonText) address(name string, a netip.Addr) {
	switch {
	case !a.IsValid():
		j.null(name)
	case a.Zone() != "": // a zone may be any text
		j.text(name, a.String())
	default:
		j.key(name)
		j.b = append(j.b, '"')
		j.b = a.AppendTo(j.b)
		j.b = append(j.b, '"')
	}
}

func (j *jsonText) null(name string) {
	j.key(name)
	j.b = append(j.b, "null"...)
}

// spellable tells whether a time is there and RFC 3339 has a spelling for it: a
// year of four digits.
func spellable(t time.Time) bool {
	return !t.IsZero() && t.Unix() >= firstSecond && t.Unix() <= lastSecond
}

// The first and the last second of the years 0000 to 9999, since the epoch.
const (
	firstSecond = -62167219200
	lastSecond  = 253402300799
)

// appendTime spells a time in UTC without a fraction: 2026-11-20T00:00:00Z.
func appendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, time.RFC3339)
}

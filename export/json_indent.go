package export

import (
	"net/netip"
	"strconv"
	"time"
)

// indentedJSON appends JSON with each member on a line of its own, two spaces
// deeper than what it is in, and empty objects and arrays closed at once: as
// Python's json module does with indent=2. It keeps its state when b is written
// and emptied in between.
type indentedJSON struct {
	b     []byte
	depth int
	bare  bool // nothing has been put yet into what is open
}

// next begins a line: that of a member or of an element.
func (j *indentedJSON) next() {
	if !j.bare {
		j.b = append(j.b, ',')
	}
	j.bare = false
	j.line()
}

func (j *indentedJSON) line() {
	j.b = append(j.b, '\n')
	for range j.depth {
		j.b = append(j.b, "  "...)
	}
}

// open begins an object or an array ('{' or '['); shut ends it ('}' or ']').
func (j *indentedJSON) open(bracket byte) {
	j.b = append(j.b, bracket)
	j.depth++
	j.bare = true
}

func (j *indentedJSON) shut(bracket byte) {
	j.depth--
	if !j.bare {
		j.line()
	}
	j.bare = false
	j.b = append(j.b, bracket)
}

// key begins a member. The name may be a stranger's.
func (j *indentedJSON) key(name string) {
	j.next()
	j.b = appendJSONString(j.b, name)
	j.b = append(j.b, ": "...)
}

func (j *indentedJSON) object(name string) { j.key(name); j.open('{') }
func (j *indentedJSON) array(name string)  { j.key(name); j.open('[') }
func (j *indentedJSON) element()           { j.next(); j.open('{') }

func (j *indentedJSON) null(name string) {
	j.key(name)
	j.b = append(j.b, "null"...)
}

func (j *indentedJSON) text(name, s string) {
	j.key(name)
	j.b = appendJSONString(j.b, s)
}

// known adds a text, or null for an absent one; some leaves an absent one out.
func (j *indentedJSON) known(name, s string) {
	if s == "" {
		j.null(name)
		return
	}
	j.text(name, s)
}

func (j *indentedJSON) some(name, s string) {
	if s != "" {
		j.text(name, s)
	}
}

func (j *indentedJSON) texts(name string, list []string) {
	j.array(name)
	for _, s := range list {
		j.next()
		j.b = appendJSONString(j.b, s)
	}
	j.shut(']')
}

func (j *indentedJSON) number(name string, n int64) {
	j.key(name)
	j.b = strconv.AppendInt(j.b, n, 10)
}

// optional adds a number, or null for an absent one (nil).
func (j *indentedJSON) optional(name string, n *int64) {
	if n == nil {
		j.null(name)
		return
	}
	j.number(name, *n)
}

func (j *indentedJSON) flag(name string, yes bool) {
	j.key(name)
	j.b = strconv.AppendBool(j.b, yes)
}

// moment adds a time in a layout, or null when it has no spelling.
func (j *indentedJSON) moment(name string, t time.Time, layout string) {
	if !spellable(t) {
		j.null(name)
		return
	}
	j.key(name)
	j.b = append(j.b, '"')
	j.b = t.UTC().AppendFormat(j.b, layout)
	j.b = append(j.b, '"')
}

// address adds an address, or null for one that is absent or unreadable.
func (j *indentedJSON) address(name string, a netip.Addr) {
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

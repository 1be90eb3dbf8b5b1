package export

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// style is what a row becomes.
type style int

const (
	styleCSV   style = iota // a line of CSV
	styleNames              // the header row of CSV: each column's name
	styleJSON               // a flat JSON object: name and value of each column
)

// row appends the columns of one row. What stands in which column is said once,
// in rows_*.go, for the header row, for CSV and for flat NDJSON alike.
type row struct {
	jsonText
	style   style
	raw     bool   // cells that look like formulas stay as they are
	sep     byte   // between the elements of a list: ";" unless given
	list    bool   // between list and end
	items   int    // of the open list
	at      int    // where the open cell begins
	special bool   // the open cell may need quotes
	scratch []byte // of quote
}

// open begins a cell of CSV, or writes the name in a header row; it tells
// whether a value is wanted. The first cell of a row is never empty ("seq" and
// "row" are not), so that an empty row is one without a cell.
func (r *row) open(column string) bool {
	if n := len(r.b); n > 0 && r.b[n-1] != '\n' {
		r.b = append(r.b, ',')
	}
	if r.style == styleNames {
		r.b = append(r.b, column...)
		return false
	}
	return true
}

func (r *row) text(column, s string) {
	if r.style == styleJSON {
		r.jsonText.text(column, s)
		return
	}
	if !r.open(column) {
		return
	}
	if plain(s) {
		r.b = append(r.b, s...)
		return
	}
	r.at = len(r.b)
	r.guarded(s)
	r.quote()
}

func (r *row) known(column, s string) {
	if r.style == styleJSON {
		r.jsonText.known(column, s)
		return
	}
	r.text(column, s)
}

func (r *row) texts(column string, list []string) {
	r.begin(column)
	for _, s := range list {
		r.item(s)
	}
	r.end()
}

// begin opens a list; item adds to it; end closes it.
func (r *row) begin(column string) {
	if r.style == styleJSON {
		r.array(column)
		return
	}
	r.open(column)
	r.at, r.items, r.list, r.special = len(r.b), 0, true, false
	if r.sep == 0 {
		r.sep = ';'
	}
}

func (r *row) item(s string) {
	if r.style == styleJSON {
		r.jsonText.item(s)
		return
	}
	if r.style == styleNames {
		return
	}
	if r.items > 0 {
		r.b = append(r.b, r.sep)
		r.special = r.special || r.sep == ','
	}
	r.items++
	if plain(s) && strings.IndexByte(s, r.sep) < 0 {
		r.b = append(r.b, s...)
		return
	}
	r.special = true
	r.guarded(s)
}

func (r *row) end() {
	if r.style == styleJSON {
		r.endArray()
		return
	}
	if r.special {
		r.quote()
	}
	r.list = false
}

func (r *row) number(column string, n int64) {
	if r.style == styleJSON {
		r.jsonText.number(column, n)
	} else if r.open(column) {
		r.b = strconv.AppendInt(r.b, n, 10)
	}
}

func (r *row) sequence(column string, n uint64) {
	if r.style == styleJSON {
		r.jsonText.sequence(column, n)
	} else if r.open(column) {
		r.b = strconv.AppendUint(r.b, n, 10)
	}
}

func (r *row) optional(column string, n *int64) {
	if r.style == styleJSON {
		r.jsonText.optional(column, n)
	} else if r.open(column) && n != nil {
		r.b = strconv.AppendInt(r.b, *n, 10)
	}
}

func (r *row) flag(column string, yes bool) {
	if r.style == styleJSON {
		r.jsonText.flag(column, yes)
	} else if r.open(column) {
		r.b = strconv.AppendBool(r.b, yes)
	}
}

func (r *row) moment(column string, t time.Time) {
	if r.style == styleJSON {
		r.jsonText.moment(column, t)
	} else if r.open(column) && spellable(t) {
		r.b = appendTime(r.b, t)
	}
}

func (r *row) address(column string, a netip.Addr) {
	switch {
	case r.style == styleJSON:
		r.jsonText.address(column, a)
	case a.Zone() != "": // a zone may be any text
		r.text(column, a.String())
	case r.open(column) && a.IsValid():
		r.b = a.AppendTo(r.b)
	}
}

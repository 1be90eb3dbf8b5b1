package export

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// guarded appends a text without what could harm. A ";" that begins what looks
// like a formula is escaped as well: where ";" is the separator of lists, a
// spreadsheet splits the line there, and may take quotes off what follows. In a list
// each separator is, and an element behind one is looked at in the same way.
func (r *row) guarded(s string) {
	behind := r.list && r.sep == ';' && r.items > 1
	if !r.raw && (formula(s) || behind && formulaBehind(s)) {
		r.b = append(r.b, '\'')
	}
	start := 0 // of what has not been appended
	for i := 0; i < len(s); i++ {
		separates := r.list && s[i] == r.sep
		if !separates && (s[i] != ';' || r.raw || !formulaBehind(s[i+1:])) {
			continue
		}
		r.b = appendPrintable(r.b, s[start:i])
		r.b = appendHexByte(r.b, s[i])
		start = i + 1
	}
	r.b = appendPrintable(r.b, s[start:])
}

// quote puts the open cell in quotes if RFC 4180 §2 demands it, or if it begins
// or ends in a way that readers like to trim.
func (r *row) quote() {
	cell := r.b[r.at:]
	if len(cell) == 0 || !bytes.ContainsAny(cell, `",`) &&
		cell[0] != ' ' && cell[0] != '\'' && cell[len(cell)-1] != ' ' {
		return
	}
	r.scratch = append(r.scratch[:0], cell...)
	r.b = append(r.b[:r.at], '"')
	for _, c := range r.scratch {
		if c == '"' {
			r.b = append(r.b, '"')
		}
		r.b = append(r.b, c)
	}
	r.b = append(r.b, '"')
}

// plain tells whether a text can be a cell as it is: printable ASCII without
// what separates, quotes or escapes, and not beginning like a formula. Most are.
func plain(s string) bool {
	if s == "" {
		return true
	}
	switch s[0] {
	case '=', '+', '-', '@', ' ', '\'':
		return false
	}
	for i := 0; i < len(s); i++ {
		if !plainByte[s[i]] {
			return false
		}
	}
	return s[len(s)-1] != ' '
}

var plainByte = func() (table [256]bool) {
	for c := ' '; c <= '~'; c++ {
		table[c] = !strings.ContainsRune(`",;\`, c)
	}
	return table
}()

// blanks are what some spreadsheets look past.
const blanks = " \u00a0\u3000"

// formula tells whether a spreadsheet might run the text. Some look past spaces,
// and some read the full-width forms as the ASCII ones.
func formula(s string) bool {
	c, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, blanks))
	switch c {
	case '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠':
		return true
	}
	return false
}

// formulaBehind tells the same of what stands behind a ";", where quotes may begin.
func formulaBehind(s string) bool { return formula(strings.TrimLeft(s, blanks+`"'`)) }

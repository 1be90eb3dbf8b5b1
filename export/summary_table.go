package export

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rivo/uniseg"
)

// maxKeyWidth is the most columns that a name takes in a table: a stranger's
// name must not push the numbers off the screen. CSV and JSON have it whole.
const maxKeyWidth = 48

// table writes aligned columns for people, the total below, and what is not in
// it. Names are made Printable.
func (s *Summary) table(out *output) {
	groups, rest := s.Groups()
	writeTable(out, len(tableNames)+1, func(line func([]string)) { s.lines(groups, rest, line) })
	out.notes(s.notes())
}

// writeTable writes what lines calls its argument with. It calls lines twice, once
// to measure: a table may have MaxGroups lines.
func writeTable(out *output, cells int, lines func(line func([]string))) {
	widths := make([]int, cells)
	lines(func(line []string) {
		for i, cell := range line {
			widths[i] = max(widths[i], columns(cell))
		}
	})
	b := out.buf
	lines(func(line []string) {
		b = append(appendAligned(b, line, widths), '\n')
		b = out.spill(b)
	})
	out.buf = b
}

// notes writes lines below a table.
func (o *output) notes(notes []string) {
	for _, note := range notes {
		o.buf = append(append(o.buf, note...), '\n')
	}
}

// tableNames head the columns of a table, besides the first.
var tableNames = []string{
	"reports", "messages", "dmarc_pass", "dmarc_fail", "pass%", "dkim_pass", "spf_pass",
	"none", "pass", "quarantine", "reject", "other", "authenticated", "first", "last",
}

// lines calls line for each line of the table.
func (s *Summary) lines(groups []*Group, rest Rest, line func([]string)) {
	line(append([]string{string(s.options.By)}, tableNames...))
	for i := range groups {
		line(tableLine(shortened(groups[i].Key), &groups[i].Totals))
	}
	if rest.Groups > 0 {
		line(tableLine(othersKey, &rest.Totals))
	}
	line(tableLine("(total)", &s.Total))
}

func (s *Summary) notes() []string {
	var notes []string
	if s.LeftOut.Reports > 0 {
		notes = append(notes, fmt.Sprintf("left out: %d reports with %d messages, marked conflict or implausible",
			s.LeftOut.Reports, s.LeftOut.Messages))
	}
	return append(notes, boundNotes(s.Capped, s.Saturated)...)
}

// boundNotes tell which bounds a summary has met.
func boundNotes(capped, saturated bool) (notes []string) {
	if capped {
		notes = append(notes, fmt.Sprintf("more than %d groups, or too long names: those seen last are in %s, whatever their size",
			MaxGroups, othersKey))
	}
	if saturated {
		notes = append(notes, "a sum is too large to be shown: it is at least what stands there")
	}
	return notes
}

func tableLine(key string, t *Totals) []string {
	line := []string{key}
	for _, n := range []int64{t.Reports, t.Messages, t.DMARCPass, t.DMARCFail} {
		line = append(line, strconv.FormatInt(n, 10))
	}
	line = append(line, percent(t.DMARCPass, t.Messages))
	for _, n := range []int64{t.DKIMPass, t.SPFPass, t.None, t.Pass, t.Quarantine, t.Reject, t.Other, t.Authenticated} {
		line = append(line, strconv.FormatInt(n, 10))
	}
	return append(line, day(t.FirstBegin), day(t.LastBegin))
}

// percent rounds down: 100.0 is not shown for 99.99.
func percent(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	tenths := int64(float64(part) / float64(whole) * 1000)
	return fmt.Sprintf("%d.%d", tenths/10, tenths%10)
}

func day(t time.Time) string {
	if !spellable(t) {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}

// shortened makes a key fit for a table, with an ellipsis where it is cut.
func shortened(key string) string {
	if key == "" {
		return "(unknown)"
	}
	key = Printable(key)
	width, runes := 0, 0
	for i, r := range key {
		width += columns(string(r))
		runes++
		// Marks take no column: any number of them would fit.
		if width > maxKeyWidth || runes > 2*maxKeyWidth {
			return key[:i] + "…"
		}
	}
	return key
}

// columns is how many columns of a terminal a text takes.
func columns(s string) int {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return uniseg.StringWidth(s)
		}
	}
	return len(s) // as nearly all: what is not ASCII has to be looked up
}

// appendAligned puts the first column left and all others right.
func appendAligned(b []byte, line []string, widths []int) []byte {
	for i, cell := range line {
		pad := strings.Repeat(" ", widths[i]-columns(cell))
		if i == 0 {
			b = append(append(b, cell...), pad...)
			continue
		}
		b = append(append(append(b, "  "...), pad...), cell...)
	}
	return b
}

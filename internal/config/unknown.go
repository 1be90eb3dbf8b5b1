package config

import (
	"slices"
	"strconv"
	"strings"
)

// names are the keys and sections that exist.
type names struct {
	keys     []string // with those of one target and one schedule
	sections []string
}

func allNames(options []option) names {
	var n names
	for _, o := range options {
		n.keys = append(n.keys, o.key)
		if section, _, found := strings.Cut(o.key, "."); found && !slices.Contains(n.sections, section) {
			n.sections = append(n.sections, section)
		}
	}
	n.keys = slices.Concat(n.keys, targetKeys, scheduleKeys)
	return n
}

// structure reports what the file holds and no option reads: unknown keys and
// sections, and known ones that are written in the wrong form.
func (c *check) structure(n names) {
	wrongSection := "" // already reported: what stands in it is not
	for _, p := range c.layout.places {
		key := optionKey(p.path)
		if wrongSection != "" && strings.HasPrefix(p.path, wrongSection+".") {
			continue
		}
		var problem string
		switch p.shape {
		case section:
			problem = n.wrongSection(key)
		case listEntry:
			problem = n.wrongList(key)
		default:
			problem = n.wrongKey(key)
			if first := c.layout.lines[p.path]; problem == "" && first != p.line {
				problem = "given twice, first in line " + strconv.Itoa(first) + "; remove one"
			}
		}
		if problem == "" {
			continue
		}
		c.failed[key] = true
		c.errs = append(c.errs, Error{Where: c.file, Line: p.line, Key: key, Problem: problem})
		if p.shape != value {
			wrongSection = p.path
		}
	}
}

func (n names) wrongSection(key string) string {
	switch {
	case slices.Contains(n.sections, key):
		return ""
	case key == "target", key == "schedule":
		return "a list has two pairs of brackets; write [[" + key + "]]"
	case slices.Contains(n.keys, key):
		return "an option and no section; write " + key + " = …"
	default:
		return "no such section" + hint(nearest(key, append([]string{"target", "schedule"}, n.sections...)), "[", "]")
	}
}

func (n names) wrongList(key string) string {
	switch {
	case key == "target", key == "schedule":
		return ""
	case slices.Contains(n.sections, key):
		return "there is only one such section; write [" + key + "]"
	default:
		return "no such list; there are only [[target]] and [[schedule]]"
	}
}

func (n names) wrongKey(key string) string {
	if slices.Contains(n.keys, key) {
		return ""
	}
	if slices.Contains(n.sections, key) {
		return "a section and no option; write [" + key + "], and its options below it"
	}
	name := key[strings.LastIndexByte(key, '.')+1:]
	if slices.Contains(n.keys, name) {
		return "no such option in this section; move " + name + " to the top of the file, before the first [section]"
	}
	for _, known := range n.keys {
		if strings.HasSuffix(known, "."+name) {
			return "no such option; did you mean " + known + "?"
		}
	}
	return "no such option" + hint(nearest(key, n.keys), "", "")
}

func hint(name, before, after string) string {
	if name == "" {
		return "; config.example.toml lists all that exist"
	}
	return "; did you mean " + before + name + after + "?"
}

// nearest gives the word that differs least, "" when none is like it.
func nearest(word string, known []string) string {
	best, least := "", 1+max(1, len(word)/3)
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the number of single bytes to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

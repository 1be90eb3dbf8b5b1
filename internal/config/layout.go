package config

import (
	"sort"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// shape is how a key is written.
type shape int

const (
	value     shape = iota // key = …
	section                // [key]
	listEntry              // [[key]]
)

// place is one key of the file. Path has lower case and, behind each name that is
// a list of tables, the number of the entry: "target.0.domain".
type place struct {
	path  string
	line  int
	shape shape
}

// layout tells where in the file each key stands; neither viper nor go-toml keeps
// that for a file without a syntax error.
type layout struct {
	places []place
	lines  map[string]int // of the first place of a path

	newlines []int // offsets, ascending
	counts   map[string]int
	prefix   string // path of the table that the parser is in
	parser   unstable.Parser
}

// readLayout walks a file that go-toml has accepted.
func readLayout(file []byte) *layout {
	l := &layout{lines: make(map[string]int), counts: make(map[string]int)}
	for i, b := range file {
		if b == '\n' {
			l.newlines = append(l.newlines, i)
		}
	}
	l.parser.Reset(file)
	for l.parser.NextExpression() {
		node := l.parser.Expression()
		switch node.Kind {
		case unstable.Table:
			path, line := l.key(node)
			l.prefix = path
			l.add(place{path, line, section})
		case unstable.ArrayTable:
			path, line := l.key(node)
			l.prefix = l.next(path)
			l.add(place{path, line, listEntry})
			l.lines[l.prefix] = line
		case unstable.KeyValue:
			l.keyValue(l.prefix, node)
		}
	}
	return l
}

func (l *layout) add(p place) {
	l.places = append(l.places, p)
	if _, known := l.lines[p.path]; !known {
		l.lines[p.path] = p.line
	}
}

// keyValue adds a key and, where its value holds tables, the keys in them.
func (l *layout) keyValue(prefix string, node *unstable.Node) {
	name, line := l.key(node)
	path := join(prefix, name)
	switch v := node.Value(); v.Kind {
	case unstable.InlineTable:
		l.add(place{path, line, section})
		l.table(path, v)
	case unstable.Array:
		l.add(place{path, line, value})
		items := v.Children()
		for items.Next() {
			if item := items.Node(); item.Kind == unstable.InlineTable {
				l.table(l.next(path), item)
			}
		}
	default:
		l.add(place{path, line, value})
	}
}

func (l *layout) table(prefix string, node *unstable.Node) {
	keys := node.Children()
	for keys.Next() {
		if keys.Node().Kind == unstable.KeyValue {
			l.keyValue(prefix, keys.Node())
		}
	}
}

// next gives the path of a new entry of a list of tables.
func (l *layout) next(path string) string {
	n := l.counts[path]
	l.counts[path]++
	return path + "." + strconv.Itoa(n)
}

func (l *layout) key(node *unstable.Node) (path string, line int) {
	parts := node.Key()
	for parts.Next() {
		part := parts.Node()
		path = join(path, strings.ToLower(string(part.Data)))
		if line == 0 {
			line = 1 + sort.SearchInts(l.newlines, int(part.Raw.Offset))
		}
	}
	return path, line
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// optionKey gives the key of the option that a path belongs to: without the numbers
// of list entries.
func optionKey(path string) string {
	var names []string
	for name := range strings.SplitSeq(path, ".") {
		if _, err := strconv.Atoi(name); err != nil {
			names = append(names, name)
		}
	}
	return strings.Join(names, ".")
}

package config

import (
	"strconv"
	"strings"
)

// Errors is everything that is wrong with a configuration, in the order of its
// lines; never empty when it is returned as an error.
type Errors []Error

// Error gives one line for each.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the errors one by one.
func (e Errors) Unwrap() []error {
	list := make([]error, len(e))
	for i := range e {
		list[i] = e[i]
	}
	return list
}

// Error is one thing that is wrong.
type Error struct {
	// Where is the file, or the environment variable with a "$" before it.
	Where string
	Line  int    // from 1; 0 when no single line is to blame
	Key   string // "limits.message"; "" for a syntax error
	Value string // as TOML writes it; "" when there is none
	// Problem says what is wrong and what to do.
	Problem string
}

// Error reads: config.toml:12: limits.message = 25: a size needs a unit; write …
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Where)
	if e.Line > 0 {
		b.WriteString(":" + strconv.Itoa(e.Line))
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(e.Key)
		if e.Value != "" {
			b.WriteString(" = " + e.Value)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	return b.String()
}

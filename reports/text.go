package reports

import (
	"strings"
	"unicode/utf8"
)

// What is done to nearly all that is read here changes nothing in nearly all of it. These
// functions look first.

// validText returns s with U+FFFD in place of what is no UTF-8.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// withoutBlanks returns s without white space, which folding leaves in long names.
func withoutBlanks(s string) string {
	if !strings.ContainsFunc(s, maybeBlank) {
		return s
	}
	return strings.Join(strings.Fields(s), "")
}

// maybeBlank tells whether r may be white space for strings.Fields.
func maybeBlank(r rune) bool { return r <= ' ' || r >= utf8.RuneSelf }

// singleSpaced returns s with one space in place of each stretch of white space, and none
// around it.
func singleSpaced(s string) string {
	space := true
	for _, r := range s {
		if maybeBlank(r) && (r != ' ' || space) {
			return strings.Join(strings.Fields(s), " ")
		}
		space = r == ' '
	}
	if space {
		return strings.Join(strings.Fields(s), " ")
	}
	return s
}

package reports

import (
	"errors"
	"path"
	"strings"
)

// reportEndings are the endings of file names of reports. ".gz" alone is one: RFC 7489
// itself shows it.
var reportEndings = []string{".xml", ".json", ".gzip", ".gz", ".zip"}

// reportFileName tells whether name follows RFC 9990 §3.5.2 or RFC 8460 §5.1, seen with some
// tolerance: receiver!policy-domain!begin!end, then !unique-id or not, then one or more of
// the reportEndings. The unique id is wider than the standard has it. Case, folded blanks
// and a path before the name do not matter.
func reportFileName(name string) bool {
	name = path.Base(strings.ReplaceAll(withoutBlanks(name), `\`, "/"))
	_, rest, found := strings.Cut(name, "!")
	domain, rest, more := strings.Cut(rest, "!")
	begin, rest, last := strings.Cut(rest, "!")
	if !found || !more || !last || domain == "" || begin == "" || withoutDigits(begin) != "" {
		return false
	}
	end, unique, given := strings.Cut(rest, "!")
	endings := withoutDigits(end)
	if endings == end {
		return false
	}
	if given {
		return endings == "" && !strings.Contains(unique, "!") && withoutEnding(unique) != unique
	}
	return endings != "" && onlyEndings(endings)
}

// onlyEndings tells whether s is made of reportEndings.
func onlyEndings(s string) bool {
	for s != "" {
		rest := withoutEnding(s)
		if rest == s {
			return false
		}
		s = rest
	}
	return true
}

// withoutDigits cuts the digits at the start of s.
func withoutDigits(s string) string { return strings.TrimLeft(s, "0123456789") }

// withoutEnding cuts one of the reportEndings from a name.
func withoutEnding(name string) string {
	for _, ending := range reportEndings {
		if start := len(name) - len(ending); start >= 0 && strings.EqualFold(name[start:], ending) {
			return name[:start]
		}
	}
	return name
}

// archiveName tells whether a file name promises an archive.
func archiveName(name string) bool {
	lower := strings.ToLower(strings.TrimSpace(name))
	return strings.HasSuffix(lower, ".gz") || strings.HasSuffix(lower, ".zip")
}

var errNoArchive = errors.New("neither gzip nor zip, though its name ends so")

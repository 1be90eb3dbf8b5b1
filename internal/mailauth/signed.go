package mailauth

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// signedHeader is the header as far as a signature covers it. The signature comes
// first, where it stood among the others of its name when it was made.
func signedHeader(fields []field, c *candidate) ([]byte, error) {
	names := make(map[string]bool)
	list := strings.Split(c.tags["h"], ":")
	if len(list) > maxSignedNames {
		return nil, fmt.Errorf("more than %d names in h=", maxSignedNames)
	}
	for _, name := range list {
		names[strings.ToLower(noSpace(name))] = true
	}
	header := ended(slices.Clone(fields[c.field].raw))
	for i := range fields {
		f := &fields[i]
		// A first line that looks folded would become part of the signature.
		if i == c.field || folded(f.raw) || !names[strings.ToLower(string(f.name))] {
			continue
		}
		if err := f.tooLong(); err != nil {
			return nil, err
		}
		header = ended(append(header, f.raw...))
	}
	return append(header, "\r\n"...), nil
}

// ended gives the last field of a message without a body its line end.
func ended(header []byte) []byte {
	if !bytes.HasSuffix(header, []byte("\n")) {
		header = append(header, "\r\n"...)
	}
	return header
}

// streamed reads header and body in pieces: the library copies each piece several
// times, and would take a bytes.Reader as one.
func streamed(header []byte, body io.Reader) io.Reader {
	whole := io.MultiReader(bytes.NewReader(header), body)
	return bufio.NewReaderSize(struct{ io.Reader }{whole}, 32<<10)
}

// emptyLines refuses bodies that would cost the library quadratic time: it goes
// through a run of empty lines again with each piece of it.
func emptyLines(body []byte) error {
	run := 0
	for _, c := range body {
		if c != '\r' && c != '\n' {
			run = 0
			continue
		}
		if run++; run > maxEmptyLines {
			return fmt.Errorf("more than %d octets of empty lines", maxEmptyLines)
		}
	}
	return nil
}

// parseTags reads a tag list as the library does (RFC 6376 §3.2).
func parseTags(list string) (map[string]string, error) {
	tags := make(map[string]string)
	for part := range strings.SplitSeq(list, ";") {
		name, value, ok := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if !ok && name == "" {
			continue
		}
		if _, twice := tags[name]; twice || !ok {
			return nil, errors.New("tag list is malformed")
		}
		tags[name] = strings.TrimSpace(value)
	}
	return tags, nil
}

func noSpace(s string) string {
	return strings.Join(strings.Fields(s), "")
}

package smtpd

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// verbOf gives the command's first word in upper case. go-smtp takes the first four
// bytes, and anything that begins with STARTTLS for STARTTLS.
func verbOf(line []byte) string {
	if len(line) >= 8 && bytes.EqualFold(line[:8], []byte("STARTTLS")) {
		return "STARTTLS"
	}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) < 4 || (len(line) > 4 && line[4] != ' ') {
		return ""
	}
	return strings.ToUpper(string(line[:4]))
}

// clean tells whether a command line is UTF-8 without control characters, the line
// end aside. go-smtp would echo them.
func clean(line []byte) bool {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if !utf8.Valid(line) {
		return false
	}
	for _, r := range string(line) {
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return false
		}
	}
	return true
}

// chunkSize reads the size from a BDAT command (RFC 3030 §2) just as go-smtp does.
// It is false when go-smtp answers 501 without reading a chunk: then nobody knows
// where the next command begins.
func chunkSize(line []byte) (int64, bool) {
	args := strings.Fields(string(line[4:]))
	if len(args) < 1 || len(args) > 2 || (len(args) == 2 && !strings.EqualFold(args[1], "LAST")) {
		return 0, false
	}
	n, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return 0, false
	}
	return int64(n), true
}

// withPostmaster gives a bare <Postmaster> its domain: RFC 5321 §4.5.1 demands that
// it is taken, and go-smtp's parser refuses a path without one.
func withPostmaster(line []byte, domain string) []byte {
	const bare = "<postmaster>"
	i := bytes.IndexByte(line, '<')
	if i < 0 || len(line) < i+len(bare) || !strings.EqualFold(string(line[i:i+len(bare)]), bare) {
		return line
	}
	if !strings.EqualFold(strings.TrimSpace(string(line[4:i])), "TO:") {
		return line
	}
	rest := line[i+len(bare):]
	return append([]byte("RCPT TO:<postmaster@"+domain+">"), rest...)
}

// endOfData finds the line that ends DATA: CR LF . CR LF and nothing else (RFC 5321
// §4.1.1.4). It follows go-smtp's reader byte for byte, so that both always agree
// where the content ends; in particular a dot behind CR CR LF begins no line, and
// a message whose last line ends so is never complete.
type endOfData int

const (
	lineBegin endOfData = iota
	afterDot
	afterDotCR
	afterCR
	inLine
)

// scan gives how many bytes of b still belong to the content, its end included, and
// whether the end was among them.
func (s *endOfData) scan(b []byte) (int, bool) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch *s {
		case inLine:
			next := bytes.IndexByte(b[i:], '\r')
			if next < 0 {
				return len(b), false
			}
			i += next
			*s = afterCR
		case lineBegin:
			*s = inLine
			if c == '.' {
				*s = afterDot
			} else if c == '\r' {
				*s = afterCR
			}
		case afterDot:
			*s = inLine
			if c == '\r' {
				*s = afterDotCR
			}
		case afterDotCR:
			if c == '\n' {
				*s = lineBegin
				return i + 1, true
			}
			*s = inLine
		case afterCR:
			*s = inLine
			if c == '\n' {
				*s = lineBegin
			}
		}
	}
	return len(b), false
}

// replyCode gives the code of one line that go-smtp writes, and whether the reply
// ends with it.
func replyCode(b []byte) (code int, last bool) {
	if len(b) < 4 {
		return 0, true
	}
	code, _ = strconv.Atoi(string(b[:3]))
	return code, b[3] != '-'
}

package smtpd

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// verbOf gives the command's first word in upper case. go-smtp takes the first four
// bytes, and anything that begins with STARTTLS for STARTTLS, by Unicode's upper case.
func verbOf(line []byte) string {
	begin := line[:min(len(line), 2*len("STARTTLS"))] // "ſ", two bytes, becomes an "S"
	if bytes.HasPrefix(bytes.ToUpper(begin), []byte("STARTTLS")) {
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
	for i, c := range line {
		if c >= 0x80 {
			return cleanUTF8(line[i:])
		}
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func cleanUTF8(line []byte) bool {
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

// dots reads content of DATA byte by byte: it takes away the dots that the client
// doubled and finds the line that ends the content, CR LF . CR LF and nothing else
// (RFC 5321 §4.5.2, §4.1.1.4). It does what go-smtp's reader does with each byte; in
// particular a dot behind CR CR LF begins no line, and a message whose last line
// ends so is never complete.
type dots int

const (
	lineBegin dots = iota
	afterDot
	afterDotCR
	afterCR
	inLine
)

// take moves content from src to dst until one of them is used up or the content
// ends. It gives the bytes written, the bytes used, and whether the end was among them.
func (d *dots) take(dst, src []byte) (n, used int, end bool) {
	for used < len(src) && n < len(dst) {
		if *d == inLine {
			moved := copy(dst[n:], src[used:])
			if i := bytes.IndexByte(src[used:used+moved], '\r'); i >= 0 {
				moved = i + 1
				*d = afterCR
			}
			n, used = n+moved, used+moved
			continue
		}
		c := src[used]
		used++
		was := *d
		*d = was.after(c)
		switch {
		case was == afterDotCR && c == '\n':
			return n, used, true
		case *d == afterDot, *d == afterDotCR:
			continue
		}
		dst[n] = c
		n++
	}
	return n, used, false
}

// after gives the state behind c.
func (d dots) after(c byte) dots {
	switch {
	case d == lineBegin && c == '.':
		return afterDot
	case d == lineBegin && c == '\r':
		return afterCR
	case d == afterDot && c == '\r':
		return afterDotCR
	case (d == afterCR || d == afterDotCR) && c == '\n':
		return lineBegin
	}
	return inLine
}

// lines holds the limit on the length of lines.
type lines struct {
	limit int // bytes of a line with its CR LF
	now   int // bytes of the line under way, and one
}

// pass counts b; false when a line in it is over the limit.
func (l *lines) pass(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			l.now += len(b)
			return l.limit <= 0 || l.now <= l.limit
		}
		if l.now += i; l.limit > 0 && l.now > l.limit {
			return false
		}
		l.now, b = 1, b[i+1:]
	}
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

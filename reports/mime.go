package reports

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// The bounds of one message. Real mails of reporting organizations have up to
// six parts, three levels deep, and a forward adds two levels; a walk without
// bounds costs the square of the depth.
const (
	maxDepth    = 10   // multiparts and messages inside one another
	maxParts    = 100  // parts of all levels, multiparts included
	maxBoundary = 1024 // bytes; RFC 2046 §5.1.1 allows 70
	usualParts  = 4
)

// finder looks for reports in one message. It is used once.
type finder struct {
	budget *budget
	found  Found
	parts  int
	bounds []error // of the walk, that were passed
	traits traits
	texts  []text      // that could tell of a report in prose
	notice *Unreadable // the first of them that does; not looked for beside a report
}

// entity is a message or a part: its header, its body and where it stands.
type entity struct {
	header      entityHeader
	body        []byte // as sent, not decoded
	contentType mediaType
	name        string // file name, or ""
	feedback    bool   // it is the second part of a failure report
	within      string // the messages around it, each with " > " behind it
	number      string // "2", "2.1"; "" for a message
	depth       int
}

// part describes an entity for people, as in Report.Part.
func (e *entity) part() string {
	number := e.number
	if number == "" {
		number = "1"
	}
	kind := shorten(e.contentType.value, maxLabel)
	switch {
	case kind != "" && e.name != "":
		return e.within + number + " " + kind + " " + e.name
	case kind != "" || e.name != "":
		return e.within + number + " " + kind + e.name
	}
	return e.within + number
}

func (e *entity) childNumber(n int) string {
	if e.number == "" {
		return strconv.Itoa(n)
	}
	return e.number + "." + strconv.Itoa(n)
}

// maxLabel bounds how much of a sender's word goes into a description.
const maxLabel = 80

// shorten returns s, or its first limit bytes with "…" behind them.
func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// read makes an entity of its bytes, which begin with its header. It returns
// nil when a bound of the walk is passed.
func (f *finder) read(raw []byte, number, within string, depth int) *entity {
	if depth > maxDepth {
		f.passed(fmt.Errorf("message exceeds the bound of %d nested parts", maxDepth))
		return nil
	}
	if f.parts++; f.parts > maxParts {
		f.passed(fmt.Errorf("message exceeds the bound of %d parts", maxParts))
		return nil
	}
	head, body, err := readEntity(raw)
	e := &entity{header: head, body: body, number: number, within: within, depth: depth}
	e.contentType = parseMediaType(head.Get(fieldContentType))
	disposition := parseMediaType(head.Get(fieldDisposition))
	e.name = fileName(&disposition, &e.contentType)
	f.traits.note(e)
	if depth == 0 {
		f.found.Header = newMessageHeader(&head)
	}
	if err != nil {
		f.passed(err)
		return nil
	}
	return e
}

func (f *finder) passed(bound error) {
	f.bounds = append(f.bounds, bound)
}

// walk searches an entity. It tells whether a feedback report stood in it: a
// message behind it may then be the one that failed.
func (f *finder) walk(e *entity) (feedback bool) {
	switch {
	case strings.HasPrefix(e.contentType.value, "multipart/"):
		if parts, ok := f.split(e); ok {
			return f.walkParts(e, parts)
		}
		if body := decoded(e); len(body) != len(e.body) { // RFC 2045 §6.4 forbids it
			e.body = body
			e.header.Del(fieldEncoding)
			if parts, ok := f.split(e); ok {
				return f.walkParts(e, parts)
			}
		}
		f.leaf(e)
	case isFeedbackType(e.contentType.value):
		f.feedback(e, nil)
		return true
	case isMessageType(e.contentType.value):
		f.message(decoded(e), e.part()+" > ", e.depth+1)
	default:
		f.leaf(e)
	}
	return false
}

// message searches a whole mail: the one received (at depth 0), or one that was
// forwarded in another.
func (f *finder) message(raw []byte, within string, depth int) {
	if e := f.read(trimEnvelopeLine(raw), "", within, depth); e != nil {
		f.walk(e)
	}
}

// walkParts searches the parts of a multipart in order. Behind a feedback report
// it searches nothing but for other multiparts where that is nested, and beside one no
// message: that is the failed message,
// and whoever wrote that must not be able to put a report into it.
func (f *finder) walkParts(e *entity, parts []*entity) (feedback bool) {
	beside := markFeedback(e, parts)
	behind := false
	for i, part := range parts {
		switch {
		case part.feedback:
			f.feedback(part, sampleOf(parts, i))
			behind = true
		case behind:
		case feedback && !strings.HasPrefix(part.contentType.value, "multipart/"):
		case isMessageType(part.contentType.value) && beside:
		default:
			feedback = f.walk(part) || feedback
		}
	}
	return feedback || beside
}

// markFeedback marks the parts that are feedback reports: by their content type
// or, where no part is labelled so, the first that begins with the fields which
// every feedback report has.
func markFeedback(e *entity, parts []*entity) (any bool) {
	for _, part := range parts {
		part.feedback = isFeedbackType(part.contentType.value)
		any = any || part.feedback
	}
	if any {
		return true
	}
	announced := strings.EqualFold(e.contentType.param("report-type"), "feedback-report")
	for _, part := range parts {
		if strings.HasPrefix(part.contentType.value, "multipart/") || isMessageType(part.contentType.value) {
			continue
		}
		head := beginning(part)
		if head.Has("Feedback-Type") && (announced || head.Has("Version") && head.Has("User-Agent")) {
			part.feedback = true
			return true
		}
	}
	return false
}

// beginningBytes is how much of a part is looked at for the fields of a feedback
// report; they come first and are short.
const beginningBytes = 8 << 10

// archiveMark and firstFieldBytes are how much of that is decoded to see whether the part
// is an archive, as most are, and whether its first line is a field at all.
const archiveMark, firstFieldBytes = 4, 512

var beginnings = sync.Pool{New: func() any { return new([beginningBytes]byte) }}

// beginning reads the header-like lines at the start of a decoded part.
func beginning(e *entity) header {
	buf := beginnings.Get().(*[beginningBytes]byte)
	defer beginnings.Put(buf)
	encoding, _ := transferEncoding(e.header.Get(fieldEncoding), e.body)
	r := newTransferReader(e.body, encoding)
	n, _ := io.ReadFull(r, buf[:archiveMark]) // the part may be shorter
	if beginsArchive(buf[:n]) {
		return header{}
	}
	more, _ := io.ReadFull(r, buf[n:firstFieldBytes])
	n += more
	if line, _ := cutLine(trimBlankLines(buf[:n])); !isField(line) {
		return header{}
	}
	more, _ = io.ReadFull(r, buf[n:])
	start := trimBlankLines(buf[:n+more])
	head, _, err := readHeader(start)
	if err != nil {
		return header{}
	}
	return head
}

// sampleOf picks the failed message that belongs to the feedback report at: the
// first message behind it, before the next feedback report. Without one it is
// the next part, else a message before it.
func sampleOf(parts []*entity, at int) *entity {
	var sample *entity
	for _, part := range parts[at+1:] {
		if part.feedback {
			break
		}
		if isMessageType(part.contentType.value) {
			return part
		}
		if sample == nil {
			sample = part
		}
	}
	if sample == nil && at > 0 && isMessageType(parts[at-1].contentType.value) {
		return parts[at-1]
	}
	return sample
}

// decoded returns the body of an entity without its transfer encoding.
func decoded(e *entity) []byte {
	encoding, _ := transferEncoding(e.header.Get(fieldEncoding), e.body)
	if encoding != "base64" && encoding != "quoted-printable" {
		return e.body
	}
	out, err := io.ReadAll(newTransferReader(e.body, encoding))
	if err != nil {
		return nil // these readers have no other error than io.EOF
	}
	return out
}

// leaf searches one part that holds no others.
func (f *finder) leaf(e *entity) {
	encoding, lied := transferEncoding(e.header.Get(fieldEncoding), e.body)
	before := len(f.found.Reports)
	part := e.part()
	readBlob(newTransferReader(e.body, encoding), part, e.name, f.budget, &f.found)
	for i := before; i < len(f.found.Reports); i++ {
		r := &f.found.Reports[i]
		if lied {
			r.warn(WarnTransferEncoding, "Content-Transfer-Encoding", e.header.Get(fieldEncoding))
		}
		if e.header.recovered {
			r.warn(WarnHeader, "part "+e.part(), "")
		}
	}
	if e.contentType.value == "" || e.contentType.value == "text/plain" {
		f.texts = append(f.texts, text{body: e.body, encoding: encoding, part: part})
	}
}

// split cuts the body of a multipart into its parts (RFC 2046 §5.1). It tells
// whether a boundary was found; a missing closing one is no error.
func (f *finder) split(e *entity) (parts []*entity, ok bool) {
	boundary := strings.TrimRight(e.contentType.param("boundary"), " \t")
	if len(boundary) > maxBoundary {
		f.passed(fmt.Errorf("boundary exceeds the bound of %d bytes", maxBoundary))
		return nil, true
	}
	delimiter := []byte("--" + boundary)
	_, next := findDelimiter(e.body, delimiter)
	if next < 0 {
		delimiter = []byte("--" + guessBoundary(e.body))
		if _, next = findDelimiter(e.body, delimiter); next < 0 {
			return nil, false
		}
	}
	rest := e.body[next:]
	parts = make([]*entity, 0, usualParts)
	for {
		end, next := findDelimiter(rest, delimiter)
		raw := rest
		if end >= 0 {
			raw = cutLastLineEnd(rest[:end])
		}
		part := f.read(raw, e.childNumber(len(parts)+1), e.within, e.depth+1)
		if part == nil {
			return parts, true
		}
		parts = append(parts, part)
		if next < 0 {
			return parts, true
		}
		rest = rest[next:]
	}
}

// cutLastLineEnd cuts the line end that belongs to the delimiter behind it.
func cutLastLineEnd(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte("\n"))
	return bytes.TrimSuffix(b, []byte("\r"))
}

// The first delimiter is guessed among the first lines that begin with "--",
// behind a short preamble; each that is tried costs a look through the body.
const (
	guessedWithin = 64 << 10
	maxGuesses    = 8
)

// guessBoundary guesses the boundary of a multipart whose header does not tell
// it: the first line that begins with "--" and stands there twice.
func guessBoundary(body []byte) string {
	rest := body[:min(len(body), guessedWithin)]
	for guesses := 0; len(rest) > 0 && guesses < maxGuesses; {
		var line []byte
		line, rest = cutLine(rest)
		line = bytes.TrimRight(line, " \t")
		if len(line) <= len("--") || len(line) > maxBoundary || !bytes.HasPrefix(line, []byte("--")) {
			continue
		}
		guesses++
		if bytes.Count(body, line) > 1 {
			return string(line[len("--"):])
		}
	}
	return ""
}

// findDelimiter finds the first delimiter line in body, "--" and the boundary: where it
// starts, and where the text behind it does; next is -1 for a closing delimiter.
func findDelimiter(body, delimiter []byte) (start, next int) {
	if len(delimiter) == len("--") {
		return -1, -1
	}
	for from := 0; ; {
		i := bytes.Index(body[from:], delimiter)
		if i < 0 {
			return -1, -1
		}
		start = from + i
		from = start + len(delimiter)
		if start > 0 && body[start-1] != '\n' && body[start-1] != '\r' {
			continue
		}
		rest := body[from:]
		closing := bytes.HasPrefix(rest, []byte("--"))
		if closing {
			rest = rest[2:]
		}
		blank := bytes.TrimLeft(rest, " \t")
		if len(blank) > 0 && blank[0] != '\r' && blank[0] != '\n' {
			continue
		}
		if closing {
			return start, -1
		}
		_, after := cutLine(blank)
		return start, len(body) - len(after)
	}
}

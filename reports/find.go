package reports

import (
	"bytes"
	"fmt"
	"path"
	"runtime/debug"
	"strings"
	"time"
)

// Found is what a message holds.
type Found struct {
	// Header is what the message says about itself. Zero for a bare document.
	Header     MessageHeader
	Reports    []Report
	Unreadable []Unreadable
	// OtherFeedback are the feedback types of ARF parts that are no failure
	// reports of DMARC: abuse, opt-out, ….
	OtherFeedback []string
	// Denied is what Limits.Reserve said when it refused memory; all else is then
	// without meaning. The message can be read again when there is more.
	Denied error
}

// MessageHeader is what the header of a message says, decoded (RFC 2047). A
// stranger wrote all of it; nothing in it is checked.
type MessageHeader struct {
	// From holds the addresses of all From fields, in order, without names and
	// angle brackets. A well-formed message has one.
	From []string
	// AuthorDomains are the domains of From, spelled as NormalDomain does, each once.
	AuthorDomains []string
	To            []string // the addresses of all To fields
	Subject       string
	MessageID     string    // with its angle brackets, as written
	Date          time.Time // UTC; zero when absent or unreadable

	// TLSReportDomain and TLSReportSubmitter are the fields of RFC 8460 §5.3.
	TLSReportDomain, TLSReportSubmitter string

	// Received is the number of Received fields (loop guard, RFC 5321 §6.3).
	Received int
}

// Unreadable is a part that looks like a report and could not be read, or one
// that people have to look at. The message belongs in the hold.
type Unreadable struct {
	Kind   string // a Kind, or "" when the part did not get as far as to tell
	Code   string // from the closed set in unreadable.go: what is wrong, for metrics
	Part   string // as in Report
	Reason string // one sentence: what is wrong and where, naming the bound if one was passed
	// Stack is the stack of a panic in a reader (Code "panic"), else nil. For
	// the log only.
	Stack []byte
}

// Find finds and reads every report in a mail. The message is the mail as it
// was received, with CRLF, LF or CR line ends; an mbox "From " line before its
// header is passed over. Find never fails: what looks like a report and cannot
// be read is in Found.Unreadable, a panic of a reader included. It does not
// change message, and what it returns does not share memory with it.
func Find(message []byte, l Limits) Found {
	f := &finder{budget: newBudget(l)}
	f.guard(func() { f.mail(message) })
	f.conclude(message)
	f.found.Denied = f.budget.denied
	return f.found
}

// FindFile finds and reads every report in a file: a bare document (.xml, .gz,
// .zip, .json) or a mail. It decides by the bytes; name only helps to tell what
// was found, and may be empty. It is otherwise as Find.
func FindFile(data []byte, name string, l Limits) Found {
	start := bytes.TrimLeft(data[:min(len(data), 1024)], " \t\r\n")
	if !looksLikeDocument(start) && !isUTF16(start) {
		return Find(data, l)
	}
	f := &finder{budget: newBudget(l)}
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	f.traits.fileName = reportFileName(name)
	f.guard(func() { readBlob(bytes.NewReader(data), name, name, f.budget, &f.found) })
	f.conclude(nil)
	f.found.Denied = f.budget.denied
	return f.found
}

// isUTF16 tells whether bytes begin with a byte order mark of UTF-16, which no
// mail does.
func isUTF16(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff})
}

// guard runs a reader and turns its panic into an Unreadable.
func (f *finder) guard(read func()) {
	defer func() {
		if v := recover(); v != nil {
			f.found.Unreadable = append(f.found.Unreadable, Unreadable{
				Code:   CodePanic,
				Part:   "1",
				Reason: fmt.Sprintf("a reader panicked: %v", v),
				Stack:  debug.Stack(),
			})
		}
	}()
	read()
}

func (f *finder) mail(message []byte) {
	f.message(message, "", 0)
	if len(f.found.Reports) == 0 {
		f.notice = firstNotice(f.texts)
	}
}

// conclude draws from the whole message what no part of it tells alone.
func (f *finder) conclude(message []byte) {
	if f.traits.subject {
		f.found.Unreadable = append(f.found.Unreadable, f.budget.archives...)
	}
	if len(f.bounds) > 0 && (f.traits.any() || len(f.found.Reports) > 0 || mentionsReport(message)) {
		f.found.Unreadable = append(f.found.Unreadable, Unreadable{
			Code:   CodeLimit,
			Part:   "1",
			Reason: f.bounds[0].Error(),
		})
	}
	if f.notice != nil && len(f.found.Reports) == 0 && len(f.found.Unreadable) == 0 &&
		len(f.found.OtherFeedback) == 0 {
		f.found.Unreadable = append(f.found.Unreadable, *f.notice)
	}
}

// mentionsReport tells whether a message that was not walked to its end holds
// what could be a report.
func mentionsReport(message []byte) bool {
	return bytes.Contains(message, []byte("<feedback")) ||
		bytes.Contains(message, []byte("message/feedback-report"))
}

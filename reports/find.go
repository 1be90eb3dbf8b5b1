package reports

import "time"

// Found is what a message holds.
type Found struct {
	// Header is what the message says about itself. Zero for a bare document.
	Header     MessageHeader
	Reports    []Report
	Unreadable []Unreadable
	// OtherFeedback are the feedback types of ARF parts that are no failure
	// reports of DMARC: abuse, opt-out, ….
	OtherFeedback []string
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
	return Found{}
}

// FindFile finds and reads every report in a file: a bare document (.xml, .gz,
// .zip, .json) or a mail. It decides by the bytes; name only helps to tell what
// was found, and may be empty. It is otherwise as Find.
func FindFile(data []byte, name string, l Limits) Found {
	return Found{}
}

// Package storage says what an engine keeps and promises. An engine is in a
// folder below (bolt is the default); storagetest holds the promises as tests
// that every engine passes.
//
// The promises:
//
//   - Commit is atomic and durable: when it returns nil, everything in the batch
//     survives a crash or a power cut; when it returns an error, nothing of the
//     batch is visible, now or later, unless the error says ErrUncertain.
//   - A report of a known identity and content is not written again; one of a
//     known identity with other content is kept beside the first and marked.
//   - What is kept for summaries is written with its report, and always says what
//     DigestOf says of it.
//   - Sequence numbers rise in the order of commits and are never used twice.
//   - Readers see whole commits, in the order of sequence numbers, and never
//     hold the engine while their caller is slow.
package storage

import (
	"errors"
	"time"

	"reportmx/reports"
)

// What callers decide on.
var (
	// ErrLocked: another process holds the store.
	ErrLocked = errors.New("store is in use by another process")
	// ErrNewer: the store was written by a newer version of the program.
	ErrNewer = errors.New("store was written by a newer version of reportmx")
	// ErrOlder: the store was written by an older version of the program and is not
	// yet brought up to date, which reading it alone cannot do.
	ErrOlder = errors.New("store was written by an older version of reportmx")
	// ErrDamaged: the store, or a value in it, is not what was written.
	ErrDamaged = errors.New("store is damaged")
	// ErrNotFound: no report or held message has this number.
	ErrNotFound = errors.New("not in the store")
	// ErrClosed: the store has been closed.
	ErrClosed = errors.New("store is closed")
	// ErrUncertain: a sync failed, and what is on disk is not known. The process
	// must stop: after a failed sync the kernel may report success for pages it
	// has dropped (Rebello et al., ATC'20).
	ErrUncertain = errors.New("outcome of the write is not known")
)

// Source tells by which way a message came in.
type Source string

// The sources.
const (
	SourceSMTP   Source = "smtp"
	SourceImport Source = "import"
)

// Envelope is the SMTP facts of a message. Of an imported message all but
// RcptTo (from its header, if told) are empty.
type Envelope struct {
	ClientIP string
	Helo     string
	MailFrom string
	RcptTo   []string
	TLS      string // version and cipher: "TLS 1.3 TLS_AES_128_GCM_SHA256"; "" without TLS
}

// Sender is the sender authentication of the message that carried a report.
type Sender struct {
	Domain string // of the From field (Author Domain)
	Result string // pass, fail, none, temperror; "" when not evaluated
	SPF    SPFResult
	DKIM   []DKIMResult
	// Contact tells whether the Author Domain fits the contact address that the
	// report names: "fits", "differs", or "" when one of them is missing.
	Contact string
}

// SPFResult is the SPF result of the message that carried a report.
type SPFResult struct {
	Domain string // of MAIL FROM, or the HELO name for a null reverse path
	Scope  string // mfrom, helo
	Result string // RFC 7208 §2.6; "" when not evaluated
}

// DKIMResult is the result of one signature of that message.
type DKIMResult struct {
	Domain, Selector, Result string
}

// Message is everything about the message that a report came in; it is kept with
// each report of the message.
type Message struct {
	ReceivedAt time.Time // UTC
	Source     Source
	Envelope   Envelope
	Sender     Sender
	MessageID  string // of the header, without angle brackets
	Subject    string // decoded
}

// Report is one report as it is kept.
type Report struct {
	Seq     uint64
	Message Message
	reports.Report
	// Authorization is the external authorization of the policy domain at
	// receipt: authorized, missing, unknown, not_needed, override_elsewhere,
	// name_too_long, unchecked.
	Authorization string
	Conflict      bool // same identity as an earlier report, other content
	Implausible   bool // see the warnings; not in sums unless asked for

	// A report with more than ChunkRecords records is read as several parts, one
	// after the other, each with all of the above and some of the records: Chunk
	// counts from 0, Last marks the last part. Storing ignores both.
	Chunk int
	Last  bool
}

// ChunkRecords is how many records of a report are kept, and read, in one piece.
const ChunkRecords = 1000

// Held is a message in the hold.
type Held struct {
	Seq     uint64
	Message Message
	Code    string // closed set, for metrics: what put it here
	Reason  string // one sentence for people: what is wrong and where
	Size    int64  // bytes of the raw message
	Cost    int64  // bytes that it takes of the hold's quota; 0: its size
	// Hash is the SHA-256 of the message below our Received line: a message that
	// is sent again is not held twice.
	Hash [32]byte
}

// Takes is how many bytes of the hold's quota the message takes.
func (h *Held) Takes() int64 {
	if h.Cost == 0 {
		return h.Size
	}
	return h.Cost
}

// Batch is what one message adds, in one transaction.
type Batch struct {
	Reports []Report // Seq, Conflict are given by the engine
	Held    *Held    // nil: nothing to hold
	Raw     []byte   // the message as kept, with our Received line; nil: keep none. The caller's again after Commit
	// RawForHold keeps Raw with Held alone: reports of the batch are not to have it.
	RawForHold bool

	// HoldQuota bounds the bytes of all messages in the hold, 0 does not. For a new
	// one the oldest ones whose sender did not pass are dropped; when that is not
	// enough, nothing of the batch is stored: ErrHoldFull.
	HoldQuota int64
	// Release is the number of a held message that leaves the hold with this batch,
	// 0 for none; ErrNotFound when it is not there.
	Release uint64
}

// Outcome says what became of the parts of a batch.
type Outcome struct {
	Reports []ReportOutcome // one for each of Batch.Reports
	Held    uint64          // sequence number, also when it was held already
	HeldNew bool
	Evicted []uint64 // held messages that were dropped for a new one, oldest first
}

// ReportOutcome says what became of one report.
type ReportOutcome struct {
	Seq       uint64 // the new one, or that of the report it duplicates
	Duplicate bool
	Conflict  bool
}

// Query chooses reports. The zero value of a field does not restrict.
type Query struct {
	Kind                       reports.Kind
	Since, Until               time.Time // of the report's begin, half open; see PeriodStart
	ArrivedSince, ArrivedUntil time.Time // of the arrival, half open
	Target                     string    // policy domain: this one and all below it
	OrgName                    string    // compared without case
	Authenticated              bool      // only reports whose sender passed
	After                      uint64    // only sequence numbers above
}

// Stats is the state of a store.
type Stats struct {
	Reports    map[reports.Kind]uint64
	Held       uint64
	HeldBytes  int64 // of the hold's quota
	FileBytes  int64
	LastSeq    uint64
	Duplicates uint64 // counted since the store was made
}

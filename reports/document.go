package reports

import (
	"io"
)

// sniffBytes is how much of a decoded part is looked at to tell what it is
// (design: "in its first 64 KiB"). A report's root element stands in the first
// few hundred bytes; what comes later is padding.
const sniffBytes = 64 << 10

// budget counts what one message has cost so far. All parts of the message share
// one, so that a bound holds for the sum of them. Make it with newBudget.
type budget struct {
	unpacked int64 // bytes that decompression may still yield
	records  int   // records that may still be read
	opened   int   // archive members that may still be opened

	limits Limits

	// archives are the archives that could not be unpacked and whose file name
	// does not say that they hold a report. They belong in Found.Unreadable if the
	// message's subject says it instead (RFC 9990 §3.5.2); else they are nothing.
	archives []Unreadable
}

// newBudget returns the whole budget of one message. Zero fields of l are the
// defaults.
func newBudget(l Limits) *budget {
	l = l.withDefaults()
	return &budget{unpacked: l.Unpacked, records: l.Records, opened: maxOpened, limits: l}
}

// readBlob reads every report in the decoded bytes of one part of a message, or
// of a bare file. It unpacks gzip and zip as deep as is allowed and decides by
// the bytes alone. What it finds is appended to out.Reports and out.Unreadable;
// when nothing looks like a report, nothing is appended. An archive that cannot be
// unpacked is appended to out.Unreadable if name follows RFC 9990 §3.5.2, else to
// b.archives.
//
// part describes the part for Report.Part, name is the file name that the sender
// gave and may be "". r is read as far as is needed, not always to its end.
func readBlob(r io.Reader, part, name string, b *budget, out *Found) {
}

// reportFileName tells whether name follows RFC 9990 §3.5.2, seen with some
// tolerance: receiver!policy-domain!begin!end, then !unique-id or not, then .xml,
// .json, .gz or .zip or two of them. Case, folded blanks and a path before the
// name do not matter.
func reportFileName(name string) bool {
	return false
}

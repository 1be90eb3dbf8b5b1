package reports

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync"

	"golang.org/x/text/encoding"
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
	memory   int64 // bytes that the reports take so far
	reserved int64 // bytes that Limits.Reserve has granted
	denied   error // what it said when it did not
	markup   int   // XML tags that may still be read

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
	return &budget{unpacked: l.Unpacked, records: l.Records, opened: maxOpened, markup: maxMarkup, limits: l}
}

// charge counts what the reports of the message take in memory.
func (b *budget) charge(bytes int) error {
	b.memory += int64(bytes)
	if b.memory > b.limits.Memory {
		return exceeds("the memory of the reports of one message", b.limits.Memory, "bytes")
	}
	if b.denied == nil && b.memory > b.reserved && b.limits.Reserve != nil {
		step := max(memoryStep, b.memory-b.reserved)
		if b.denied = b.limits.Reserve(step); b.denied == nil {
			b.reserved += step
		}
	}
	return b.denied
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
	d := documents{budget: b, out: out}
	if err := d.read(r, place{part: part, name: name}); err != nil {
		d.archiveFailed(place{part: part, name: name}, err)
	}
}

// documents reads what one part of a message holds.
type documents struct {
	budget *budget
	out    *Found
}

// place is where a document stands: in a part, or in archives inside of it.
type place struct {
	part  string // as in Report.Part
	name  string // file name, of the member or of the archive around it
	depth int    // archives around it
}

// into returns the place of a member of the archive at p. A member without a name
// keeps the one of its archive.
func (p place) into(member string) place {
	member = validText(member)
	inner := place{part: p.part + " > " + shorten(member, maxPlace), name: member, depth: p.depth + 1}
	if !reportFileName(member) {
		inner.name = p.name
	}
	return inner
}

// sniffers keeps the readers that are done.
var sniffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, sniffBytes) }}

// read tells by the first bytes what r holds and reads it. It returns an error
// only for an archive that could not be unpacked: for p itself, or where r cannot
// be read, for the archive around it.
func (d *documents) read(r io.Reader, p place) error {
	br := sniffers.Get().(*bufio.Reader)
	br.Reset(r)
	defer func() {
		br.Reset(nil)
		sniffers.Put(br)
	}()
	head, err := br.Peek(sniffBytes)
	switch form := sniff(head); {
	case form == formGzip:
		return d.gunzip(br, p)
	case form == formZip:
		return d.unzip(br, p)
	case form == formAggregate:
		d.aggregate(br, p)
	case form == formTLS:
		d.tls(br, p)
	case failed(err) && !errors.Is(err, errGzipTail):
		return err
	case form == formBinary && p.depth == 0 && archiveName(p.name):
		return errNoArchive
	}
	return nil
}

// aggregate reads an XML document.
func (d *documents) aggregate(r io.Reader, p place) {
	hash := newDocumentHash(r)
	defer hash.release()
	read, warned, err := readAggregate(hash, d.budget)
	if err != nil {
		d.unreadable(KindAggregate, CodeAggregate, p, err)
		return
	}
	d.out.Reports = append(d.out.Reports, Report{
		Kind:        KindAggregate,
		Aggregate:   read,
		Part:        p.part,
		ContentHash: hash.sum(),
		Warnings:    warned,
	})
}

// tls reads a JSON document.
func (d *documents) tls(r io.Reader, p place) {
	hash := newDocumentHash(r)
	defer hash.release()
	read, warned, err := readTLS(hash, d.budget)
	if err != nil {
		d.unreadable(KindTLS, CodeTLS, p, err)
		return
	}
	d.out.Reports = append(d.out.Reports, Report{
		Kind:        KindTLS,
		TLS:         read,
		Part:        p.part,
		ContentHash: hash.sum(),
		Warnings:    warned,
	})
}

func (d *documents) unreadable(kind Kind, code string, p place, err error) {
	d.out.Unreadable = append(d.out.Unreadable, unreadable(kind, code, p, err))
}

// archiveFailed notes an archive that could not be unpacked: it is worth keeping
// only if a name says that it holds a report, or if reports stood before it in the
// message and a bound kept it from being looked at.
func (d *documents) archiveFailed(p place, err error) {
	u := unreadable("", CodeArchive, p, err)
	followed := u.Code == CodeLimit && len(d.out.Reports)+len(d.out.Unreadable) > 0
	if followed || reportFileName(p.name) {
		d.out.Unreadable = append(d.out.Unreadable, u)
		return
	}
	d.budget.archives = append(d.budget.archives, u)
}

func unreadable(kind Kind, code string, p place, err error) Unreadable {
	var passed limitError
	if errors.As(err, &passed) {
		code = CodeLimit
	}
	return Unreadable{Kind: string(kind), Code: code, Part: p.part, Reason: err.Error()}
}

// form is what the first bytes of a document show.
type form int

const (
	formOther form = iota
	formBinary
	formGzip
	formZip
	formAggregate
	formTLS
)

// hasFeedbackTag tells whether text has the start tag of an aggregate report, with any
// prefix.
func hasFeedbackTag(text []byte) bool {
	const name = "feedback"
	for from := 0; ; from += len(name) {
		i := bytes.Index(text[from:], []byte(name))
		if i < 0 {
			return false
		}
		from += i
		behind := text[from+len(name):]
		if len(behind) > 0 && (blank(behind[0]) || behind[0] == '/' || behind[0] == '>') && beginsTag(text[:from]) {
			return true
		}
	}
}

// beginsTag tells whether text ends in "<", or in "<" and the prefix of a name.
func beginsTag(text []byte) bool {
	if prefix, ok := bytes.CutSuffix(text, []byte(":")); ok {
		start := len(prefix)
		for start > 0 && nameByte(prefix[start-1]) && prefix[start-1] != ':' {
			start--
		}
		if start == len(prefix) || !nameStart(prefix[start]) {
			return false
		}
		text = prefix[:start]
	}
	return bytes.HasSuffix(text, []byte("<"))
}

// sniff tells what a document is by its first bytes.
func sniff(head []byte) form {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return formGzip
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return formZip
	}
	text := head
	if utf16 := utf16Of(head); utf16 != nil {
		text = decodeHead(utf16, head)
	}
	switch {
	case hasFeedbackTag(text):
		return formAggregate
	case looksLikeTLS(text):
		return formTLS
	case bytes.IndexByte(text, 0) >= 0:
		return formBinary
	}
	return formOther
}

func decodeHead(charset encoding.Encoding, head []byte) []byte {
	text, err := charset.NewDecoder().Bytes(head)
	if err != nil {
		return head
	}
	return text
}

// tlsKeys are the members that every TLS report has (RFC 8460 §4.4).
var tlsKeys = []string{`"organization-name"`, `"date-range"`, `"report-id"`, `"policies"`}

// looksLikeTLS tells a TLS report from other JSON: it is an object, and half of
// the members that it must have show in its beginning.
func looksLikeTLS(text []byte) bool {
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")), " \t\r\n")
	if len(text) == 0 || text[0] != '{' {
		return false
	}
	seen := 0
	for _, key := range tlsKeys {
		if bytes.Contains(text, []byte(key)) {
			seen++
		}
	}
	return seen >= len(tlsKeys)/2
}

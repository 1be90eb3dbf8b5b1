package reports

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// What a document lacks to be an aggregate report (RFC 9990 §3.1.1).
var (
	errNoPolicyDomain = errors.New("not an aggregate report: no policy_published/domain")
	errNoDateRange    = errors.New("not an aggregate report: no readable date_range/begin and end")
	errNoBegin        = errors.New("not an aggregate report: no readable date_range/begin")
	errNoEnd          = errors.New("not an aggregate report: no readable date_range/end")
)

// aggregateReader reads one aggregate report. Elements may stand in any order; of
// an element that stands twice where the schema has it once, the first counts.
type aggregateReader struct {
	xmlElements
	input   *bufio.Reader
	noted   warnings
	report  *Aggregate
	budget  *budget
	record  int                                        // number of the record that is being read, 0 outside
	counted bool                                       // it has a count
	seen    struct{ metadata, dateRange, policy bool } // groups that may stand only once

	rfc9990 bool // something was seen that only RFC 9990 has
	memory  aggregateMemory
	lower   []byte     // a word in lower case
	pieces  [][]Record // of a long report: the records before those that it has
}

// aggregateReaders keeps the readers that are done, with their empty buffers.
var aggregateReaders = sync.Pool{New: func() any {
	a := &aggregateReader{input: bufio.NewReaderSize(nil, maxDeclaration)}
	a.scan = newXMLScanner()
	a.where = a.place
	return a
}}

// readAggregate reads an aggregate report of RFC 9990 or RFC 7489, in any
// declared character set, and reads r to its end. A document that is cut short
// or malformed is an error, never a part of a report. Once the report is complete
// only a passed bound is an error; what else is wrong behind it is a warning.
func readAggregate(r io.Reader, b *budget) (*Aggregate, []Warning, error) {
	a := aggregateReaders.Get().(*aggregateReader)
	a.begin(r, b)
	defer a.release()
	return a.read()
}

// read reads the document that was begun.
func (a *aggregateReader) read() (*Aggregate, []Warning, error) {
	a.findRoot()
	a.report.Namespace = a.root
	a.feedback()
	a.takeRecords()
	if a.err != nil {
		return nil, nil, a.located(a.err)
	}
	a.joinPieces()
	if err := a.check(); err != nil {
		return nil, nil, err
	}
	a.report.Schema = a.schema()
	if err := a.finish(); err != nil {
		return nil, nil, a.located(err)
	}
	return a.report, a.noted.all(), nil
}

// begin begins a document.
func (a *aggregateReader) begin(r io.Reader, b *budget) {
	a.report, a.budget = &Aggregate{}, b
	a.input.Reset(r)
	a.warn = &a.noted
	a.scan.begin(newTextReader(a.input, a.warn), b.markup)
}

// release forgets the document and keeps the reader for another one, unless this
// one made its buffers long.
func (a *aggregateReader) release() {
	a.budget.markup = a.scan.markup
	if cap(a.open)+cap(a.buffer)+cap(a.strange)+cap(a.lower) > maxToken || a.memory.long() {
		return
	}
	a.forget()
	a.memory.forget()
	a.scan.begin(nil, 0)
	a.input.Reset(nil)
	*a = aggregateReader{xmlElements: a.xmlElements, input: a.input, memory: a.memory, lower: a.lower}
	aggregateReaders.Put(a)
}

// place names the element that is being read, for warnings.
func (a *aggregateReader) place() string {
	if a.record == 0 {
		return a.localName()
	}
	return fmt.Sprintf("record %d: %s", a.record, a.localName())
}

func (a *aggregateReader) located(err error) error {
	if a.record > 0 {
		return fmt.Errorf("read XML: record %d: %w", a.record, err)
	}
	return fmt.Errorf("read XML: %w", err)
}

func (a *aggregateReader) feedback() {
	for a.child() {
		switch a.name {
		case "version":
			a.textOnce(&a.report.Version)
		case "report_metadata":
			a.once(&a.seen.metadata, a.metadata)
		case "policy_published":
			a.once(&a.seen.policy, a.policyPublished)
		case "record":
			a.readRecord()
		case "extension", "extensions":
			a.rfc9990 = a.rfc9990 || a.name == "extension"
			a.extension()
		default:
			a.unknown()
		}
	}
}

// once reads a group of elements that may stand only once.
func (a *aggregateReader) once(seen *bool, read func()) {
	if *seen {
		a.note(WarnRepeated, nil)
		a.skip()
		return
	}
	*seen = true
	read()
}

func (a *aggregateReader) metadata() {
	for a.child() {
		switch a.name {
		case "org_name":
			a.textOnce(&a.report.OrgName)
		case "email":
			a.textOnce(&a.report.Email)
		case "extra_contact_info":
			a.textOnce(&a.report.ExtraContactInfo)
		case "report_id":
			a.textOnce(&a.report.ReportID)
		case "date_range":
			a.once(&a.seen.dateRange, a.dateRange)
		case "error":
			a.metadataError()
		case "generator":
			a.rfc9990 = true
			a.textOnce(&a.report.Generator)
		default:
			a.unknown()
		}
	}
}

func (a *aggregateReader) metadataError() {
	text := a.keep(a.text())
	if text == "" {
		return
	}
	if len(a.report.Errors) == maxErrors {
		a.fail(exceeds("the number of error elements", maxErrors, "elements"))
		return
	}
	a.report.Errors = append(a.report.Errors, text)
}

func (a *aggregateReader) dateRange() {
	for a.child() {
		switch a.name {
		case "begin":
			a.epoch(&a.report.Begin)
		case "end":
			a.epoch(&a.report.End)
		default:
			a.unknown()
		}
	}
}

func (a *aggregateReader) policyPublished() {
	p := &a.report.PolicyPublished
	for a.child() {
		switch a.name {
		case "domain":
			a.textOnce(&p.Domain)
		case "discovery_method":
			a.rfc9990 = true
			a.word(&p.DiscoveryMethod, discoveryMethods)
		case "p":
			a.word(&p.P, policies)
		case "sp":
			a.word(&p.SP, policies)
		case "np":
			a.rfc9990 = true
			a.word(&p.NP, policies)
		case "adkim":
			a.word(&p.ADKIM, alignments)
		case "aspf":
			a.word(&p.ASPF, alignments)
		case "pct":
			a.percent(&p.PCT)
		case "fo":
			a.textOnce(&p.FO)
		case "testing":
			a.rfc9990 = true
			a.word(&p.Testing, yesNo)
		case "version_published": // drafts of DMARC 2.0 had it
			a.note(WarnDraft, nil)
			a.skip()
		default:
			a.unknown()
		}
	}
}

// extension keeps the children of feedback/extension as they stand (RFC 9990 §3.2).
func (a *aggregateReader) extension() {
	for a.child() {
		a.keepRaw(&a.report.Extensions)
	}
}

// keepRaw keeps the last child as it stands.
func (a *aggregateReader) keepRaw(list *[]string) {
	raw := a.raw()
	if raw == "" {
		return
	}
	a.charge(len(raw) + stringBytes)
	*list = append(*list, raw)
}

// stringBytes is what a string takes in a list beside its text.
const stringBytes = 16

// unknown passes over an element that the schema does not have in this place.
func (a *aggregateReader) unknown() {
	a.note(WarnUnknown, nil)
	a.skip()
}

// check tells whether the document is enough of a report to be kept, and warns of
// what it should have.
func (a *aggregateReader) check() error {
	r := a.report
	if r.PolicyPublished.Domain == "" {
		return errNoPolicyDomain
	}
	switch {
	case r.Begin.IsZero() && r.End.IsZero():
		return errNoDateRange
	case r.Begin.IsZero():
		return errNoBegin
	case r.End.IsZero():
		return errNoEnd
	}
	for _, required := range []struct{ name, value string }{
		{"org_name", r.OrgName},
		{"report_id", r.ReportID},
		{"p", r.PolicyPublished.P},
	} {
		if required.value == "" {
			a.warn.add(WarnMissing, required.name, "")
		}
	}
	if len(r.Records) == 0 {
		a.warn.add(WarnMissing, "record", "")
	}
	return nil
}

// schema derives the edition of the format. RFC 9990 keeps version 1.0 (§3.1.1),
// and some reporting organizations write its elements without its namespace.
func (a *aggregateReader) schema() Schema {
	switch {
	case a.rfc9990 || a.report.Namespace == namespaceRFC9990:
		return SchemaRFC9990
	case a.report.Version == "" && a.report.Namespace == "":
		return SchemaDraft
	}
	return SchemaRFC7489
}

// finish reads what stands behind the report.
func (a *aggregateReader) finish() error {
	a.record = 0
	const padding = "\x00 \t\r\n"
	var tail []byte
	for {
		window := a.scan.take(a.scan.end - a.scan.pos)
		if len(tail) == 0 {
			window = bytes.TrimLeft(window, padding)
		}
		tail = append(tail, window[:min(len(window), 2*maxWarningText-len(tail))]...)
		err := a.scan.more()
		if err == io.EOF {
			break
		}
		var passed limitError
		if errors.As(err, &passed) {
			return err
		}
		if err != nil {
			a.warn.add(WarnArchiveTail, "", err.Error())
			break
		}
	}
	if len(tail) > 0 {
		a.warn.add(WarnTrailing, "feedback", excerpt(string(bytes.TrimRight(tail, padding))))
	}
	return nil
}

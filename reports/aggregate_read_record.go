package reports

import "unsafe"

// What the parts of a report take in memory, for the bound on it.
const (
	recordBytes = int(unsafe.Sizeof(Record{}))
	reasonBytes = int(unsafe.Sizeof(Reason{}))
	resultBytes = int(unsafe.Sizeof(DKIMResult{}))
)

// readRecord reads one record. Whatever is wrong with it, it stays in the report:
// one bad row never loses the others.
func (a *aggregateReader) readRecord() {
	if a.budget.records == 0 {
		a.fail(exceeds("the number of records in one message", int64(a.budget.limits.Records), "records"))
		return
	}
	a.budget.records--
	a.charge(recordBytes)
	a.record = a.inPieces() + len(a.report.Records) + len(a.memory.records) + 1
	r := &a.memory.record
	a.counted = false
	for a.child() {
		switch a.name {
		case "row":
			a.row(r)
		case "identifiers":
			a.identifiers(&r.Identifiers)
		case "identities": // the drafts' word
			a.note(WarnDraft, nil)
			a.identifiers(&r.Identifiers)
		case "auth_results":
			a.authResults(&r.AuthResults)
		default:
			a.recordExtension(r)
		}
	}
	if a.err != nil {
		return
	}
	a.checkRecord(r)
	a.record = 0
	if a.memory.gather() {
		a.takeRecords()
	}
}

// recordsOfPiece is from when on a list of records does not grow any more. What would be
// copied again and again, and need as much memory as it has, is put together once, when it
// is known that the report is within its bounds.
const recordsOfPiece = 4096 // of some 230 bytes

// takeRecords puts the records that were gathered into the report, or into its next piece.
func (a *aggregateReader) takeRecords() {
	if len(a.memory.records) == 0 {
		return
	}
	if len(a.report.Records) >= recordsOfPiece {
		a.pieces = append(a.pieces, a.report.Records)
		a.report.Records = make([]Record, 0, recordsOfPiece+maxGathered)
	}
	a.report.Records = a.memory.appendTo(a.report.Records)
}

// inPieces is how many records are in pieces that are full.
func (a *aggregateReader) inPieces() (n int) {
	for _, p := range a.pieces {
		n += len(p)
	}
	return n
}

// joinPieces makes one list of all pieces, each of which can go when it is copied.
func (a *aggregateReader) joinPieces() {
	if len(a.pieces) == 0 {
		return
	}
	records := make([]Record, 0, a.inPieces()+len(a.report.Records))
	for i, p := range a.pieces {
		records = append(records, p...)
		a.pieces[i] = nil
	}
	a.report.Records = append(records, a.report.Records...)
}

// checkRecord warns of what a record should have.
func (a *aggregateReader) checkRecord(r *Record) {
	if !r.SourceIP.IsValid() {
		a.missing("source_ip")
	}
	if r.PolicyEvaluated.DKIM == "" {
		a.missing("policy_evaluated/dkim")
	}
	if r.PolicyEvaluated.SPF == "" {
		a.missing("policy_evaluated/spf")
	}
	if r.Identifiers.HeaderFrom == "" {
		a.missing("header_from")
	}
}

func (a *aggregateReader) missing(name string) {
	a.local = name
	a.note(WarnMissing, nil)
}

// recordExtension keeps a child that the schema does not know. RFC 9990 §3.2
// allows such children if they have a namespace.
func (a *aggregateReader) recordExtension(r *Record) {
	if a.name != "" {
		a.note(WarnUnknown, nil)
	}
	a.keepRaw(&r.Extensions)
}

func (a *aggregateReader) row(r *Record) {
	for a.child() {
		switch a.name {
		case "source_ip":
			a.ip(&r.SourceIP)
		case "count":
			a.number(&r.Count)
		case "policy_evaluated":
			a.policyEvaluated(&r.PolicyEvaluated)
		default:
			a.unknown()
		}
	}
}

func (a *aggregateReader) policyEvaluated(p *PolicyEvaluated) {
	for a.child() {
		switch a.name {
		case "disposition":
			a.word(&p.Disposition, dispositions)
			a.rfc9990 = a.rfc9990 || p.Disposition == "pass"
		case "dkim":
			a.word(&p.DKIM, passFail)
		case "spf":
			a.word(&p.SPF, passFail)
		case "reason":
			a.reason(p)
		default:
			a.unknown()
		}
	}
}

// reason reads an override. Empty elements are common, and are kept like the
// empty results: that there was one is what the document says.
func (a *aggregateReader) reason(p *PolicyEvaluated) {
	var reason Reason
	for a.child() {
		switch a.name {
		case "type":
			a.word(&reason.Type, reasonTypes)
			a.rfc9990 = a.rfc9990 || reason.Type == "policy_test_mode"
		case "comment":
			a.textOnce(&reason.Comment)
		default:
			a.unknown()
		}
	}
	a.charge(reasonBytes)
	if a.room(len(p.Reasons), "reasons") {
		p.Reasons = append(p.Reasons, reason)
	}
}

func (a *aggregateReader) identifiers(i *Identifiers) {
	for a.child() {
		switch a.name {
		case "header_from":
			a.textOnce(&i.HeaderFrom)
		case "envelope_from":
			a.textOnce(&i.EnvelopeFrom)
		case "envelope_to":
			a.textOnce(&i.EnvelopeTo)
		default:
			a.unknown()
		}
	}
}

func (a *aggregateReader) authResults(r *AuthResults) {
	for a.child() {
		switch a.name {
		case "dkim":
			a.dkimResult(r)
		case "spf":
			a.spfResult(r)
		default:
			a.unknown()
		}
	}
}

func (a *aggregateReader) dkimResult(r *AuthResults) {
	var d DKIMResult
	for a.child() {
		switch a.name {
		case "domain":
			a.textOnce(&d.Domain)
		case "selector":
			a.textOnce(&d.Selector)
		case "result":
			a.word(&d.Result, dkimResults)
		case "human_result":
			a.textOnce(&d.HumanResult)
		default:
			a.unknown()
		}
	}
	a.charge(resultBytes)
	if a.room(len(r.DKIM), "DKIM results") {
		r.DKIM = append(r.DKIM, d)
	}
}

func (a *aggregateReader) spfResult(r *AuthResults) {
	var s SPFResult
	for a.child() {
		switch a.name {
		case "domain":
			a.textOnce(&s.Domain)
		case "scope":
			a.word(&s.Scope, scopes)
		case "result":
			a.word(&s.Result, spfResults)
		case "human_result":
			a.textOnce(&s.HumanResult)
		default:
			a.unknown()
		}
	}
	a.charge(resultBytes)
	if a.room(len(r.SPF), "SPF results") {
		r.SPF = append(r.SPF, s)
	}
}

// room tells whether a list of the record may grow.
func (a *aggregateReader) room(length int, what string) bool {
	if length == maxResults {
		a.fail(exceeds("the number of "+what+" in one record", maxResults, what))
	}
	return a.err == nil
}

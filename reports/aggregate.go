package reports

import (
	"net/netip"
	"time"
)

// Aggregate is an aggregate report (RFC 9990 §3.1, RFC 7489 appendix C). An
// element that the document does not have is the zero value; the defaults that
// a standard gives to an absent element are left to whoever shows the report.
// Enumerated words are trimmed and lower-cased; unknown ones are kept.
type Aggregate struct {
	Schema    Schema
	Namespace string // of the root element, "" without one
	Version   string // as written; RFC 9990 §3.1.1 keeps "1.0"

	OrgName          string
	Email            string
	ExtraContactInfo string
	ReportID         string
	Begin, End       time.Time // UTC; zero when absent or unreadable
	Errors           []string
	Generator        string // RFC 9990

	PolicyPublished PolicyPublished
	Extensions      []string // raw XML of each child of feedback/extension
	Records         []Record
}

// Schema tells which edition of the format a report follows, as far as it shows.
type Schema string

// The editions of the aggregate format.
const (
	SchemaRFC9990 Schema = "rfc9990" // the dmarc-2.0 namespace, or an element that only RFC 9990 has
	SchemaRFC7489 Schema = "rfc7489"
	SchemaDraft   Schema = "draft" // neither version nor namespace
)

// PolicyPublished is the policy that the reporting organization found in DNS.
type PolicyPublished struct {
	Domain          string // the policy domain, as written
	DiscoveryMethod string // psl, treewalk
	P, SP, NP       string // none, quarantine, reject
	ADKIM, ASPF     string // r, s
	PCT             *int   // percent; nil when absent or unreadable
	FO              string
	Testing         string // y, n
}

// Record is one row of an aggregate report.
type Record struct {
	SourceIP        netip.Addr // zero when absent or unreadable
	Count           int64      // messages; 0 when absent or unreadable
	PolicyEvaluated PolicyEvaluated
	Identifiers     Identifiers
	AuthResults     AuthResults
	Extensions      []string // raw XML of each child of the record that the schema does not know
}

// PolicyEvaluated is what the reporting organization made of the messages. DKIM
// and SPF are the aligned results of DMARC, pass or fail.
type PolicyEvaluated struct {
	Disposition string // none, pass, quarantine, reject
	DKIM, SPF   string
	Reasons     []Reason
}

// Reason says why the disposition is not what the policy asked for.
type Reason struct {
	Type    string
	Comment string
}

// Identifiers are the domains of the messages.
type Identifiers struct {
	HeaderFrom   string
	EnvelopeFrom string
	EnvelopeTo   string
}

// AuthResults are the unaligned results.
type AuthResults struct {
	DKIM []DKIMResult
	SPF  []SPFResult
}

// DKIMResult is the result of one signature.
type DKIMResult struct {
	Domain, Selector, Result, HumanResult string
}

// SPFResult is the result of one SPF check.
type SPFResult struct {
	Domain, Scope, Result, HumanResult string
}

// DMARCPass tells whether the messages of the record passed DMARC: an aligned
// pass of DKIM or of SPF.
func (r *Record) DMARCPass() bool {
	return r.PolicyEvaluated.DKIM == "pass" || r.PolicyEvaluated.SPF == "pass"
}

// Package reports finds, unpacks and reads the reports that DMARC and SMTP TLS
// reporting send by mail:
//
//   - aggregate reports: RFC 9990 and RFC 7489 §7.2, appendix C
//   - failure reports: RFC 9991, RFC 6591 and RFC 5965 (ARF)
//   - TLS reports: RFC 8460
//
// It decides by looking at bytes, never at labels: a content type or a file
// name only helps to name what was found. It is lenient in reading and open
// about it: each liberty taken is a [Warning] that stays with the report. All
// that it reads is bounded by [Limits]; a bound that is passed is an error that
// names the bound, never a silent cut.
//
// Deliberately it knows no SMTP, no DNS and no disk, and it judges nothing:
// whether a report is wanted, plausible or trustworthy is decided elsewhere.
package reports

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Kind tells the three kinds of report apart.
type Kind string

// The kinds of report.
const (
	KindAggregate Kind = "aggregate" // rua, RFC 9990
	KindFailure   Kind = "failure"   // ruf, RFC 9991
	KindTLS       Kind = "tls"       // RFC 8460
)

// Report is one report as it was read. Exactly one of Aggregate, Failure and
// TLS is set, the one that Kind names.
type Report struct {
	Kind      Kind
	Aggregate *Aggregate
	Failure   *Failure
	TLS       *TLS

	// Part tells where in the message the report stood, outermost first, with
	// the names that the sender gave: "2 application/zip report.zip > report.xml".
	// For people only; a stranger wrote it.
	Part string
	// ContentHash is the SHA-256 of the unpacked document with CRLF counted as LF
	// (aggregate, TLS) or of the decoded second and third part, line ends as LF
	// (failure), before any redaction.
	ContentHash [sha256.Size]byte
	// Warnings are the liberties taken in reading, in the order of the document.
	Warnings []Warning
}

// Warning is one liberty that a reader took, or one oddity that it saw.
type Warning struct {
	Code  string // from the closed set in warnings.go
	Where string // element or field, with the record's number from 1: "record 3: count"
	Text  string // what stood there, cut to a few words; a stranger wrote it
}

// Begin is the start of the period that the report covers, in UTC. For a failure
// report it is the arrival date of the failed message, zero when not given.
func (r *Report) Begin() time.Time {
	switch r.Kind {
	case KindAggregate:
		return r.Aggregate.Begin
	case KindTLS:
		return r.TLS.Begin
	default:
		return r.Failure.ArrivalDate
	}
}

// End is the end of the period, in UTC; of a failure report the same as Begin.
func (r *Report) End() time.Time {
	switch r.Kind {
	case KindAggregate:
		return r.Aggregate.End
	case KindTLS:
		return r.TLS.End
	default:
		return r.Failure.ArrivalDate
	}
}

// OrgName is the reporting organization, as it calls itself; of a failure report
// the reporting MTA or, without one, the user agent.
func (r *Report) OrgName() string {
	switch r.Kind {
	case KindAggregate:
		return r.Aggregate.OrgName
	case KindTLS:
		return r.TLS.OrgName
	default:
		if r.Failure.ReportingMTA != "" {
			return r.Failure.ReportingMTA
		}
		return r.Failure.UserAgent
	}
}

// PolicyDomains are the domains that the report is about, as A-labels in lower
// case without a trailing dot, each once: one for an aggregate report, at most
// one for a failure report, one or more for a TLS report.
func (r *Report) PolicyDomains() []string {
	var given []string
	switch r.Kind {
	case KindAggregate:
		given = []string{r.Aggregate.PolicyPublished.Domain}
	case KindFailure:
		given = []string{r.Failure.PolicyDomain}
	case KindTLS:
		for i := range r.TLS.Policies {
			given = append(given, r.TLS.Policies[i].PolicyDomain)
		}
	}
	var domains []string
	seen := make(map[string]bool, len(given))
	for _, g := range given {
		if d := NormalDomain(g); d != "" && !seen[d] {
			seen[d] = true
			domains = append(domains, d)
		}
	}
	return domains
}

// Identity is a hash of what makes two reports the same report (design,
// "Identity"). Two reports of one identity and one ContentHash are duplicates;
// of one identity and different content, a conflict.
//
// The report id alone is not enough: RFC 9990 §3.5.1 makes it unique only among
// the reports to one domain, and several organizations use plain numbers.
func (r *Report) Identity() [sha256.Size]byte {
	if r.Kind == KindFailure {
		return r.ContentHash
	}
	fields := []string{string(r.Kind)}
	if r.Kind == KindAggregate {
		fields = append(fields, NormalDomain(r.Aggregate.PolicyPublished.Domain))
	}
	id := ""
	if r.Kind == KindAggregate {
		id = r.Aggregate.ReportID
	} else {
		id = r.TLS.ReportID
	}
	fields = append(fields,
		strings.ToLower(strings.TrimSpace(r.OrgName())),
		strings.TrimSpace(id),
		strconv.FormatInt(r.Begin().Unix(), 10),
		strconv.FormatInt(r.End().Unix(), 10),
	)
	h := sha256.New()
	var size [8]byte
	for _, f := range fields { // each with its length before it: no two lists of fields hash alike
		binary.BigEndian.PutUint64(size[:], uint64(len(f)))
		h.Write(size[:])
		h.Write([]byte(f))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// NormalDomain spells a domain the one way in which domains are compared here:
// A-labels, lower case, no surrounding space, no trailing dot. What IDNA refuses
// is only lower-cased, so that an odd domain still compares with itself.
func NormalDomain(domain string) string {
	d := strings.TrimSuffix(strings.TrimSpace(domain), ".")
	if lower, plain := plainDomain(d); plain {
		return lower
	}
	if ascii, err := idna.Lookup.ToASCII(d); err == nil {
		return ascii
	}
	return strings.ToLower(d)
}

// plainDomain returns a domain of ASCII and without A-labels in lower case. IDNA makes the
// same of it, or refuses it.
func plainDomain(domain string) (lower string, ok bool) {
	for i := range len(domain) {
		if domain[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	lower = strings.ToLower(domain)
	return lower, !strings.Contains(lower, "xn--")
}

package dmarcdns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// What is published, word for word.
const (
	Grant = "v=DMARC1;"   // with the semicolon: RFC 7489 readers demand it, RFC 9990 allows it
	NoSPF = "v=spf1 -all" // nobody sends for this domain (RFC 7208)

	nullMX = "0 ." // RFC 7505
)

// RR is one DNS record to publish.
type RR struct {
	Name    string `json:"name"` // without the final dot
	Type    string `json:"type"`
	Value   string `json:"value"` // of TXT the text, unquoted and in one piece
	Comment string `json:"comment,omitempty"`
	// Each of these has the record commented out in a zone file, and the comment says
	// more. Alternative: it may be published in place of others. Present: it is there
	// already. Unknown: what is there now could not be looked up.
	Alternative bool `json:"alternative,omitempty"`
	Present     bool `json:"present,omitempty"`
	Unknown     bool `json:"unknown,omitempty"`
}

// String is the record as a zone-file line, without its comment.
func (r RR) String() string {
	value := r.Value
	if r.Type == "TXT" {
		value = zoneText(value)
	}
	return fmt.Sprintf("%s. %s %s", r.Name, r.Type, value)
}

// zoneText quotes a text for a zone file, in strings of at most 255 octets.
func zoneText(s string) string {
	var parts []string
	for len(s) > 255 {
		parts = append(parts, quoteString(s[:255]))
		s = s[255:]
	}
	return strings.Join(append(parts, quoteString(s)), " ")
}

func quoteString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// ZoneFile prints records as lines of a zone file, each comment on a line before its
// record. Neighbours with the same comment share it.
func ZoneFile(records []RR) string {
	var b strings.Builder
	last := ""
	for _, r := range records {
		if r.Comment != "" && r.Comment != last {
			for line := range strings.SplitSeq(r.Comment, "\n") {
				b.WriteString("; " + line + "\n")
			}
		}
		last = r.Comment
		if r.Alternative || r.Present || r.Unknown {
			b.WriteString("; ")
		}
		b.WriteString(r.String() + "\n")
	}
	return b.String()
}

// Host is the machine that receives the mail of the report domain.
type Host struct {
	Name  string       // smtp.hostname
	Addrs []netip.Addr // empty: its addresses are published elsewhere
}

// Setup is what Records is about.
type Setup struct {
	Host     Host
	Ours     Addresses
	Own      Own
	Wildcard bool // every domain is a target
	Targets  []Wanted
}

// Records are all records to publish, in the order: how mail gets here, what the
// report domain says about itself, who may be reported about, and the policy of each
// target. Targets inside our own organizational domain need no authorization, but get
// one, because reporting organizations differ in how they find that domain. Errors
// wrap ErrName or ErrNameTooLong and name the domain.
func Records(s Setup) ([]RR, error) {
	report, err := domainName(s.Ours.ReportDomain)
	if err != nil {
		return nil, fmt.Errorf("report domain: %w", err)
	}
	own, err := ownRecords(s, report)
	if err != nil {
		return nil, err
	}
	var grants, policies []RR
	seen := map[string]bool{}
	for _, t := range s.Targets {
		if t.PolicyDomain == "" {
			t.PolicyDomain = t.Domain
		}
		name, err := RecordName(t.PolicyDomain, report)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", t.Domain, err)
		}
		if seen[name] {
			continue // two targets below one policy domain
		}
		seen[name] = true
		grants = append(grants, RR{Name: name, Type: "TXT", Value: Grant})
		policies = append(policies, targetRecords(t, s.Ours)...)
	}
	own = slices.DeleteFunc(own, func(r RR) bool { // of a report domain that is a target as well
		return slices.ContainsFunc(policies, func(p RR) bool { return p.Name == r.Name && p.Type == r.Type })
	})
	return slices.Concat(own, authorizations(s, grants, report), policies), nil
}

const wildcardPrice = "Its price: everybody may then point reports here, and this server\n" +
	"must sort them out by target; and one explicit record beside it, say for a.example, hides it from\n" +
	"every other name below example (RFC 4592), so it is all or nothing"

// authorizations are one record for each target or the wildcard; the way that is not
// chosen is the alternative.
func authorizations(s Setup, grants []RR, report string) []RR {
	wildcard := RR{Name: "*._report._dmarc." + report, Type: "TXT", Value: Grant}
	if s.Wildcard {
		wildcard.Comment = `who may be reported about: everybody, as "*" is a target (RFC 9990 §4). ` + wildcardPrice
		for i := range grants {
			grants[i].Alternative = true
			grants[i].Comment = "or, in place of the wildcard, one record for each target"
		}
		return append([]RR{wildcard}, grants...)
	}
	for i := range grants {
		grants[i].Comment = "who may be reported about: one record for each target (RFC 9990 §4)"
	}
	wildcard.Alternative = true
	wildcard.Comment = "or this one in place of all of them. " + wildcardPrice
	return append(grants, wildcard)
}

// ownRecords are those of the report domain, which never sends mail itself, as far as
// we know: what it says about its own mail until now is not put aside for that.
func ownRecords(s Setup, report string) ([]RR, error) {
	machine, err := domainName(s.Host.Name)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	records := []RR{{Name: report, Type: "MX", Value: "10 " + machine + ".", Comment: "mail for " + report + " comes to this server"}}
	for _, addr := range s.Host.Addrs {
		rr := addressRecord(machine, addr)
		rr.Comment = "its address; the reverse name should be " + machine
		records = append(records, rr)
	}
	const silent = "the report domain receives and never sends"
	for _, o := range []struct {
		rr  RR
		now Seen
	}{
		{RR{Name: report, Type: "TXT", Value: NoSPF}, s.Own.SPF},
		{RR{Name: "_dmarc." + report, Type: "TXT", Value: "v=DMARC1; p=reject; sp=reject; np=reject"}, s.Own.Policy},
	} {
		rr := o.rr.beside(o.now, silent)
		if len(o.now.Values) > 0 && !rr.Present {
			rr.Alternative = true
			rr.Comment = "if the report domain never sends mail, this " + inPlaceOf(o.now.Values)
		}
		records = append(records, rr)
	}
	return records, nil
}

// beside comments a record by what there is now of its kind.
func (r RR) beside(now Seen, comment string) RR {
	r.Comment = comment
	switch {
	case now.Unknown != "":
		r.Unknown = true
		r.Comment += ": what is there now could not be looked up (" + quote(now.Unknown) + "); if there is a record keep it"
	case len(now.Values) == 1 && sameText(now.Values[0], r.Value):
		r.Present = true
		r.Comment += ": as it is"
	case len(now.Values) > 0:
		r.Comment += ": " + inPlaceOf(now.Values)
	}
	return r
}

func sameText(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

func inPlaceOf(values []string) string {
	var quoted []string
	for _, v := range values {
		quoted = append(quoted, quote(v))
	}
	return "in place of " + strings.Join(quoted, " and ")
}

func addressRecord(name string, addr netip.Addr) RR {
	addr = addr.Unmap()
	kind := "A"
	if addr.Is6() {
		kind = "AAAA"
	}
	return RR{Name: name, Type: kind, Value: addr.String()}
}

// targetRecords are the policy of one target; if it never sends mail, also what says so.
func targetRecords(t Wanted, ours Addresses) []RR {
	domain, _ := domainName(t.PolicyDomain) // RecordName has refused what is no name
	policy := policyRecord(t, domain, ours)
	if t.SendsMail {
		return []RR{policy}
	}
	silent := domain + " never sends mail"
	spf := RR{Name: domain, Type: "TXT", Value: NoSPF}.beside(t.SPF, silent)
	mx := RR{Name: domain, Type: "MX", Value: nullMX}.beside(t.MX, silent+", and this says that it takes none either (RFC 7505)")
	if len(t.MX.Values) > 0 && !mx.Present {
		mx.Alternative = true
		mx.Comment = domain + " has an MX, so it takes mail; only if it shall take none (RFC 7505), " + inPlaceOf(t.MX.Values)
	}
	return []RR{policy, spf, mx}
}

func policyRecord(t Wanted, domain string, ours Addresses) RR {
	policy := RR{Name: "_dmarc." + domain, Type: "TXT", Value: Propose(t.Existing, ours), Comment: "the policy of " + domain}
	if !t.SendsMail {
		policy.Value = Locked(policy.Value)
	}
	switch {
	case t.Unknown != "":
		policy.Unknown = true
		policy.Comment += ": what is there now could not be looked up (" + quote(t.Unknown) + "); if there is a record keep its tags"
	case len(t.Existing) == 0:
		policy.Comment += ": a new record, as there is none"
	case len(t.Existing) == 1 && policy.Value == strings.TrimRight(t.Existing[0], "; "):
		policy.Present = true
		policy.Comment += ": as it is"
	case t.Alias != "":
		policy.Comment += ": in place of the CNAME to " + t.Alias + ", or there"
	default:
		policy.Comment += ": in place of what is there"
	}
	return policy
}

// Locked is a policy record with reject for the domain and everything below it.
func Locked(record string) string {
	rec, err := ParseRecord(record)
	if err != nil {
		return record
	}
	const reject = string(PolicyReject)
	tags := []Tag{{"v", "DMARC1"}, {"p", reject}, {"sp", reject}, {"np", reject}}
	for _, t := range rec.Tags {
		switch t.Name {
		case "v", "p", "sp", "np", "pct", "t": // the last two would weaken it
		default:
			tags = append(tags, t)
		}
	}
	locked := Record{Tags: tags}
	return locked.text()
}

package dmarcdns

import (
	"context"
	"fmt"
	"net/netip"
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
	// Alternative marks a record that may be published in place of others, see its
	// comment; in a zone file it is commented out.
	Alternative bool `json:"alternative,omitempty"`
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
		if r.Alternative {
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

// Wanted is what one target needs.
type Wanted struct {
	Target
	// PolicyDomain is where the record that governs the target stands, and so what
	// the authorization is about; "" is the target itself.
	PolicyDomain string
	Existing     []string // the texts there now, none if there are none or they are not known
}

// Want learns what a target has. A subdomain that is governed by a record above it
// needs no record of its own, unless it is to say that it never sends mail; a new
// one must not be weaker than what it takes over. With an error the result can be
// used all the same: for the target as if it had no record.
func Want(ctx context.Context, r TXTResolver, target Target) (Wanted, error) {
	w := Wanted{Target: target}
	here, err := Lookup(ctx, r, target.Domain)
	if err != nil {
		return w, err
	}
	if w.Existing = here.Meant(); len(w.Existing) > 0 {
		return w, nil
	}
	found, err := Discover(ctx, r, target.Domain)
	switch {
	case err != nil:
		return w, err
	case found.PolicyDomain == "":
	case found.FromSuffix() || !target.SendsMail:
		w.Existing = []string{inherited(found)}
	default:
		w.PolicyDomain, w.Existing = found.PolicyDomain, []string{found.Record.Raw}
	}
	return w, nil
}

// inherited is a record for the domain itself that says what it takes over from the
// record above it, without the addresses.
func inherited(d Discovery) string {
	_, sp, _ := d.Record.Policies()
	return "v=DMARC1; p=" + string(sp)
}

// Records are all records to publish, in the order: how mail gets here, what the
// report domain says about itself, who may be reported about, and the policy of each
// target. Targets inside our own organizational domain need no authorization, but get
// one, because reporting organizations differ in how they find that domain. Errors
// wrap ErrName or ErrNameTooLong and name the domain.
func Records(host Host, ours Addresses, targets []Wanted) ([]RR, error) {
	report, err := domainName(ours.ReportDomain)
	if err != nil {
		return nil, fmt.Errorf("report domain: %w", err)
	}
	records, err := ownRecords(host, report)
	if err != nil {
		return nil, err
	}
	var policies []RR
	seen := map[string]bool{}
	for _, t := range targets {
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
		records = append(records, RR{Name: name, Type: "TXT", Value: Grant, Comment: "who may be reported about: one record for each target (RFC 9990 §4)"})
		policies = append(policies, targetRecords(t, ours)...)
	}
	records = append(records, RR{
		Name: "*._report._dmarc." + report, Type: "TXT", Value: Grant, Alternative: true,
		Comment: "or this one in place of all of them. Its price: everybody may then point reports here, and this server\n" +
			"must sort them out by target; and one explicit record beside it, say for a.example, hides it from\n" +
			"every other name below example (RFC 4592), so it is all or nothing",
	})
	return append(records, policies...), nil
}

// ownRecords are those of the report domain, which never sends mail itself.
func ownRecords(host Host, report string) ([]RR, error) {
	machine, err := domainName(host.Name)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	records := []RR{{Name: report, Type: "MX", Value: "10 " + machine + ".", Comment: "mail for " + report + " comes to this server"}}
	for _, addr := range host.Addrs {
		rr := addressRecord(machine, addr)
		rr.Comment = "its address; the reverse name should be " + machine
		records = append(records, rr)
	}
	const silent = "the report domain receives and never sends"
	return append(records,
		RR{Name: report, Type: "TXT", Value: NoSPF, Comment: silent},
		RR{Name: "_dmarc." + report, Type: "TXT", Value: "v=DMARC1; p=reject; sp=reject; np=reject", Comment: silent},
	), nil
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
	policy := RR{Name: "_dmarc." + domain, Type: "TXT", Value: Propose(t.Existing, ours), Comment: "the policy of " + domain}
	switch {
	case len(t.Existing) == 0:
		policy.Comment += ": a new record, if there is none"
	case len(t.Existing) == 1 && policy.Value == strings.TrimRight(t.Existing[0], "; "):
		policy.Comment += ": as it is"
	default:
		policy.Comment += ": in place of what is there"
	}
	if t.SendsMail {
		return []RR{policy}
	}
	policy.Value = Locked(policy.Value)
	silent := domain + " never sends mail"
	return []RR{
		policy,
		{Name: domain, Type: "TXT", Value: NoSPF, Comment: silent},
		{Name: domain, Type: "MX", Value: nullMX, Comment: silent + ", and this says that it takes none either (RFC 7505); leave it out if it has an MX"},
	}
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

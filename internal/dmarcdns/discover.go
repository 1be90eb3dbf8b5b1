package dmarcdns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// TXTResolver is what discovery and authorization need of a Client.
type TXTResolver interface {
	TXT(ctx context.Context, name string) (Answer, error)
}

// maxWalk is the most labels, and so questions, of a tree walk behind the first
// (RFC 9989 §4.10).
const maxWalk = 7

// Published is what stands at _dmarc.<Domain>.
type Published struct {
	Domain  string
	Records []Record // those that begin with v=DMARC1
	Others  []string // every other text there
	Alias   string   // where a CNAME at the name itself leads to, "" without one
	Kind    Kind
	TTL     time.Duration
	AD      bool
}

// Record returns the one policy record. Several count as none (RFC 9989 §4.10).
func (p Published) Record() (Record, bool) {
	if len(p.Records) != 1 {
		return Record{}, false
	}
	return p.Records[0], true
}

// Meant are the texts to start from for a better record: the records there are, or
// without any the texts that were meant as one.
func (p Published) Meant() []string {
	var texts []string
	for _, rec := range p.Records {
		texts = append(texts, rec.Raw)
	}
	if len(texts) > 0 {
		return texts
	}
	for _, txt := range p.Others {
		if _, ok := classify(txt); ok {
			texts = append(texts, txt)
		}
	}
	return texts
}

// Lookup asks for the policy record of exactly this domain.
func Lookup(ctx context.Context, r TXTResolver, domain string) (Published, error) {
	domain, err := domainName(domain)
	if err != nil {
		return Published{}, err
	}
	a, err := r.TXT(ctx, "_dmarc."+domain)
	if err != nil {
		return Published{}, err
	}
	p := Published{Domain: domain, Kind: a.Kind, TTL: a.TTL, AD: a.AD}
	if len(a.Aliases) > 0 {
		p.Alias = a.Aliases[0]
	}
	for _, txt := range a.TXT {
		if rec, err := ParseRecord(txt); err == nil {
			p.Records = append(p.Records, rec)
		} else {
			p.Others = append(p.Others, txt)
		}
	}
	return p, nil
}

// Discovery is the policy that governs a domain.
type Discovery struct {
	Domain       string // the domain asked about
	OrgDomain    string // "" if it could not be learned, which the policy did not need
	PolicyDomain string // where the record was found; "" without one
	Record       Record // the zero value without one
	Alias        string // where a CNAME in the record's place leads to, "" without one
}

// FromSuffix tells whether the policy is that of a public suffix domain above: it
// governs the domain, but belongs to somebody else.
func (d Discovery) FromSuffix() bool {
	return d.PolicyDomain != "" && d.PolicyDomain != d.Domain && d.Record.PSD == "y"
}

// Discover finds the policy of a domain with the DNS tree walk: the record of the
// domain itself, else of its organizational domain, else of the public suffix
// domain above that (RFC 9989 §4.10.1). It asks at most eight questions. An error
// means that the policy is not known.
func Discover(ctx context.Context, r TXTResolver, domain string) (Discovery, error) {
	steps, err := walk(ctx, r, domain)
	if err != nil {
		if len(steps) > 0 {
			if rec, ok := steps[0].Record(); ok {
				return Discovery{Domain: steps[0].Domain, PolicyDomain: steps[0].Domain, Record: rec, Alias: steps[0].Alias}, nil
			}
		}
		return Discovery{}, err
	}
	d := Discovery{Domain: steps[0].Domain, OrgDomain: orgOfWalk(steps)}
	places := []string{d.Domain, d.OrgDomain}
	last := steps[len(steps)-1]
	if rec, ok := last.Record(); ok && rec.PSD == "y" {
		places = append(places, last.Domain)
	}
	for _, at := range places {
		i := slices.IndexFunc(steps, func(p Published) bool { return p.Domain == at })
		if i < 0 {
			continue // in the part of a long name that the walk jumps over
		}
		if rec, ok := steps[i].Record(); ok {
			d.PolicyDomain, d.Record, d.Alias = at, rec, steps[i].Alias
			break
		}
	}
	return d, nil
}

// DiscoverByList finds the policy of a domain with the public suffix list: the
// record of the domain itself, else of its organizational domain (RFC 7489 §6.6.3).
func DiscoverByList(ctx context.Context, r TXTResolver, domain string) (Discovery, error) {
	domain, err := domainName(domain)
	if err != nil {
		return Discovery{}, err
	}
	d := Discovery{Domain: domain, OrgDomain: OrgDomainByList(domain)}
	for _, at := range slices.Compact([]string{domain, d.OrgDomain}) {
		p, err := Lookup(ctx, r, at)
		if errors.Is(err, ErrNameTooLong) || errors.Is(err, ErrName) {
			continue // no record can stand there: _dmarc in front is too much
		}
		if err != nil {
			return Discovery{}, err
		}
		if rec, ok := p.Record(); ok {
			d.PolicyDomain, d.Record, d.Alias = at, rec, p.Alias
			return d, nil
		}
	}
	return d, nil
}

// OrgDomain is the organizational domain by DNS tree walk (RFC 9989 §4.10.2).
func OrgDomain(ctx context.Context, r TXTResolver, domain string) (string, error) {
	steps, err := walk(ctx, r, domain)
	if err != nil {
		return "", err
	}
	return orgOfWalk(steps), nil
}

// OrgDomainByList is the organizational domain by public suffix list (RFC 7489
// §3.2), without any question to the DNS. A public suffix is its own.
func OrgDomainByList(domain string) string {
	if d, err := domainName(domain); err == nil {
		domain = d
	}
	org, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return domain
	}
	return org
}

// walk asks from the domain upward, jumping over the middle of long names, until
// psd=y or psd=n (RFC 9989 §4.10). A question without answer ends it in error: the
// records behind it could change the choice; what was learned until then comes
// with the error.
func walk(ctx context.Context, r TXTResolver, domain string) ([]Published, error) {
	domain, err := domainName(domain)
	if err != nil {
		return nil, err
	}
	var steps []Published
	for at := domain; at != ""; at = above(at) {
		p, err := Lookup(ctx, r, at)
		if err != nil {
			return steps, fmt.Errorf("tree walk from %s: %w", domain, err)
		}
		steps = append(steps, p)
		if rec, ok := p.Record(); ok && rec.PSD != "u" {
			break
		}
	}
	return steps, nil
}

// above is the next name of a walk, "" behind the top-level domain.
func above(domain string) string {
	labels := strings.Split(domain, ".")
	keep := min(len(labels)-1, maxWalk)
	return strings.Join(labels[len(labels)-keep:], ".")
}

// orgOfWalk chooses among the names of a walk, which has at least one step.
func orgOfWalk(steps []Published) string {
	start := steps[0].Domain
	org := start
	// Upward: the last record wins, as it has the fewest labels, or says psd=n and so
	// ended the walk.
	for _, step := range steps {
		rec, ok := step.Record()
		switch {
		case !ok:
		case rec.PSD == "y" && step.Domain != start:
			return oneBelow(start, step.Domain)
		default:
			org = step.Domain
		}
	}
	return org
}

// oneBelow is the name one label below suffix on the way to domain.
func oneBelow(domain, suffix string) string {
	labels := strings.Split(domain, ".")
	return strings.Join(labels[len(labels)-strings.Count(suffix, ".")-2:], ".")
}

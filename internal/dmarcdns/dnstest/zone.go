package dnstest

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// zone is what a server knows. It is not changed once it is parsed.
type zone struct {
	records map[string][]dns.RR        // by owner, lower case with final dot
	exists  map[string]bool            // owners and all that is above them (RFC 4592 §2.2.2)
	special map[string]map[string]bool // name to the words SERVFAIL, STALL, …
}

var words = map[string]string{
	"SERVFAIL": "SERVFAIL", "TEMPERROR": "SERVFAIL", "REFUSED": "REFUSED",
	"STALL": "STALL", "TRUNCATE": "TRUNCATE", "AD": "AD",
}

func parseZone(text string) (zone, error) {
	z := zone{
		records: make(map[string][]dns.RR),
		exists:  map[string]bool{".": true},
		special: make(map[string]map[string]bool),
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		if err := z.add(line); err != nil {
			return zone{}, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return z, nil
}

func (z *zone) add(line string) error {
	if f := strings.Fields(line); len(f) == 2 && words[f[1]] != "" {
		name := dns.CanonicalName(f[0])
		if z.special[name] == nil {
			z.special[name] = make(map[string]bool)
		}
		z.special[name][words[f[1]]] = true
		return nil
	}
	rr, err := dns.NewRR(line)
	if err != nil {
		return err
	}
	if rr == nil {
		return fmt.Errorf("no record in %q", line)
	}
	name := dns.CanonicalName(rr.Header().Name)
	z.records[name] = append(z.records[name], rr)
	for name != "." {
		z.exists[name] = true
		name = parent(name)
	}
	return nil
}

func parent(name string) string {
	if i, end := dns.NextLabel(name, 0); !end {
		return name[i:]
	}
	return "."
}

// answer makes the reply, nil for none.
func (z zone) answer(req *dns.Msg, network string) *dns.Msg {
	reply := new(dns.Msg).SetReply(req)
	reply.RecursionAvailable = true
	q := req.Question[0]
	name := dns.CanonicalName(q.Name)
	how := z.special[name]
	switch {
	case how["STALL"]:
		return nil
	case how["SERVFAIL"]:
		reply.Rcode = dns.RcodeServerFailure
		return reply
	case how["REFUSED"]:
		reply.Rcode = dns.RcodeRefused
		return reply
	case how["TRUNCATE"] && network == "udp":
		reply.Truncated = true
		return reply
	}
	reply.AuthenticatedData = how["AD"]
	z.fill(reply, name, q.Qtype)
	return reply
}

// fill follows aliases and puts records, or the SOA of a negative answer, in place.
func (z zone) fill(reply *dns.Msg, name string, qtype uint16) {
	for range 20 { // longer than any chain that a client follows
		owner := z.source(name)
		if owner == "" {
			reply.Rcode = dns.RcodeNameError
			reply.Ns = []dns.RR{z.soa(name)}
			return
		}
		target, found := "", false
		for _, rr := range z.records[owner] {
			alias, isAlias := rr.(*dns.CNAME)
			if rr.Header().Rrtype != qtype && !isAlias {
				continue
			}
			rr = dns.Copy(rr)
			rr.Header().Name = name
			reply.Answer = append(reply.Answer, rr)
			found = true
			if isAlias {
				target = dns.CanonicalName(alias.Target)
			}
		}
		if !found {
			reply.Ns = []dns.RR{z.soa(name)}
			return
		}
		if target == "" || qtype == dns.TypeCNAME {
			return
		}
		name = target
	}
}

// source is the owner whose records answer for name: itself, or the wildcard at its
// closest encloser; "" if the name does not exist (RFC 4592 §3.3.1).
func (z zone) source(name string) string {
	if z.exists[name] {
		return name
	}
	above := parent(name)
	for !z.exists[above] {
		above = parent(above)
	}
	wildcard := "*." + strings.TrimPrefix(above, ".")
	if z.exists[wildcard] {
		return wildcard
	}
	return ""
}

// soa is the nearest SOA at or above name; without one, a root with 60 s.
func (z zone) soa(name string) dns.RR {
	for {
		for _, rr := range z.records[name] {
			if rr.Header().Rrtype == dns.TypeSOA {
				return rr
			}
		}
		if name == "." {
			break
		}
		name = parent(name)
	}
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60},
		Ns:  "ns.test.", Mbox: "hostmaster.test.", Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minttl: 60,
	}
}

package dmarcdns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// query asks the servers in turn, twice around, until one gives an answer.
func (c *Client) query(ctx context.Context, q question) (Answer, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("%w: %d questions under way already", ErrTemporary, cap(c.slots))
	}
	list, err := c.servers.current()
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrTemporary, err)
	}
	var last error
	for range 2 {
		for _, server := range list {
			if ctx.Err() != nil {
				return Answer{}, fmt.Errorf("%w: %w", ErrTemporary, errors.Join(last, ctx.Err()))
			}
			reply, err := c.askServer(ctx, q, server)
			if err == nil {
				var a Answer
				if a, err = readAnswer(q, reply); err == nil {
					return a, nil
				}
			}
			last = fmt.Errorf("server %s: %w", server, err)
		}
	}
	return Answer{}, fmt.Errorf("%w: %w", ErrTemporary, last)
}

// askServer asks one server once: over UDP, and over TCP if that answer was cut.
func (c *Client) askServer(ctx context.Context, q question, server string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, c.try)
	defer cancel()
	reply, err := exchange(ctx, "udp", q, server)
	if err == nil && reply.Truncated {
		reply, err = exchange(ctx, "tcp", q, server)
	}
	if err != nil {
		return nil, err
	}
	if reply.Truncated {
		return nil, errors.New("answer over TCP is cut")
	}
	return reply, nil
}

func exchange(ctx context.Context, network string, q question, server string) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.qtype)
	m.AuthenticatedData = true // RFC 6840 §5.7: asks for the AD bit without the signatures
	m.SetEdns0(ednsSize, false)

	// The context's deadline rules, c.Timeout must not be shorter.
	client := dns.Client{Net: network, Timeout: questionTimeout}
	conn, err := client.DialContext(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// ExchangeWithConnContext minds the deadline, but not that the last caller left.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	reply, _, err := client.ExchangeWithConnContext(ctx, m, conn)
	if err != nil {
		return nil, err
	}
	if len(reply.Question) != 1 || reply.Question[0].Qtype != q.qtype || !sameName(reply.Question[0].Name, q.name) {
		return nil, errors.New("answer to another question")
	}
	return reply, nil
}

// readAnswer turns a reply into an Answer, following the aliases that it holds.
func readAnswer(q question, reply *dns.Msg) (Answer, error) {
	a := Answer{AD: reply.AuthenticatedData}
	switch reply.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	default:
		return Answer{}, errors.New(strings.ToLower(dns.RcodeToString[reply.Rcode]))
	}
	owner, ttl, err := followAliases(&a, q, reply.Answer)
	if err != nil {
		return Answer{}, err
	}
	for _, rr := range reply.Answer {
		if rr.Header().Rrtype == q.qtype && sameName(rr.Header().Name, owner) {
			a.add(rr)
			ttl = min(ttl, rr.Header().Ttl)
			a.Kind = Found
		}
	}
	if a.Kind == Found {
		a.TTL = time.Duration(ttl) * time.Second
		return a, a.tooLarge()
	}
	if isReferral(reply) {
		return Answer{}, errors.New("referral instead of an answer")
	}
	a.Kind = NoData
	if reply.Rcode == dns.RcodeNameError {
		a.Kind = NXDomain
	}
	a.TTL = negativeTTL(reply.Ns)
	return a, nil
}

// isReferral tells whether an empty reply only names other servers, as one does that
// is not for us: it says nothing about what is published.
func isReferral(reply *dns.Msg) bool {
	return reply.Rcode == dns.RcodeSuccess && len(reply.Answer) == 0 && !reply.Authoritative && !reply.RecursionAvailable &&
		!slices.ContainsFunc(reply.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA })
}

// followAliases walks the CNAMEs of an answer, in whatever order they stand, and
// returns the name at their end with the smallest TTL on the way.
func followAliases(a *Answer, q question, answer []dns.RR) (owner string, ttl uint32, err error) {
	owner, ttl = q.name, ^uint32(0)
	for {
		next := ""
		for _, rr := range answer {
			if alias, ok := rr.(*dns.CNAME); ok && sameName(alias.Hdr.Name, owner) {
				next, ttl = alias.Target, min(ttl, alias.Hdr.Ttl)
			}
		}
		if next == "" {
			return owner, ttl, nil
		}
		if len(a.Aliases) == maxAliases {
			return "", 0, fmt.Errorf("more than %d aliases in a chain", maxAliases)
		}
		a.Aliases = append(a.Aliases, bare(next))
		owner = next
	}
}

func (a *Answer) tooLarge() error {
	size := 0
	for _, t := range a.TXT {
		size += len(t)
	}
	if size > maxTXT {
		return fmt.Errorf("more than %d octets of TXT", maxTXT)
	}
	return nil
}

// negativeTTL is the smaller of the SOA's own TTL and its last field (RFC 2308 §5).
func negativeTTL(authority []dns.RR) time.Duration {
	for _, rr := range authority {
		if soa, ok := rr.(*dns.SOA); ok {
			return time.Duration(min(soa.Hdr.Ttl, soa.Minttl)) * time.Second
		}
	}
	return 0
}

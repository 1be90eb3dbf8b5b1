package dmarcdns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// What callers decide on.
var (
	// ErrTemporary marks a question that got no usable answer: SERVFAIL, REFUSED,
	// a timeout, no server. It says nothing about what is published.
	ErrTemporary = errors.New("no answer from the DNS")
	// ErrName marks a domain that cannot be a name in the DNS.
	ErrName = errors.New("not a domain name")
	// ErrNameTooLong marks a name of more than 253 octets.
	ErrNameTooLong = errors.New("domain name too long")
)

// Bounds of the client, where Config leaves them open.
const (
	DefaultTry      = 2 * time.Second // per try, so that a dead server leaves time for the next
	DefaultInFlight = 16
	DefaultEntries  = 20_000
	DefaultBytes    = 8 << 20

	questionTimeout = 10 * time.Second // for one question over all tries, whatever the caller's context says
	maxAliases      = 8                // CNAMEs followed in one answer
	maxTXT          = 16 << 10         // octets of TXT in one answer; large apexes have some 6 KiB
	ednsSize        = 1232             // DNS flag day 2020: fits every path without fragments
)

// Kind tells the answers apart. What is neither of these is an error.
type Kind string

// The kinds of answer.
const (
	Found    Kind = "found"
	NoData   Kind = "nodata"   // the name exists, without records of this type
	NXDomain Kind = "nxdomain" // the name does not exist
)

// Answer is what the DNS said to one question. Its slices are shared with the
// cache: read only.
type Answer struct {
	Kind    Kind
	TXT     []string     // the strings of each record joined (RFC 9989 §4.5)
	MX      []MX         // in order of preference
	Addrs   []netip.Addr // A and AAAA
	Names   []string     // of PTR, without the final dot
	Aliases []string     // targets of the CNAMEs that were followed, without the final dot
	AD      bool         // the resolver says that it has validated this answer
	// TTL of the answer; of a negative one what RFC 2308 makes of the SOA, 0
	// without one.
	TTL time.Duration
}

// MX is one mail exchanger; Host is "." for a null MX (RFC 7505), otherwise
// without the final dot.
type MX struct {
	Preference uint16
	Host       string
}

// String is the value as in a zone file.
func (m MX) String() string {
	return fmt.Sprintf("%d %s.", m.Preference, strings.TrimSuffix(m.Host, "."))
}

// Config of a Client; the zero value asks the servers of /etc/resolv.conf.
type Config struct {
	Servers    []string      // "192.0.2.53", "[2001:db8::53]:5353"; empty: those of ResolvConf
	ResolvConf string        // "" is /etc/resolv.conf; read again when it changes
	Try        time.Duration // for one try at one server
	InFlight   int           // questions at the same time
	Entries    int           // answers in the cache
	Bytes      int           // octets in the cache, about
}

// Client is a stub resolver with a cache. It is safe for concurrent use and has
// nothing to close: each of its goroutines ends with the callers that wait for it.
//
// Strangers choose the names that sender authentication asks for, so give it a
// Client of its own: its slow zones then keep no slot from external authorization.
type Client struct {
	*shared
	fresh bool
}

// shared is the one state behind a Client and its Fresh twin.
type shared struct {
	servers *servers
	try     time.Duration
	slots   chan struct{}
	cache   *cache
	flights flights
}

// New returns a client. That no server can be found is no error here: the server
// must start and work without DNS, so each question then fails as temporary.
func New(cfg Config) (*Client, error) {
	list, err := newServers(cfg.Servers, cfg.ResolvConf)
	if err != nil {
		return nil, fmt.Errorf("dns servers: %w", err)
	}
	return &Client{shared: &shared{
		servers: list,
		try:     orDefault(cfg.Try, DefaultTry),
		slots:   make(chan struct{}, orDefault(cfg.InFlight, DefaultInFlight)),
		cache:   newCache(orDefault(cfg.Entries, DefaultEntries), orDefault(cfg.Bytes, DefaultBytes)),
		flights: flights{running: make(map[question]*flight)},
	}}, nil
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// Fresh is the same client, asking past the cache; what it learns is cached.
func (c *Client) Fresh() *Client {
	return &Client{shared: c.shared, fresh: true}
}

// TXT asks for the text records of name. An error wraps ErrTemporary, ErrName or
// ErrNameTooLong; so for all methods.
func (c *Client) TXT(ctx context.Context, name string) (Answer, error) {
	return c.ask(ctx, name, dns.TypeTXT)
}

// MX asks for the mail exchangers of name.
func (c *Client) MX(ctx context.Context, name string) (Answer, error) {
	return c.ask(ctx, name, dns.TypeMX)
}

// A asks for the IPv4 addresses of name.
func (c *Client) A(ctx context.Context, name string) (Answer, error) {
	return c.ask(ctx, name, dns.TypeA)
}

// AAAA asks for the IPv6 addresses of name.
func (c *Client) AAAA(ctx context.Context, name string) (Answer, error) {
	return c.ask(ctx, name, dns.TypeAAAA)
}

// Addrs asks for the IPv4 and IPv6 addresses of name, one after the other. It
// fails only if both fail, or if one fails and the other has nothing.
func (c *Client) Addrs(ctx context.Context, name string) (Answer, error) {
	four, err4 := c.ask(ctx, name, dns.TypeA)
	if err4 == nil && four.Kind == NXDomain {
		return four, nil
	}
	six, err6 := c.ask(ctx, name, dns.TypeAAAA)
	switch {
	case err6 != nil && four.Kind == Found:
		return four, nil
	case err4 != nil && six.Kind == Found:
		return six, nil
	case err4 != nil:
		return Answer{}, err4
	case err6 != nil:
		return Answer{}, err6
	case four.Kind != Found:
		return six, nil
	case six.Kind != Found:
		return four, nil
	}
	four.Addrs = append(append([]netip.Addr(nil), four.Addrs...), six.Addrs...)
	four.AD = four.AD && six.AD
	four.TTL = min(four.TTL, six.TTL)
	return four, nil
}

// PTR asks for the names of an address.
func (c *Client) PTR(ctx context.Context, addr netip.Addr) (Answer, error) {
	if !addr.IsValid() {
		return Answer{}, fmt.Errorf("%w: reverse of no address", ErrName)
	}
	return c.ask(ctx, reverseName(addr), dns.TypePTR)
}

func (c *Client) ask(ctx context.Context, name string, qtype uint16) (Answer, error) {
	name, err := Name(name)
	if err != nil {
		return Answer{}, err
	}
	q := question{name: name, qtype: qtype}
	if !c.fresh {
		if a, ok := c.cache.get(q); ok {
			return a, nil
		}
	}
	a, err := c.flights.do(ctx, q, func(ctx context.Context) (Answer, error) {
		a, err := c.query(ctx, q)
		if err == nil {
			c.cache.put(q, a)
		}
		return a, err
	})
	if err != nil {
		return Answer{}, fmt.Errorf("%s %s: %w", dns.TypeToString[qtype], name, err)
	}
	return a, nil
}

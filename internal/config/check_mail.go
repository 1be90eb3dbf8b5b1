package config

import (
	"os"
	"slices"
	"strings"
)

func (c *check) smtp() {
	s := &c.cfg.SMTP
	if s.Hostname == "" {
		s.Hostname = machineName()
	}
	if d, ok := domainName(s.Hostname); ok {
		s.Hostname = d
	} else {
		c.wrong("smtp.hostname", s.Hostname, `not a host name; write one that DNS knows, such as "mx.example.net"`)
	}
	if len(s.Listen) == 0 {
		c.wrong("smtp.listen", s.Listen, `empty; write at least one address, such as "127.0.0.1:2525"`)
	}
	for i, addr := range s.Listen {
		switch {
		case !isListenAddr(addr):
			c.wrong("smtp.listen", addr, `not an address to listen on; write "127.0.0.1:2525", "[::]:25" or ":25"`)
		case slices.Contains(s.Listen[:i], addr):
			c.wrong("smtp.listen", addr, "given twice; remove one")
		}
	}
}

// machineName is our name where the configuration has none. One that SMTP could
// not say is of no use.
func machineName() string {
	if name, err := os.Hostname(); err == nil {
		if d, ok := domainName(name); ok {
			return d
		}
	}
	return "localhost"
}

func (c *check) report() {
	r := &c.cfg.Report
	d, ok := domainName(r.Domain)
	switch {
	case r.Domain == "":
		c.wrong("report.domain", nil, `missing; write the domain of your rua and ruf addresses, such as "reports.example.net"`)
	case !ok || !strings.Contains(d, "."):
		c.wrong("report.domain", r.Domain, `not a domain; write the part of your rua and ruf addresses behind the @, such as "reports.example.net"`)
	default:
		r.Domain = d
	}
	r.Aggregate = c.locals("report.aggregate", r.Aggregate)
	r.Failure = c.locals("report.failure", r.Failure)
	r.TLS = c.locals("report.tls", r.TLS)
	if len(r.Aggregate)+len(r.Failure)+len(r.TLS) == 0 {
		c.wrong("report.aggregate", r.Aggregate, "empty, and so are report.failure and report.tls: nothing could be received; write at least one")
	}
}

// locals checks local parts and gives them in lower case.
func (c *check) locals(key string, list []string) []string {
	var lower []string
	for _, local := range list {
		l := strings.ToLower(local)
		switch {
		case strings.Contains(local, "@"):
			c.wrong(key, local, "a whole address; write only the part before the @")
		case strings.Contains(local, "+"):
			c.wrong(key, local, "has a tag; write it without: every +tag is accepted as it is")
		case l == "postmaster" || l == "abuse":
			c.wrong(key, local, "belongs to a person (RFC 5321 §4.5.1, RFC 2142 §4); choose another")
		case !isDotAtom(local):
			c.wrong(key, local, `not the local part of an address; write letters, digits, "-", "_" and "."`)
		case slices.Contains(lower, l):
			c.wrong(key, local, "given twice; remove one")
		}
		lower = append(lower, l)
	}
	return lower
}

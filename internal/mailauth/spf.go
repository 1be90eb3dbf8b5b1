package mailauth

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"blitiri.com.ar/go/spf"

	"reportmx/internal/dmarcdns"
)

// checkSPF evaluates MAIL FROM, or the HELO name for a null reverse path
// (RFC 7208 §2.4). Without a client address it does nothing: nobody knows from
// where an imported message came.
func (v *Verifier) checkSPF(ctx context.Context, m Mail, s *SPF) {
	if !m.ClientIP.IsValid() {
		return
	}
	s.Result = resultTempError // if the library panics
	identity := spfIdentity(m, s)
	if s.Domain == "" || !strings.Contains(s.Domain, ".") {
		s.Result, s.Reason = resultNone, "no domain name to ask for" // RFC 7208 §4.3
		return
	}
	ip := net.IP(m.ClientIP.AsSlice())
	dns := &spfResolver{dns: v.dns, left: MaxQuestions, client: m.ClientIP.Unmap()}
	result, err := spf.CheckHostWithSender(ip, m.Helo, identity, spf.WithContext(ctx), spf.WithResolver(dns))
	s.Result = string(result)
	if err != nil {
		s.Reason = err.Error()
	}
	if dns.exceeded {
		s.Result, s.Reason = resultPermError, fmt.Sprintf("more than %d DNS questions", MaxQuestions)
	}
}

// spfIdentity fills domain and scope and returns the sender for the macros.
func spfIdentity(m Mail, s *SPF) string {
	local := "postmaster"
	if m.MailFrom == "" {
		s.Scope = "helo"
		s.Domain, _ = normal(m.Helo)
	} else {
		s.Scope = "mfrom"
		s.Domain, _ = domainOf(m.MailFrom)
		if at := strings.LastIndexByte(m.MailFrom, '@'); at > 0 {
			// The library takes the first @ for the end of the local part: a quoted one
			// would let the sender choose another domain than the one that is named here.
			local = strings.ReplaceAll(m.MailFrom[:at], "@", ".")
		}
	}
	return local + "@" + s.Domain
}

// spfResolver answers the SPF library, and counts: ten terms may cost ten
// questions each where they are mx or ptr (RFC 7208 §4.6.4).
type spfResolver struct {
	dns      Resolver
	client   netip.Addr
	left     int
	exceeded bool
}

// ask counts n questions and turns the answer without records into the error that
// the library expects.
func (r *spfResolver) ask(name string, n int, question func() (dmarcdns.Answer, error)) (dmarcdns.Answer, error) {
	if r.left -= n; r.left < 0 {
		r.exceeded = true
		return dmarcdns.Answer{}, errLimit
	}
	a, err := question()
	if err != nil {
		return dmarcdns.Answer{}, dnsError(name, err)
	}
	if a.Kind != dmarcdns.Found {
		return dmarcdns.Answer{}, &net.DNSError{Err: string(a.Kind), Name: name, IsNotFound: true}
	}
	return a, nil
}

// LookupTXT implements spf.DNSResolver, as do the next three.
func (r *spfResolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a, err := r.ask(name, 1, func() (dmarcdns.Answer, error) { return r.dns.TXT(ctx, name) })
	return a.TXT, err
}

// LookupMX returns the hosts in order of preference.
func (r *spfResolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	a, err := r.ask(name, 1, func() (dmarcdns.Answer, error) { return r.dns.MX(ctx, name) })
	var list []*net.MX
	for _, mx := range a.MX {
		list = append(list, &net.MX{Host: mx.Host, Pref: mx.Preference})
	}
	return list, err
}

// LookupIPAddr asks for the client's family (RFC 7208 §5.3).
func (r *spfResolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	a, err := r.addrs(ctx, host)
	var list []net.IPAddr
	for _, addr := range a.Addrs {
		list = append(list, net.IPAddr{IP: addr.AsSlice()})
	}
	return list, err
}

// addrs asks for A too where the client comes over IPv6: the mechanism exists wants it
// (RFC 7208 §5.7), and cannot be told from the others here. An answer with AAAA stands
// without it, but not the other way round: that would be a fail which nobody published.
func (r *spfResolver) addrs(ctx context.Context, host string) (dmarcdns.Answer, error) {
	if r.client.Is4() {
		return r.ask(host, 1, func() (dmarcdns.Answer, error) { return r.dns.A(ctx, host) })
	}
	return r.ask(host, 2, func() (dmarcdns.Answer, error) {
		four, err4 := r.dns.A(ctx, host)
		if err4 == nil && four.Kind == dmarcdns.NXDomain {
			return four, nil
		}
		six, err := r.dns.AAAA(ctx, host)
		if err != nil {
			return six, err
		}
		if six.Kind != dmarcdns.Found {
			return four, err4
		}
		six.Addrs = slices.Concat(six.Addrs, four.Addrs)
		return six, nil
	})
}

// LookupAddr asks for the names of an address.
func (r *spfResolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, dnsError(addr, dmarcdns.ErrName)
	}
	a, err := r.ask(addr, 1, func() (dmarcdns.Answer, error) { return r.dns.PTR(ctx, ip) })
	return a.Names, err
}

package dmarcdns

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// add takes one record of the type that was asked for.
func (a *Answer) add(rr dns.RR) {
	switch rr := rr.(type) {
	case *dns.TXT:
		a.TXT = append(a.TXT, unescape(strings.Join(rr.Txt, "")))
	case *dns.MX:
		a.MX = append(a.MX, MX{Preference: rr.Preference, Host: bare(rr.Mx)})
		slices.SortStableFunc(a.MX, func(x, y MX) int { return int(x.Preference) - int(y.Preference) })
	case *dns.A:
		a.addAddr(rr.A)
	case *dns.AAAA:
		a.addAddr(rr.AAAA)
	case *dns.PTR:
		a.Names = append(a.Names, bare(rr.Ptr))
	}
}

func (a *Answer) addAddr(ip []byte) {
	if addr, ok := netip.AddrFromSlice(ip); ok {
		a.Addrs = append(a.Addrs, addr.Unmap())
	}
}

// bare takes the final dot away, but leaves the root as it is.
func bare(name string) string {
	if name == "." {
		return name
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// sameName compares names in textual form; a reply spells some octets as escapes
// that the question did not.
func sameName(a, b string) bool {
	return strings.EqualFold(unescape(a), unescape(b))
}

// unescape turns the textual form in which miekg/dns keeps strings (\" \\ \DDD)
// back into the octets that were published.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
		case i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]):
			b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + s[i+3] - '0')
			i += 3
		default:
			i++
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

package dmarcdns

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Bounds of a domain name in its textual form without the final dot (RFC 1035 §2.3.4).
const (
	maxNameLength  = 253
	maxLabelLength = 63
)

// Name spells a domain as it is asked for: A-labels, lower case, one trailing
// dot. Empty and overlong labels, and octets that no host name or mail-related
// name has, are errors that wrap ErrName; more than 253 octets is ErrNameTooLong.
func Name(domain string) (string, error) {
	d := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(domain), "."))
	if !isASCII(d) {
		a, err := idna.Lookup.ToASCII(d)
		if err != nil {
			return "", fmt.Errorf("%w: %q: %w", ErrName, domain, err)
		}
		d = a
	}
	for label := range strings.SplitSeq(d, ".") {
		if err := checkLabel(label); err != nil {
			return "", fmt.Errorf("%w: %q: %w", ErrName, domain, err)
		}
	}
	if len(d) > maxNameLength {
		return "", fmt.Errorf("%w: %d octets, at most %d", ErrNameTooLong, len(d), maxNameLength)
	}
	return d + ".", nil
}

func checkLabel(label string) error {
	if label == "" {
		return fmt.Errorf("empty label")
	}
	if len(label) > maxLabelLength {
		return fmt.Errorf("label of %d octets, at most %d", len(label), maxLabelLength)
	}
	for i := range len(label) {
		// SPF macros put local parts into names, so any visible octet may come;
		// the backslash is the escape of the textual form and would hide others.
		if c := label[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return fmt.Errorf("octet 0x%02x in a label", c)
		}
	}
	return nil
}

// domainName spells a mail domain like reports.NormalDomain, and refuses what
// cannot be one: a policy domain "*" would ask for the wildcard itself.
func domainName(domain string) (string, error) {
	name, err := Name(domain)
	if err != nil {
		return "", err
	}
	for i := range len(name) {
		c := name[i]
		if c != '.' && c != '-' && c != '_' && !('a' <= c && c <= 'z') && !('0' <= c && c <= '9') {
			return "", fmt.Errorf("%w: %q: character %q in a domain", ErrName, domain, c)
		}
	}
	return strings.TrimSuffix(name, "."), nil
}

// reverseName is the name below which an address has its PTR (RFC 1035 §3.5, RFC
// 3596 §2.5), without the final dot.
func reverseName(addr netip.Addr) string {
	const hex = "0123456789abcdef"
	addr = addr.Unmap()
	var labels []string
	for _, b := range slices.Backward(addr.AsSlice()) {
		if addr.Is4() {
			labels = append(labels, strconv.Itoa(int(b)))
		} else {
			labels = append(labels, hex[b&15:b&15+1], hex[b>>4:b>>4+1])
		}
	}
	if addr.Is4() {
		return strings.Join(labels, ".") + ".in-addr.arpa"
	}
	return strings.Join(labels, ".") + ".ip6.arpa"
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"reportmx/reports"
)

// domainName gives a domain as A-labels in lower case, and whether it is one. An
// underscore is let through: some domains that send mail have it.
func domainName(s string) (string, bool) {
	d := reports.NormalDomain(s)
	if len(d) > 253 {
		return "", false
	}
	if _, err := netip.ParseAddr(d); err == nil {
		return "", false
	}
	for label := range strings.SplitSeq(d, ".") {
		if !isLabel(label) {
			return "", false
		}
	}
	return d, true
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// isDotAtom holds RFC 5321 §4.1.2, ASCII only, and not more than 64 bytes.
func isDotAtom(s string) bool {
	const atext = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~."
	return s != "" && len(s) <= 64 && strings.Trim(s, atext) == "" && !strings.Contains("."+s+".", "..")
}

func isListenAddr(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || !isPort(port) {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return true
	}
	_, ok := domainName(host)
	return ok
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

func isServer(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	ap, err := netip.ParseAddrPort(s)
	return err == nil && ap.Port() != 0
}

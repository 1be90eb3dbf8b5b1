package reports

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// readIP reads an IP address. odd tells that it was spelled in a way that no
// standard has: in brackets, with "IPv6:", a prefix length, a port, or zeros
// before its numbers; or a zone (RFC 4007 §11), which is dropped: it means something on
// the machine of the reporter only, and may be any text. An address that cannot be read is
// the zero Addr.
func readIP(text string) (ip netip.Addr, odd bool) {
	ip, odd = parseIP(text)
	return ip.WithZone(""), odd || ip.Zone() != ""
}

func parseIP(text string) (ip netip.Addr, odd bool) {
	text = strings.TrimSpace(text)
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip, false
	}
	if port, err := netip.ParseAddrPort(text); err == nil {
		return port.Addr(), true
	}
	if prefix, err := netip.ParsePrefix(text); err == nil && prefix.IsSingleIP() {
		return prefix.Addr(), true
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	if len(text) > 5 && strings.EqualFold(text[:5], "IPv6:") {
		text = text[5:]
	}
	ip, err := netip.ParseAddr(unpadIP(text))
	if err != nil {
		return netip.Addr{}, true
	}
	return ip, true
}

// unpadIP takes the zeros away that some write before the numbers of an address:
// "192.000.002.001", "2001:00db8::1".
func unpadIP(text string) string {
	separator := "."
	if strings.Contains(text, ":") {
		separator = ":"
	}
	numbers := strings.Split(text, separator)
	for i, n := range numbers {
		if stripped := strings.TrimLeft(n, "0"); n != "" && !strings.Contains(n, ".") {
			numbers[i] = stripped
			if stripped == "" {
				numbers[i] = "0"
			}
		}
	}
	return strings.Join(numbers, separator)
}

// readNumber reads an integer. odd tells that it was spelled with a fraction or
// an exponent, which is cut off; ok is false when there is no integer at all.
func readNumber(text string) (n int64, odd, ok bool) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, false, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) >= 1<<53 {
		return 0, false, false
	}
	return int64(f), true, true
}

// maxTime is the last second of the year 9999, the last that RFC 3339 can write.
const maxTime = 253402300799

// readEpoch reads the seconds since 1970 of RFC 9990 §3.1.1.2. odd tells that
// they had a fraction, or that it was a date in words instead.
func readEpoch(text string) (t time.Time, odd, ok bool) {
	seconds, odd, ok := readNumber(text)
	if !ok {
		if t, _, ok = readDate(text); ok && t.Unix() >= 0 {
			return t, true, true
		}
		return time.Time{}, true, false
	}
	if seconds < 0 || seconds > maxTime {
		return time.Time{}, odd, false
	}
	return time.Unix(seconds, 0).UTC(), odd, true
}

// dateLayouts are the spellings of a date besides RFC 3339. Without a zone they are
// taken as UTC, which is what those who write them mean.
var dateLayouts = []string{
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04:05-0700",
	"2006-01-02T15:04Z07:00",
	"2006-01-02",
}

// readDate reads a date of RFC 3339, or odd spellings of one. The result is UTC, and has a
// year that RFC 3339 can write.
func readDate(text string) (t time.Time, odd, ok bool) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if t, ok := parseTime(time.RFC3339, text); ok {
		return t, false, true
	}
	text = numericZone(text)
	for _, layout := range dateLayouts {
		if t, ok := parseTime(layout, text); ok {
			return t, true, true
		}
	}
	return time.Time{}, true, false
}

// parseTime reads a time that means the same wherever this runs: time.Parse looks the names
// of zones up in that of the machine.
func parseTime(layout, text string) (time.Time, bool) {
	t, err := time.ParseInLocation(layout, text, time.UTC)
	t = t.UTC()
	return t, err == nil && t.Year() >= 0 && t.Year() <= 9999
}

// obsoleteZones are the names that RFC 5322 §4.3 gives a meaning.
var obsoleteZones = map[string]string{
	"UT": "+0000", "UTC": "+0000", "GMT": "+0000", "Z": "+0000",
	"EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500",
	"MST": "-0700", "MDT": "-0600", "PST": "-0800", "PDT": "-0700",
}

// numericZone replaces the name of a zone at the end of a date. One that has no meaning
// counts as UTC.
func numericZone(text string) string {
	i := strings.LastIndexByte(text, ' ') + 1
	name := text[i:]
	if i == 0 || name == "" || strings.Trim(strings.ToUpper(name), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return text
	}
	if offset, known := obsoleteZones[strings.ToUpper(name)]; known {
		return text[:i] + offset
	}
	return text[:i] + "+0000"
}

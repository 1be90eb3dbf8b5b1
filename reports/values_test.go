package reports

import (
	"net/netip"
	"testing"
	"time"
)

func TestReadIP(t *testing.T) {
	tests := []struct {
		text, want string
		odd        bool
	}{
		{"192.0.2.1", "192.0.2.1", false},
		{" 2001:DB8::1\n", "2001:db8::1", false},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1", false},
		{"[2001:db8::1]", "2001:db8::1", true},
		{"[192.0.2.1]", "192.0.2.1", true},
		{"IPv6:2001:db8::1", "2001:db8::1", true},
		{"[IPv6:2001:db8::1]", "2001:db8::1", true},
		{"192.0.2.1/32", "192.0.2.1", true},
		{"fe80::1%eth0", "fe80::1", true},
		{"[fe80::1%eth0]:25", "fe80::1", true},
		{"192.0.2.0/24", "", true},
		{"192.0.2.1:25", "192.0.2.1", true},
		{"[2001:db8::1]:25", "2001:db8::1", true},
		{"192.000.002.010", "192.0.2.10", true},
		{"2001:00db8:0000::00001", "2001:db8::1", true},
		{"192.0.2", "", true},
		{"192.0.2.256", "", true},
		{"mail.example", "", true},
		{"", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			var want netip.Addr
			if tt.want != "" {
				want = netip.MustParseAddr(tt.want)
			}
			if got, odd := readIP(tt.text); got != want || odd != tt.odd {
				t.Errorf("got %v, %v; want %v, %v", got, odd, want, tt.odd)
			}
		})
	}
}

func TestReadNumber(t *testing.T) {
	tests := []struct {
		text    string
		want    int64
		odd, ok bool
	}{
		{"0", 0, false, true},
		{" 17\n", 17, false, true},
		{"-3", -3, false, true},
		{"9223372036854775807", 9223372036854775807, false, true},
		{"9223372036854775808", 0, false, false},
		{"1e3", 1000, true, true},
		{"2.9", 2, true, true},
		{"1e300", 0, false, false},
		{"NaN", 0, false, false},
		{"Inf", 0, false, false},
		{"twelve", 0, false, false},
		{"", 0, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			if got, odd, ok := readNumber(tt.text); got != tt.want || odd != tt.odd || ok != tt.ok {
				t.Errorf("got %d, %v, %v; want %d, %v, %v", got, odd, ok, tt.want, tt.odd, tt.ok)
			}
		})
	}
}

func TestReadEpoch(t *testing.T) {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		text    string
		want    time.Time
		odd, ok bool
	}{
		{"1767225600", day, false, true},
		{"1767225600.25", day, true, true},
		{"2026-01-01T00:00:00Z", day, true, true},
		{"2026-01-01t02:00:00+02:00", day, true, true},
		{"2026-01-01 00:00:00", day, true, true},
		{"2026-01-01", day, true, true},
		{"0", time.Unix(0, 0).UTC(), false, true},
		{"-1", time.Time{}, false, false},
		{"253402300800", time.Time{}, false, false},
		{"9999-12-31T23:59:59-14:00", time.Time{}, true, false},
		{"0000-01-01T00:00:00+14:00", time.Time{}, true, false},
		{"1969-12-31", time.Time{}, true, false},
		{"yesterday", time.Time{}, true, false},
		{"", time.Time{}, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			if got, odd, ok := readEpoch(tt.text); got != tt.want || odd != tt.odd || ok != tt.ok {
				t.Errorf("got %v, %v, %v; want %v, %v, %v", got, odd, ok, tt.want, tt.odd, tt.ok)
			}
		})
	}
}

// TestPlainIPv4: it reads what netip does, or leaves it alone.
func TestPlainIPv4(t *testing.T) {
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{"192.0.2.1", true}, {"0.0.0.0", true}, {"255.255.255.255", true},
		{"192.0.2.256", false}, {"192.0.2.01", false}, {"192.0.2", false}, {"192.0.2.1.", false}, {"192.0.2.1.5", false},
		{"192..2.1", false}, {"192.0.2.-1", false}, {" 192.0.2.1", false}, {"2001:db8::1", false}, {"", false}, {"...", false},
	} {
		t.Run(tt.text, func(t *testing.T) {
			got, ok := plainIPv4([]byte(tt.text))
			want := netip.Addr{}
			if tt.ok {
				want = netip.MustParseAddr(tt.text)
			}
			if got != want || ok != tt.ok {
				t.Errorf("got %v, %v, want %v, %v", got, ok, want, tt.ok)
			}
		})
	}
}

// TestDatesAnywhere holds that a date means the same wherever this runs: it is part of what
// a report is known by.
func TestDatesAnywhere(t *testing.T) {
	defer func(local *time.Location) { time.Local = local }(time.Local)
	for _, local := range []*time.Location{time.UTC, time.FixedZone("CET", 3600), time.FixedZone("EST", 3600)} {
		time.Local = local
		for text, want := range map[string]int{"CET": 0, "EST": 5, "UTC": 0, "X": 0, "PDT": 7, "+0200": 22} {
			if got, _, ok := readDate("2026-01-01 00:00:00 " + text); !ok || got.Hour() != want {
				t.Errorf("in %v, a date of a report in %s: got %v, %v, want %d h", local, text, got, ok, want)
			}
			if got, ok := parseDate("Thu, 1 Jan 2026 00:00:00 " + text); !ok || got.Hour() != want {
				t.Errorf("in %v, a date of a mail in %s: got %v, %v, want %d h", local, text, got, ok, want)
			}
		}
	}
}

package command

import (
	"testing"
	"time"
)

func TestParseMoment(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		in   string
		want string // RFC 3339; "" for an error
	}{
		{"2026-11-20", "2026-11-20T00:00:00Z"},
		{"2026-11-20T08:30", "2026-11-20T08:30:00Z"},
		{"2026-11-20 08:30", "2026-11-20T08:30:00Z"},
		{"2026-11-20T08:30:00+02:00", "2026-11-20T06:30:00Z"},
		{"7d", "2026-11-14T12:00:00Z"},
		{"2w", "2026-11-07T12:00:00Z"},
		{"36h", "2026-11-20T00:00:00Z"},
		{"0d", "2026-11-21T12:00:00Z"},
		{"7", ""},
		{"-7d", ""},
		{"-1h", ""},
		{"20.11.2026", ""},
		{"", ""},
		{"99999999d", ""},
		{"15000w", "1739-05-30T12:00:00Z"},
		{"16000w", ""}, // more than a Duration takes
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			at, err := parseMoment(tt.in, now)
			got := ""
			if err == nil {
				got = at.Format(time.RFC3339)
			}
			if got != tt.want {
				t.Errorf("got %q (%v), want %q", got, err, tt.want)
			}
		})
	}
}

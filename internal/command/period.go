package command

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// moment reads a point in time: RFC 3339, a date (midnight UTC), or a span before
// now such as 7d, 12h or 2w.
type moment struct {
	text string
	at   time.Time
}

func (m *moment) String() string { return m.text }

func (m *moment) Type() string { return "time" }

func (m *moment) Set(s string) error {
	at, err := parseMoment(s, time.Now().UTC())
	if err != nil {
		return err
	}
	m.text, m.at = s, at
	return nil
}

func parseMoment(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), nil
		}
	}
	span, err := parseSpan(s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time: give a date (2026-11-20), a time (2026-11-20T08:00:00Z) or a span before now (7d, 12h, 2w)", s)
	}
	return now.Add(-span), nil
}

// parseSpan reads a duration with the units d and w besides Go's.
func parseSpan(s string) (time.Duration, error) {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(s, suffix); ok {
			n, err := strconv.ParseUint(number, 10, 16)
			if err == nil && n > uint64(math.MaxInt64/unit) {
				err = fmt.Errorf("%q is too long", s)
			}
			return time.Duration(n) * unit, err
		}
	}
	d, err := time.ParseDuration(s)
	if err == nil && d < 0 {
		err = fmt.Errorf("%q is negative", s)
	}
	return d, err
}

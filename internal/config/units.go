package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Duration is a span of time as the configuration writes it: "90s", "1h30m",
// "30d". A bare number is refused, because nobody can tell its unit.
type Duration time.Duration

const (
	day     = 24 * time.Hour
	maxDays = 100 * 365 // a longer one would be a mistake, and Duration ends at 292 years
)

var (
	errDurationUnit = errors.New(`a duration needs a unit; write "90s", "15m", "12h" or "30d"`)
	errDuration     = errors.New(`not a duration; write "90s", "15m", "12h" or "30d"`)
	errSizeUnit     = errors.New(`a size needs a unit; write "64KiB", "25MiB" or "1GiB"`)
	errSize         = errors.New(`not a size; write "64KiB", "25MiB" or "1GiB"`)
)

// UnmarshalText reads a duration of zero or more: that of time.ParseDuration,
// with whole days before it where wanted ("1d12h").
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if isNumber(s) {
		return errDurationUnit
	}
	var days int
	if before, after, found := strings.Cut(s, "d"); found {
		n, err := strconv.ParseUint(before, 10, 32)
		if err != nil || n > maxDays {
			return errDuration
		}
		days, s = int(n), after
	}
	var rest time.Duration
	if s != "" || days == 0 {
		var err error
		if rest, err = time.ParseDuration(s); err != nil || rest < 0 || rest > maxDays*day || strings.HasPrefix(s, "+") {
			return errDuration
		}
	}
	whole := time.Duration(days)*day + rest
	if whole > maxDays*day {
		return errDuration
	}
	*d = Duration(whole)
	return nil
}

// String writes the duration as the configuration does, in whole days where that
// is possible.
func (d Duration) String() string {
	t := time.Duration(d)
	if t >= day && t%day == 0 {
		return strconv.FormatInt(int64(t/day), 10) + "d"
	}
	s := t.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Age is a duration, or "forever".
type Age time.Duration

// Forever is no age at all: nothing gets so old.
const Forever Age = -1

var errAge = errors.New(`neither a duration nor "forever"; write "12h", "30d" or "forever"`)

// UnmarshalText reads a duration as Duration does, "forever", or "0".
func (a *Age) UnmarshalText(text []byte) error {
	switch string(text) {
	case "forever":
		*a = Forever
		return nil
	case "0":
		*a = 0
		return nil
	}
	var d Duration
	if err := d.UnmarshalText(text); errors.Is(err, errDuration) {
		return errAge
	} else if err != nil {
		return err
	}
	*a = Age(d)
	return nil
}

// String writes the age as the configuration does.
func (a Age) String() string {
	switch a {
	case Forever:
		return "forever"
	case 0:
		return "0"
	}
	return Duration(a).String()
}

// Size is a number of bytes as the configuration writes it: "25MiB" (2^20), "25MB"
// (10^6). A bare number is refused.
type Size int64

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	t := strings.TrimSpace(string(text))
	if isNumber(t) {
		return errSizeUnit
	}
	n, err := humanize.ParseBytes(t)
	if err != nil || n > math.MaxInt64 || strings.ContainsRune(t, ',') {
		return errSize
	}
	*s = Size(n)
	return nil
}

// String writes the size as the configuration does, in the largest unit that
// divides it.
func (s Size) String() string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	n, i := int64(s), 0
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n /= 1024
		i++
	}
	return strconv.FormatInt(n, 10) + units[i]
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return err == nil
}

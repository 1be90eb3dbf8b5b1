package config

import (
	"encoding"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// unit is one of the values that are written with a unit.
type unit interface {
	encoding.TextUnmarshaler
	fmt.Stringer
}

// FuzzUnits reads sizes, durations and ages: none is below zero, what is written reads
// as the same again, and the plain form of a number and its unit means their product.
func FuzzUnits(f *testing.F) {
	for _, seed := range []string{"25MiB", "1.5 GB", "0B", "9223372036854775807B", "16EiB", "1d12h", "30d", "1h0m", "36500d", "36500d1ns",
		"forever", "-1s", "+1s", "1e3s", ".5h", "1d-1h", "0x10B", "1_000kB", "nan", "inf", "9e18B", "٣d", "1,000B"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var size Size
		var duration Duration
		var age Age
		if read(t, text, &size, new(Size)) && size < 0 {
			t.Errorf("size %q: got %d", text, size)
		}
		if read(t, text, &duration, new(Duration)) && (duration < 0 || time.Duration(duration) > maxDays*day) {
			t.Errorf("duration %q: got %d", text, duration)
		}
		if read(t, text, &age, new(Age)) && age < 0 && age != Forever {
			t.Errorf("age %q: got %d", text, age)
		}
		if want, ok := product(text, map[string]int64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}, math.MaxInt64); ok && int64(size) != want {
			t.Errorf("size %q: got %d, want %d", text, size, want)
		}
		units := map[string]int64{"s": int64(time.Second), "m": int64(time.Minute), "h": int64(time.Hour), "d": int64(day)}
		if want, ok := product(text, units, maxDays*int64(day)); ok && int64(duration) != want {
			t.Errorf("duration %q: got %d, want %d", text, duration, want)
		}
	})
}

// read tells whether text is a value, and that what is written of it is the same one.
func read[T unit](t *testing.T, text string, value, again T) bool {
	t.Helper()
	if value.UnmarshalText([]byte(text)) != nil {
		return false
	}
	written := value.String()
	if err := again.UnmarshalText([]byte(written)); err != nil || again.String() != written {
		t.Errorf("%q is written as %q, and that reads as %q, %v", text, written, again.String(), err)
	}
	return true
}

var plainForm = regexp.MustCompile(`^(\d{1,12})([A-Za-z]+)$`)

// product is the value of a plain form, if it is one of these units and not too large.
func product(text string, units map[string]int64, most int64) (value int64, ok bool) {
	m := plainForm.FindStringSubmatch(text)
	if m == nil || units[m[2]] == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n > most/units[m[2]] {
		return 0, false
	}
	return n * units[m[2]], true
}

package config

import (
	"testing"
	"time"
)

func TestAge(t *testing.T) {
	for text, want := range map[string]Age{"forever": Forever, "30d": Age(30 * day), "1h": Age(time.Hour), "0": 0} {
		var got Age
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want || got.String() != text {
			t.Errorf("%q: got %v (%d) and error %v, want %d", text, got, got, err, want)
		}
	}
	for text, want := range map[string]error{"always": errAge, "-1h": errAge, "30": errDurationUnit, "": errAge} {
		var got Age
		if err := got.UnmarshalText([]byte(text)); err != want {
			t.Errorf("%q: got error %v, want %v", text, err, want)
		}
	}
}

func TestDuration(t *testing.T) {
	tests := map[string]struct {
		want  time.Duration
		shown string
		err   error
	}{
		"90s":      {want: 90 * time.Second, shown: "1m30s"},
		"1m":       {want: time.Minute, shown: "1m"},
		"1h":       {want: time.Hour, shown: "1h"},
		"1h0m5s":   {want: time.Hour + 5*time.Second, shown: "1h0m5s"},
		"0s":       {shown: "0s"},
		"30d":      {want: 30 * day, shown: "30d"},
		"1d12h":    {want: 36 * time.Hour, shown: "36h"},
		"24h":      {want: day, shown: "1d"},
		"36500d":   {want: maxDays * day, shown: "36500d"},
		"36501d":   {err: errDuration},
		"36500d1s": {err: errDuration},
		"9999999h": {err: errDuration},
		"30":       {err: errDurationUnit},
		"0":        {err: errDurationUnit},
		"-1":       {err: errDurationUnit},
		"1.5":      {err: errDurationUnit},
		"":         {err: errDuration},
		"d":        {err: errDuration},
		"-1s":      {err: errDuration},
		"+1s":      {err: errDuration},
		"-1d":      {err: errDuration},
		"1.5d":     {err: errDuration},
		"1h1d":     {err: errDuration},
		"1d1":      {err: errDuration},
		"soon":     {err: errDuration},
	}
	for text, test := range tests {
		t.Run(text, func(t *testing.T) {
			var got Duration
			err := got.UnmarshalText([]byte(text))
			if err != test.err || time.Duration(got) != test.want {
				t.Fatalf("got %v, %v, want %v, %v", time.Duration(got), err, test.want, test.err)
			}
			if err == nil && got.String() != test.shown {
				t.Errorf("written: got %s, want %s", got, test.shown)
			}
		})
	}
}

func TestSize(t *testing.T) {
	tests := map[string]struct {
		want  Size
		shown string
		err   error
	}{
		"25MiB":     {want: 25 << 20, shown: "25MiB"},
		"25 mib":    {want: 25 << 20, shown: "25MiB"},
		"25MB":      {want: 25e6, shown: "25000000B"},
		"1536KiB":   {want: 1536 << 10, shown: "1536KiB"},
		"1.5GiB":    {want: 1536 << 20, shown: "1536MiB"},
		"7B":        {want: 7, shown: "7B"},
		"0B":        {shown: "0B"},
		"25":        {err: errSizeUnit},
		" 25 ":      {err: errSizeUnit},
		"-25":       {err: errSizeUnit},
		"1e9":       {err: errSizeUnit},
		"":          {err: errSize},
		"MiB":       {err: errSize},
		"-1MiB":     {err: errSize},
		"1,5MiB":    {err: errSize},
		"1MiB/s":    {err: errSize},
		"9EiB":      {err: errSize},
		"999999EiB": {err: errSize},
	}
	for text, test := range tests {
		t.Run(text, func(t *testing.T) {
			var got Size
			err := got.UnmarshalText([]byte(text))
			if err != test.err || got != test.want {
				t.Fatalf("got %d, %v, want %d, %v", int64(got), err, int64(test.want), test.err)
			}
			if err == nil && got.String() != test.shown {
				t.Errorf("written: got %s, want %s", got, test.shown)
			}
		})
	}
}

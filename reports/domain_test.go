package reports

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/idna"
)

// TestNormalDomain compares NormalDomain with what IDNA alone makes of a domain.
func TestNormalDomain(t *testing.T) {
	words := []string{"a", "B", "example", ".", ".", "-", "--", "xn--", "XN--", "xn--mnchen-3ya", "ü", "ß", "。", " ", "_", "*", "\x00", "\xff", "1", strings.Repeat("x", 64)}
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		domain := ""
		for range r.IntN(6) {
			domain += words[r.IntN(len(words))]
		}
		want := strings.TrimSuffix(strings.TrimSpace(domain), ".")
		if ascii, err := idna.Lookup.ToASCII(want); err == nil {
			want = ascii
		} else {
			want = strings.ToLower(want)
		}
		if got := NormalDomain(domain); got != want {
			t.Errorf("%q: got %q, want %q", domain, got, want)
		}
	}
	for c := range 128 {
		domain := "a" + string(rune(c)) + "b.example"
		want := strings.ToLower(domain)
		if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
			want = ascii
		}
		if got := NormalDomain(domain); got != want {
			t.Errorf("%q: got %q, want %q", domain, got, want)
		}
	}
}

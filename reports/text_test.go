package reports

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestTexts holds the functions that look first to those that do not.
func TestTexts(t *testing.T) {
	words := []string{" ", " ", "a", "bc", "\t", "\r\n", "\u00a0", "\u0085", "é", "\xff", "\xa0", "\x00"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		text := ""
		for range r.IntN(6) {
			text += words[r.IntN(len(words))]
		}
		fields := strings.Fields(text)
		if got, want := withoutBlanks(text), strings.Join(fields, ""); got != want {
			t.Errorf("%q without blanks: got %q, want %q", text, got, want)
		}
		if got, want := singleSpaced(text), strings.Join(fields, " "); got != want {
			t.Errorf("%q single-spaced: got %q, want %q", text, got, want)
		}
		if got, want := validText(text), strings.ToValidUTF8(text, "\uFFFD"); got != want {
			t.Errorf("%q as valid text: got %q, want %q", text, got, want)
		}
	}
}

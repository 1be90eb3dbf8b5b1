package reports

import (
	"math/rand/v2"
	"regexp"
	"testing"
)

// declaredCharset is declared as a regular expression.
var declaredCharset = regexp.MustCompile(`<\?xml\s[^>]*?\bencoding\s*=\s*["']\s*([A-Za-z0-9._:-]+)\s*["']`)

// TestDeclaredCharset compares declared with the expression, for declarations made of
// what matters in them.
func TestDeclaredCharset(t *testing.T) {
	words := []string{"<?xml", "<?xml ", "?>", ">", " ", "\t", "\f", "\v", "encoding", "encoding=", "=", "'", `"`, "utf-8", "é", "_", "x", "'a.b:1'"}
	r := rand.New(rand.NewPCG(1, 2))
	matched := 0
	for range 200_000 {
		head := ""
		for range r.IntN(4) {
			head += words[r.IntN(len(words))]
		}
		if r.IntN(2) == 0 {
			head = "<?xml version='1.0' " + head + "encoding='"
		}
		for range r.IntN(5) {
			head += words[r.IntN(len(words))]
		}
		want := ""
		if match := declaredCharset.FindStringSubmatch(head); match != nil {
			want = match[1]
			matched++
		}
		if got := string(declared([]byte(head))); got != want {
			t.Errorf("%q: got %q, want %q", head, got, want)
		}
	}
	if matched < 1000 {
		t.Errorf("got %d declarations, want more to compare", matched)
	}
}

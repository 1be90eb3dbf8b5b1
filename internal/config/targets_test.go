package config

import (
	"fmt"
	"testing"
)

func TestTargetsMatch(t *testing.T) {
	list := []Target{{Domain: "example.com"}, {Domain: "mail.example.com"}, {Domain: "Bücher.example"}}
	tests := map[string]struct {
		domain   string
		target   string // "" for none
		wildcard string // the same when "*" is a target, too
	}{
		"itself":              {"example.com", "example.com", "example.com"},
		"other letters":       {" EXAMPLE.Com. ", "example.com", "example.com"},
		"below":               {"a.b.example.com", "example.com", "example.com"},
		"the nearest":         {"x.mail.example.com", "mail.example.com", "mail.example.com"},
		"above":               {"com", "", "*"},
		"beside":              {"notexample.com", "", "*"},
		"as a prefix":         {"example.com.example.net", "", "*"},
		"U-label":             {"www.bücher.example", "xn--bcher-kva.example", "xn--bcher-kva.example"},
		"A-label":             {"xn--bcher-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example"},
		"nothing":             {"", "", ""},
		"only a dot":          {".", "", ""},
		"the star is no name": {"*.example.net", "", "*"},
	}
	listed, open := NewTargets(list), NewTargets(append(list, Target{Domain: Wildcard}))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, try := range []struct {
				set  *Targets
				want string
			}{{listed, test.target}, {open, test.wildcard}} {
				got, ok := try.set.Match(test.domain)
				if got != try.want || ok != (try.want != "") {
					t.Errorf("wildcard %t: got %q, %t, want %q", try.set.Wildcard(), got, ok, try.want)
				}
			}
		})
	}
	if got := open.Len(); got != 4 {
		t.Errorf("got %d targets, want 4", got)
	}
}

func BenchmarkTargetsMatch(b *testing.B) {
	var list []Target
	for i := range 10_000 {
		list = append(list, Target{Domain: fmt.Sprintf("d%d.example", i)})
	}
	targets := NewTargets(list)
	for b.Loop() {
		if _, ok := targets.Match("mail.d9999.example"); !ok {
			b.Fatal("not found")
		}
	}
}

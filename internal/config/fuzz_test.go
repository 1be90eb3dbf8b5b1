package config

import (
	"errors"
	"os"
	"testing"
)

// FuzzParse: no file makes the program panic, and each error names its file.
func FuzzParse(f *testing.F) {
	file, err := os.ReadFile(example)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(file))
	f.Add(least)
	f.Add("target = [{domain = 'example.com', more = {a = [1, {b = 2}]}}]\n\"a.b\".c = 1979-05-27\n")
	f.Add("[[target]]\n[target.sub]\n[[target.sub.list]]\nx = \"\"\"\n\n\"\"\"\n[limits]\nidle = inf")
	f.Add("limits.idle = 9e99\nsmtp = {listen = [], listen2 = [[]]}\n'' = ''")
	f.Fuzz(func(t *testing.T, file string) {
		_, err := parse([]byte(file), "c.toml")
		var wrong Errors
		if err != nil && !errors.As(err, &wrong) {
			t.Fatalf("got %T %v, want Errors", err, err)
		}
		for _, e := range wrong {
			if e.Where == "" || e.Problem == "" || e.Line < 0 {
				t.Errorf("got %#v, want where and what", e)
			}
		}
	})
}

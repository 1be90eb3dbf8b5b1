package config

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const example = "../../config.example.toml"

// meant is a line of the example that shows a default.
var meant = regexp.MustCompile(`(?m)^# ([a-z_]+ = .*)$`)

// uncomment makes a file of all that the example shows.
func uncomment(file []byte) []byte {
	file = meant.ReplaceAll(file, []byte("$1"))
	return bytes.Replace(file, []byte("# [[schedule]]"), []byte("[[schedule]]"), 1)
}

func TestExampleShowsTheDefaults(t *testing.T) {
	file, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	asItIs, err := parse(file, "config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	shorter, err := parse([]byte(least), "shortest file")
	if err != nil {
		t.Fatal(err)
	}
	uncommented, err := parse(uncomment(file), "uncommented example")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asItIs, shorter, equal); diff != "" {
		t.Errorf("the example changes a default: got (-) want (+):\n%s", diff)
	}
	scheduled, err := parse([]byte(least+"\n[[schedule]]\nname = \"daily\"\n"), "shortest file with a schedule")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(uncommented, scheduled, equal); diff != "" {
		t.Errorf("a commented line is not the default: got (-) want (+):\n%s", diff)
	}
}

func TestExampleHasEveryOption(t *testing.T) {
	file, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	layout := readLayout(uncomment(file))
	var got, want []string
	for _, p := range layout.places {
		if p.shape == value {
			got = append(got, p.path)
		}
	}
	for _, o := range defaults().options() {
		if o.key == "target" {
			want = append(want, "target.0.domain", "target.0.sends_mail")
			continue
		}
		if o.key == "schedule" {
			for _, key := range scheduleKeys {
				want = append(want, strings.Replace(key, ".", ".0.", 1))
			}
			continue
		}
		want = append(want, o.key)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("options of the example: got (-) want (+):\n%s", diff)
	}
}

// The sections of the example say what an option is for, so none stands there
// without a comment before it.
func TestExampleExplainsEveryOption(t *testing.T) {
	file, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(file), "\n\n")
	for _, block := range blocks {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		for strings.HasPrefix(lines[0], "[") && len(lines) > 1 {
			lines = lines[1:]
		}
		if meant.MatchString(lines[0]) {
			t.Errorf("%q has no words before it", lines[0])
		}
	}
}

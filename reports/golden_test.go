package reports

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the want.json of every golden folder")

// golden compares got, as JSON, with want.json in dir; -update rewrites it.
func golden(t *testing.T, dir string, got any) {
	t.Helper()
	text := jsonText(t, got)
	file := filepath.Join(dir, "want.json")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, string(want)); diff != "" {
		t.Errorf("%s differs (- got, + want):\n%s", dir, diff)
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// goldenFolders returns the folders below testdata/kind.
func goldenFolders(t *testing.T, kind string) []string {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join("testdata", kind, "*"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no folders in testdata/%s: %v", kind, err)
	}
	return folders
}

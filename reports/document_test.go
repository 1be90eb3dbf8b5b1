package reports

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// documentSummary is what want.json holds of a bare document: all that was read.
type documentSummary struct {
	Reports    []documentReport
	Unreadable []Unreadable
}

type documentReport struct {
	Kind        Kind
	Part        string
	ContentHash string
	Warnings    []Warning
	Aggregate   *Aggregate `json:",omitempty"`
	TLS         *TLS       `json:",omitempty"`
}

func summariseDocuments(found Found) documentSummary {
	s := documentSummary{Unreadable: found.Unreadable}
	for _, r := range found.Reports {
		s.Reports = append(s.Reports, documentReport{
			Kind: r.Kind, Part: r.Part, ContentHash: hex.EncodeToString(r.ContentHash[:]), Warnings: r.Warnings,
			Aggregate: r.Aggregate, TLS: r.TLS,
		})
	}
	return s
}

// readDocument returns the one file of a golden folder that is no README and no
// want.json, and its name.
func readDocument(t *testing.T, dir string) (data []byte, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "README" && e.Name() != "want.json" {
			name = e.Name()
		}
	}
	data, err = os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data, name
}

func TestDocuments(t *testing.T) {
	for _, kind := range []string{"aggregate", "tls", "unpack"} {
		for _, dir := range goldenFolders(t, kind) {
			t.Run(kind+"/"+filepath.Base(dir), func(t *testing.T) {
				data, name := readDocument(t, dir)
				var found Found
				readBlob(bytes.NewReader(data), "1", name, newBudget(Limits{}), &found)
				golden(t, dir, summariseDocuments(found))
			})
		}
	}
}

// TestDocumentByByte holds that it makes no difference in which pieces a document
// arrives.
func TestDocumentByByte(t *testing.T) {
	for _, kind := range []string{"aggregate", "tls", "unpack"} {
		for _, dir := range goldenFolders(t, kind) {
			t.Run(kind+"/"+filepath.Base(dir), func(t *testing.T) {
				data, name := readDocument(t, dir)
				var whole, pieces Found
				readBlob(bytes.NewReader(data), "1", name, newBudget(Limits{}), &whole)
				readBlob(oneByte{strings.NewReader(string(data))}, "1", name, newBudget(Limits{}), &pieces)
				if diff := cmp.Diff(jsonText(t, pieces), jsonText(t, whole)); diff != "" {
					t.Errorf("differs (- pieces, + whole):\n%s", diff)
				}
			})
		}
	}
}

func TestHasFeedbackTag(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"<feedback>", true},
		{"x <feedback\n xmlns=''", true},
		{"<feedback/>", true},
		{"<a:feedback >", true},
		{"<feedback:feedback>", true},
		{"</feedback> <feedback>", true},
		{"", false},
		{"<feedback", false},
		{"</feedback>", false},
		{"feedback ", false},
		{"<feedbacks>", false},
		{"<userfeedback>", false},
		{"<:feedback>", false},
		{"<1:feedback>", false},
		{"a:feedback ", false},
	}
	for _, tt := range tests {
		if got := hasFeedbackTag([]byte(tt.text)); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.text, got, tt.want)
		}
	}
}

package reports

import (
	"math/rand/v2"
	"path"
	"regexp"
	"strings"
	"testing"
)

func TestReportFileName(t *testing.T) {
	tests := []struct {
		name string
		want bool
	}{
		{"mail.example!example.com!1767225600!1767311999.xml", true},
		{"mail.example!example.com!1767225600!1767311999!7f.xml.gz", true},
		{"mail.example!example.com!1767225600!1767311999!.zip", true},
		{"MAIL.EXAMPLE!EXAMPLE.COM!1767225600!1767311999.XML.ZIP", true},
		{"mail.example!example.com!\r\n 1767225600!1767311999!001.json.gz", true},
		{"inbox/mail.example!example.com!1767225600!1767311999.gz", true},
		{`C:\reports\mail.example!example.com!1767225600!1767311999.gz`, true},
		{"!example.com!1767225600!1767311999.xml", true},
		{"mail.example!example.com!monday!tuesday.xml", false},
		{"mail.example!example.com!1767225600.xml", false},
		{"mail.example!example.com!1767225600!1767311999.pdf", false},
		{"mail.example!example.com!1767225600!1767311999", false},
		{"report.zip", false},
		{"", false},
	}
	for _, tt := range tests {
		if got := reportFileName(tt.name); got != tt.want {
			t.Errorf("reportFileName(%q): got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// reportName is reportFileName as a regular expression, which takes ten times as long.
var reportName = regexp.MustCompile(`(?i)^[^!]*![^!]+!\d+!\d+(![^!]*?)?(\.(xml|json|gz|gzip|zip))+$`)

// TestReportNames compares reportFileName with the expression, for names made of what
// matters in them.
func TestReportNames(t *testing.T) {
	words := []string{"!", "!", "!", "a", "1", "2", ".xml", ".XML", ".gz", ".gzip", ".zip", ".json", ".", "x", " ", "/", `\`, "\xff", "é", "!1!2", "a!b!1!2"}
	r := rand.New(rand.NewPCG(1, 2))
	matched := 0
	for range 200_000 {
		name := ""
		for range r.IntN(8) {
			name += words[r.IntN(len(words))]
		}
		plain := path.Base(strings.ReplaceAll(strings.Join(strings.Fields(name), ""), `\`, "/"))
		want := reportName.MatchString(plain)
		if got := reportFileName(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
		if want {
			matched++
		}
	}
	if matched < 1000 {
		t.Errorf("got %d names of reports, want more to compare", matched)
	}
}

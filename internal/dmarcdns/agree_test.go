package dmarcdns

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reportmx/internal/dmarcdns/dnstest"
)

// For one name the check and the list of records name the same record.
func TestRecordsAgreeWithCheck(t *testing.T) {
	files, _ := filepath.Glob("testdata/check/*.txt")
	compared := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		if name == "name-too-long" {
			continue // has no records
		}
		zone, _ := readCase(t, file)
		t.Run(name, func(t *testing.T) {
			client := newClient(t, dnstest.Start(t, zone))
			target := Target{Domain: domainOf(t, file), SendsMail: !strings.Contains(name, "never")}
			wanted, _ := Want(t.Context(), client, target)
			records, err := Records(Setup{Host: Host{Name: "mx.example.net"}, Ours: testAddresses, Targets: []Wanted{wanted}})
			if err != nil {
				t.Fatal(err)
			}
			listed := map[string]string{}
			for _, r := range records {
				listed[r.Name+". "+r.Type] = r.String()
			}
			checker := Checker{DNS: client, Ours: testAddresses}
			for _, f := range checker.Check(t.Context(), target).Findings {
				for line := range strings.Lines(strings.TrimPrefix(f.Publish, "only one: ")) {
					line = strings.TrimSpace(line)
					at, _, _ := strings.Cut(line, ` "`)
					if other, ok := listed[at]; ok {
						compared++
						if essence(line) != essence(other) {
							t.Errorf("%s: the check has\n%s, the list\n%s", f.Code, line, other)
						}
					}
				}
			}
		})
	}
	if compared < 40 {
		t.Errorf("%d records compared, want more", compared)
	}
}

// essence is a line without what the two are to differ in: the list asks for failure
// reports and keeps every tag, the check repairs.
func essence(line string) string {
	at, text, found := strings.Cut(line, ` "`)
	rec, err := ParseRecord(strings.TrimSuffix(strings.ReplaceAll(text, `" "`, ""), `"`))
	if !found || err != nil {
		return line
	}
	rec.Tags = slices.DeleteFunc(rec.Tags, func(t Tag) bool { return slices.Contains([]string{"ruf", "fo", "pct", "rf", "ri"}, t.Name) })
	return at + " " + rec.text()
}

package dmarcdns

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"reportmx/internal/dmarcdns/dnstest"
)

var update = flag.Bool("update", false, "write the findings into testdata/check")

var testAddresses = Addresses{ReportDomain: "reports.example.net", Aggregate: []string{"dmarc"}, Failure: []string{"ruf"}}

// Each file of testdata/check is what the owner of example.com did (its first line),
// the zone, and in want the findings, a line each, the same over UDP and TCP. "never" in the name: the domain
// never sends mail.
func TestCheck(t *testing.T) {
	files, err := filepath.Glob("testdata/check/*.txt")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d zones, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		zone, want := readCase(t, file)
		for _, network := range []string{"udp", "tcp"} {
			t.Run(name+"/"+network, func(t *testing.T) {
				t.Parallel()
				srv := dnstest.Start(t, zone)
				if network == "tcp" {
					srv.OnlyTCP()
				}
				got := findings(t, srv, Target{Domain: domainOf(t, file), SendsMail: !strings.Contains(name, "never")})
				if *update && network == "udp" {
					writeCase(t, file, got)
					return
				}
				if got != want {
					t.Errorf("got:\n%swant:\n%s", got, want)
				}
			})
		}
	}
}

// domainOf is the domain to check: the comment's last word, or example.com.
func domainOf(t *testing.T, file string) string {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, domain, ok := strings.Cut(string(archive.Comment), "domain: "); ok {
		return strings.TrimSpace(domain)
	}
	return "example.com"
}

func writeCase(t *testing.T, file, want string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	archive.Files[1].Data = []byte(want)
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

func findings(t *testing.T, srv *dnstest.Server, target Target) string {
	t.Helper()
	client, err := New(Config{Servers: []string{srv.Addr}, Try: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	checker := Checker{DNS: client, Ours: testAddresses}
	result := checker.Check(t.Context(), target)
	var b strings.Builder
	for _, f := range result.Findings {
		line := f.String()
		line = strings.ReplaceAll(line, srv.Addr, "ADDR")
		b.WriteString(f.Code + "\n  " + line + "\n")
		if f.What == "" || f.Why == "" || f.Publish == "" && f.Severity == Wrong && f.Code != "not_a_domain" {
			t.Errorf("finding without words: %+v", f)
		}
	}
	return b.String()
}

// What a finding says to publish heals the zone: published, it leaves no finding.
func TestCheckHeals(t *testing.T) {
	files, _ := filepath.Glob("testdata/check/*.txt")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		if strings.Contains(name, "unknown-") || name == "name-too-long" {
			continue // nothing to publish
		}
		zone, _ := readCase(t, file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := dnstest.Start(t, zone)
			client, err := New(Config{Servers: []string{srv.Addr}})
			if err != nil {
				t.Fatal(err)
			}
			checker := Checker{DNS: client.Fresh(), Ours: testAddresses}
			target := Target{Domain: domainOf(t, file), SendsMail: !strings.Contains(name, "never")}
			for _, f := range checker.Check(t.Context(), target).Findings {
				zone = publish(zone, f.Publish)
			}
			srv.Set(t, zone)
			for _, f := range checker.Check(t.Context(), target).Findings {
				t.Errorf("still %s in\n%s", f, zone)
			}
		})
	}
}

// publish puts lines in place of all texts at their names.
func publish(zone, lines string) string {
	for line := range strings.Lines(strings.TrimPrefix(lines, "only one: ")) {
		line = strings.TrimSpace(line)
		name := strings.TrimSuffix(strings.Fields(line)[0], ".")
		var kept []string
		for old := range strings.Lines(zone) {
			if !strings.HasPrefix(old, name+" TXT ") && !strings.HasPrefix(old, name+". TXT ") {
				kept = append(kept, strings.TrimSpace(old))
			}
		}
		zone = strings.Join(append(kept, line), "\n") + "\n"
	}
	return zone
}

func TestWorst(t *testing.T) {
	tests := []struct {
		name string
		have []Severity
		want Severity
	}{
		{"none", nil, ""},
		{"warning", []Severity{Warning}, Warning},
		{"unknown behind warning", []Severity{Warning, Uncertain, Warning}, Uncertain},
		{"wrong behind unknown", []Severity{Uncertain, Wrong, Warning}, Wrong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Result
			for _, s := range tt.have {
				r.Findings = append(r.Findings, Finding{Severity: s})
			}
			if got := r.Worst(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// What a stranger published reaches the terminal only in quotes.
func TestFindingsAreQuoted(t *testing.T) {
	got := findings(t, dnstest.Start(t, `_dmarc.example.com TXT "v=DMARC1; p=\027[31mred; x\027[0m=1; rua=mail:\027@reports.example.net; \027@"
example.com._report._dmarc.reports.example.net TXT "v=dmarc1\027"`), Target{Domain: "example.com", SendsMail: true})
	if strings.ContainsRune(got, 0x1b) {
		t.Errorf("an escape character in %q", got)
	}
	if n := strings.Count(got, `\x1b`); n < 4 {
		t.Errorf("%d quoted escapes in\n%s", n, got)
	}
}

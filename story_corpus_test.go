package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpusConfig serves every domain and asks no DNS about reports.
const corpusConfig = `
[smtp]
hostname = "mx.example.net"
listen = ["127.0.0.1:0"]
[report]
domain = "reports.example.net"
[[target]]
domain = "*"
[authorization]
mode = "off"
[dns]
servers = ["127.0.0.1:9"]
budget = "1s"
[limits]
per_address = 100
per_minute = 100000
[storage]
dir = "data"
[failure]
redact = false
`

// sample is one file of the corpus with what a correct reader finds in it.
type sample struct {
	path     string // kind/file
	message  []byte // as a mail with CRLF line ends
	expected expectation
}

// expectation is the part of an expected file that shows in replies and exports.
type expectation struct {
	Kind          string `json:"kind"`
	Level         string `json:"level"`
	Unparseable   bool   `json:"unparseable"`
	OrgName       string `json:"org_name"`
	ReportID      string `json:"report_id"`
	Begin         int64  `json:"begin"`
	StartUnix     int64  `json:"start_unix"`
	IsAuthFailure bool   `json:"is_auth_failure"`
	FeedbackType  string `json:"feedback_type"`
	SourceIP      string `json:"source_ip"`
	MailFrom      string `json:"original_mail_from"`
	Embedded      struct {
		Subject string `json:"subject"`
	} `json:"embedded"`
	Policy struct {
		Domain string `json:"domain"`
	} `json:"policy"`
	Records []struct {
		SourceIP    string `json:"source_ip"`
		Count       int64  `json:"count"`
		Disposition string `json:"disposition"`
		DKIM        string `json:"dkim"`
		SPF         string `json:"spf"`
		HeaderFrom  string `json:"header_from"`
	} `json:"records"`
	Policies []struct {
		Domain     string `json:"policy_domain"`
		Successful int64  `json:"successful"`
		Failed     int64  `json:"failed"`
	} `json:"policies"`
}

// identity tells samples apart that one store would take for the same report.
func (e *expectation) identity() string {
	if e.Unparseable {
		return ""
	}
	return strings.ToLower(fmt.Sprint(e.Kind, "|", e.OrgName, "|", e.ReportID, "|", e.Policy.Domain, "|", e.Begin+e.StartUnix, "|", e.MailFrom, "|", e.Embedded.Subject))
}

// lines is what the exports must hold of the sample, one line a record.
func (e *expectation) lines() []string {
	var lines []string
	switch e.Kind {
	case "aggregate":
		for _, r := range e.Records {
			lines = append(lines, recordLine(e.OrgName, e.ReportID, e.Policy.Domain, r.SourceIP, r.Count, r.Disposition, r.DKIM, r.SPF, r.HeaderFrom))
		}
	case "tlsrpt":
		for _, p := range e.Policies {
			lines = append(lines, recordLine(e.OrgName, e.ReportID, p.Domain, p.Successful, p.Failed))
		}
	case "failure":
		lines = append(lines, recordLine(e.FeedbackType, e.SourceIP, e.MailFrom, e.Embedded.Subject))
	}
	return lines
}

// recordLine spells fields so that lines compare as the corpus asks: without case.
func recordLine(fields ...any) string {
	line, _ := json.Marshal(fields) // strings and numbers: cannot fail
	return strings.ToLower(string(line))
}

// TestStoryCorpus sends every sample through a real SMTP client to the program,
// sends all of it again, and restarts: replies are those of the verdict table, and
// the exports hold exactly the expected records.
func TestStoryCorpus(t *testing.T) {
	corpus := os.Getenv("REPORTMX_CORPUS")
	if corpus == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("REPORTMX_CORPUS is not set")
		}
		t.Log("REPORTMX_CORPUS is not set: no corpus, no story")
		return
	}
	rounds := roundsOf(readSamples(t, corpus))
	total := 0
	for i, round := range rounds {
		t.Run(fmt.Sprintf("round %d", i+1), func(t *testing.T) { playRound(t, round) })
		total += len(round)
	}
	t.Logf("%d samples in %d rounds", total, len(rounds))
}

func playRound(t *testing.T, round []sample) {
	s := &server{dir: t.TempDir(), config: "config.toml"}
	if err := os.WriteFile(filepath.Join(s.dir, s.config), []byte(corpusConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.start(nil); err != nil {
		t.Fatal(err)
	}
	defer s.kill()

	var want []string
	again := make(map[string]string) // reply to the second pass
	for _, smp := range round {
		reply := s.mustSend(t, smp)
		outcome := smp.judge(reply)
		switch outcome {
		case "stored":
			want = append(want, smp.expected.lines()...)
			again[smp.path] = "250 2.0.0 already have it"
		case "held":
			again[smp.path] = "250 2.0.0 kept for inspection"
		case "refused":
			again[smp.path] = reply[:len("554 5.6.0 no")]
		default:
			t.Errorf("%s: got %q, which is no right reply for %s %s", smp.path, reply, smp.expected.Kind, smp.expected.Level)
		}
	}
	exported := s.export(t)
	slices.Sort(want)
	if d := cmp.Diff(want, exportLines(t, exported)); d != "" {
		t.Errorf("exports differ (-want +got):\n%s", d)
	}
	for _, smp := range round {
		if reply := s.mustSend(t, smp); again[smp.path] != "" && !strings.HasPrefix(reply, again[smp.path]) {
			t.Errorf("%s, sent again: got %q, want %q", smp.path, reply, again[smp.path])
		}
	}
	if d := cmp.Diff(exported, s.export(t)); d != "" {
		t.Errorf("the second pass changed the exports:\n%s", d)
	}
	if code, err := s.stop(syscall.SIGTERM); code != 0 || err != nil {
		t.Errorf("SIGTERM: exit code %d, %v\n%s", code, err, s.log.String())
	}
	if err := s.start(nil); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(exported, s.export(t)); d != "" {
		t.Errorf("the restart changed the exports:\n%s", d)
	}
}

// judge tells from the reply what became of a sample, "" for a wrong answer.
func (s *sample) judge(reply string) string {
	outcome := ""
	switch {
	case strings.HasPrefix(reply, "250 2.0.0 report stored"):
		outcome = "stored"
	case strings.HasPrefix(reply, "250 2.0.0 kept for inspection"):
		outcome = "held"
	case strings.HasPrefix(reply, "554 5.6.0 "):
		outcome = "refused"
	}
	e := &s.expected
	var right []string
	switch {
	case e.Unparseable:
		right = []string{"refused", "held"}
	case e.Level == "should":
		right = []string{"stored", "held"}
	case e.Kind == "failure" && !e.IsAuthFailure:
		right = []string{"refused"}
	default:
		right = []string{"stored"}
	}
	if !slices.Contains(right, outcome) {
		return ""
	}
	return outcome
}

func (s *server) mustSend(t *testing.T, smp sample) string {
	t.Helper()
	reply, err := s.send("reports@receiver.example", "dmarc@reports.example.net", smp.message)
	if err != nil {
		t.Fatalf("%s: %v\n%s", smp.path, err, s.log.String())
	}
	return reply
}

// export gives the NDJSON of all kinds.
func (s *server) export(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, kind := range []string{"aggregate", "failure", "tls"} {
		cmd := exec.Command("reportmx", "export", kind, "--format", "ndjson", "--config", s.config)
		cmd.Dir = s.dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("export %s: %v", kind, err)
		}
		all.Write(out)
	}
	return all.String()
}

// exportLines are the same lines as expectation.lines, from what was exported.
func exportLines(t *testing.T, ndjson string) []string {
	t.Helper()
	var lines []string
	for text := range strings.Lines(ndjson) {
		var r exportedReport
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatalf("export is no JSON: %v: %s", err, text)
		}
		lines = append(lines, r.lines()...)
	}
	slices.Sort(lines)
	return lines
}

// exportedReport is the part of an exported report that is compared.
type exportedReport struct {
	Kind   string `json:"kind"`
	Report struct {
		OrgName         string `json:"org_name"`
		Organization    string `json:"organization_name"`
		ReportID        string `json:"report_id"`
		FeedbackType    string `json:"feedback_type"`
		SourceIP        string `json:"source_ip"`
		MailFrom        string `json:"original_mail_from"`
		PolicyPublished struct {
			Domain string `json:"domain"`
		} `json:"policy_published"`
		Records []struct {
			SourceIP        string `json:"source_ip"`
			Count           int64  `json:"count"`
			PolicyEvaluated struct {
				Disposition string `json:"disposition"`
				DKIM        string `json:"dkim"`
				SPF         string `json:"spf"`
			} `json:"policy_evaluated"`
			Identifiers struct {
				HeaderFrom string `json:"header_from"`
			} `json:"identifiers"`
		} `json:"records"`
		Policies []struct {
			Domain     string `json:"policy_domain"`
			Successful int64  `json:"successful"`
			Failed     int64  `json:"failed"`
		} `json:"policies"`
		Sample struct {
			Subject string `json:"subject"`
		} `json:"sample"`
	} `json:"report"`
}

func (x *exportedReport) lines() []string {
	var lines []string
	r := &x.Report
	switch x.Kind {
	case "aggregate":
		for _, rec := range r.Records {
			p := rec.PolicyEvaluated
			lines = append(lines, recordLine(r.OrgName, r.ReportID, r.PolicyPublished.Domain, rec.SourceIP, rec.Count, p.Disposition, p.DKIM, p.SPF, rec.Identifiers.HeaderFrom))
		}
	case "tls":
		for _, p := range r.Policies {
			lines = append(lines, recordLine(r.Organization, r.ReportID, p.Domain, p.Successful, p.Failed))
		}
	case "failure":
		lines = append(lines, recordLine(r.FeedbackType, r.SourceIP, r.MailFrom, r.Sample.Subject))
	}
	return lines
}

// readSamples reads every file that has an expectation.
func readSamples(t *testing.T, corpus string) []sample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpus, "expected", "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples in %s (%v)", corpus, err)
	}
	var samples []sample
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := sample{path: filepath.Join(filepath.Base(filepath.Dir(file)), strings.TrimSuffix(filepath.Base(file), ".json"))}
		if err := json.Unmarshal(text, &s.expected); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		data, err := os.ReadFile(filepath.Join(corpus, s.path))
		if err != nil {
			t.Fatal(err)
		}
		s.message = asMail(s.path, data)
		samples = append(samples, s)
	}
	return samples
}

// asMail makes line ends CRLF, and wraps a bare document in a mail.
func asMail(path string, data []byte) []byte {
	if !strings.HasSuffix(path, ".eml") {
		var b bytes.Buffer
		fmt.Fprintf(&b, "From: reports@receiver.example\r\nSubject: a document\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n", filepath.Base(path))
		text := base64.StdEncoding.EncodeToString(data)
		for len(text) > 76 {
			b.WriteString(text[:76] + "\r\n")
			text = text[76:]
		}
		b.WriteString(text + "\r\n")
		return b.Bytes()
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	return bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
}

// roundsOf spreads samples over stores so that none holds two of one identity.
func roundsOf(samples []sample) [][]sample {
	var rounds [][]sample
	var seen []map[string]bool
	for _, s := range samples {
		id := s.expected.identity()
		i := slices.IndexFunc(seen, func(ids map[string]bool) bool { return id == "" || !ids[id] })
		if i < 0 {
			i = len(rounds)
			rounds, seen = append(rounds, nil), append(seen, make(map[string]bool))
		}
		rounds[i] = append(rounds[i], s)
		seen[i][id] = true
	}
	return rounds
}

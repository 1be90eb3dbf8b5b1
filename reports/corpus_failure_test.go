package reports

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wantFailure is what the corpus expects of a failure report; null and "" count
// as equal.
type wantFailure struct {
	Level         string `json:"level"`
	Unparseable   bool   `json:"unparseable"`
	IsAuthFailure bool   `json:"is_auth_failure"`

	FeedbackType      string   `json:"feedback_type"`
	Version           string   `json:"version"`
	UserAgent         string   `json:"user_agent"`
	AuthFailure       string   `json:"auth_failure"`
	SourceIP          string   `json:"source_ip"`
	SourceIPRaw       string   `json:"source_ip_raw"`
	SourcePort        int      `json:"source_port"`
	ReportedDomain    []string `json:"reported_domain"`
	ArrivalDate       string   `json:"arrival_date"`
	ArrivalDateUnix   *int64   `json:"arrival_date_unix"`
	ArrivalDateField  string   `json:"arrival_date_field"`
	DeliveryResult    string   `json:"delivery_result"`
	IdentityAlignment string   `json:"identity_alignment"`
	MailFrom          string   `json:"original_mail_from"`
	RcptTo            []string `json:"original_rcpt_to"`
	EnvelopeID        string   `json:"original_envelope_id"`
	DKIMDomain        string   `json:"dkim_domain"`
	DKIMIdentity      string   `json:"dkim_identity"`
	DKIMSelector      string   `json:"dkim_selector"`
	SPFDNS            []string `json:"spf_dns"`
	Incidents         *int64   `json:"incidents"`
	ReportedURI       []string `json:"reported_uri"`
	AuthResults       []string `json:"authentication_results"`

	Embedded struct {
		PartType    string `json:"part_type"`
		Subject     string `json:"subject"`
		From        string `json:"from"`
		To          string `json:"to"`
		MessageID   string `json:"message_id"`
		Date        string `json:"date"`
		Interrupted bool   `json:"interrupted"`
	} `json:"embedded"`
	Mail wantMail `json:"mail"`
}

// wantMail is what the corpus expects of the header of the mail itself.
type wantMail struct {
	From      string `json:"from"`
	To        string `json:"to"`
	Subject   string `json:"subject"`
	MessageID string `json:"message_id"`
}

// TestCorpusFailure reads the failure reports of the folder that REPORTMX_CORPUS
// names and compares every field.
func TestCorpusFailure(t *testing.T) {
	dir := os.Getenv("REPORTMX_CORPUS")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("REPORTMX_CORPUS is not set")
		}
		t.Log("REPORTMX_CORPUS is not set: no failure reports of the corpus compared")
		return
	}
	files, err := filepath.Glob(filepath.Join(dir, "expected", "failure", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no expected failure reports in %s: %v", dir, err)
	}
	counts := map[string]int{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		outcome := compareFailure(t, name, readJSON(t, file), filepath.Join(dir, "failure", name))
		counts[outcome]++
	}
	for _, outcome := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("failure: %s: %d", outcome, counts[outcome])
	}
}

func readJSON(t *testing.T, file string) wantFailure {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want wantFailure
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return want
}

// compareFailure returns what became of one sample, in words to count.
func compareFailure(t *testing.T, name string, want wantFailure, file string) string {
	t.Helper()
	message, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := FindFile(message, name, Limits{})
	got := failureOf(t, message, found)
	switch {
	case want.Unparseable:
		if len(found.Reports) > 0 {
			t.Errorf("%s: got a report, want none", name)
			return "unparseable, wrong"
		}
		return "unparseable, refused"
	case got == nil && want.Level == "should":
		if len(found.Unreadable) == 0 {
			t.Errorf("%s: got nothing, want a report or a refusal", name)
		}
		return "should, refused"
	case got == nil:
		t.Errorf("%s: got no report: %+v", name, found.Unreadable)
		return want.Level + ", wrong"
	}
	if kept := len(found.Reports) == 1; kept != want.IsAuthFailure {
		t.Errorf("%s: is_auth_failure: got %v, want %v", name, kept, want.IsAuthFailure)
	}
	ok := true
	deviate := func(field, got, want string) {
		if got != want {
			ok = false
			t.Errorf("%s: %s: got %q, want %q", name, field, got, want)
		}
	}
	compareFields(deviate, got, &want)
	compareSample(deviate, &got.Sample, &want)
	compareMail(deviate, &found.Header, &want.Mail)
	if !ok {
		return want.Level + ", wrong"
	}
	return want.Level + ", right"
}

// failureOf returns the failure report, one of another feedback type too, which
// Find only names.
func failureOf(t *testing.T, message []byte, found Found) *Failure {
	t.Helper()
	if len(found.Reports) == 1 {
		return found.Reports[0].Failure
	}
	f := &finder{budget: newBudget(Limits{})}
	top := f.read(trimEnvelopeLine(message), "", "", 0)
	if top == nil {
		return nil
	}
	return feedbackIn(t, f, top)
}

func feedbackIn(t *testing.T, f *finder, e *entity) *Failure {
	t.Helper()
	if isMessageType(e.contentType.value) {
		if e = f.read(trimEnvelopeLine(decoded(e)), "", "", e.depth+1); e == nil {
			return nil
		}
	}
	parts, _ := f.split(e)
	markFeedback(e, parts)
	for i, part := range parts {
		if part.feedback {
			r, err := readFailure(decoded(part), sampleOf(parts, i))
			if err != nil {
				t.Errorf("read feedback report: %v", err)
				return nil
			}
			return r.Failure
		}
		if found := feedbackIn(t, f, part); found != nil {
			return found
		}
	}
	return nil
}

func compareFields(deviate func(field, got, want string), got *Failure, want *wantFailure) {
	list := func(values []string) string { return strings.Join(values, "\n") }
	deviate("feedback_type", got.FeedbackType, want.FeedbackType)
	deviate("version", got.Version, want.Version)
	deviate("user_agent", got.UserAgent, want.UserAgent)
	deviate("auth_failure", got.AuthFailure, want.AuthFailure)
	ip := ""
	if got.SourceIP.IsValid() {
		ip = got.SourceIP.String()
	}
	deviate("source_ip", ip, want.SourceIP)
	deviate("source_ip_raw", got.SourceIPText, want.SourceIPRaw)
	deviate("source_port", fmt.Sprint(got.SourcePort), fmt.Sprint(want.SourcePort))
	deviate("reported_domain", strings.ToLower(list(got.ReportedDomains)), strings.ToLower(list(want.ReportedDomain)))
	deviate("arrival_date", got.ArrivalDateText, want.ArrivalDate)
	if want.ArrivalDateUnix != nil {
		deviate("arrival_date_unix", fmt.Sprint(got.ArrivalDate.Unix()), fmt.Sprint(*want.ArrivalDateUnix))
	}
	deviate("arrival_date_field", got.ArrivalDateField, want.ArrivalDateField)
	deviate("delivery_result", got.DeliveryResult, strings.ToLower(want.DeliveryResult))
	deviate("identity_alignment", strings.Join(got.IdentityAlignment, ","),
		strings.ReplaceAll(strings.ToLower(want.IdentityAlignment), " ", ""))
	deviate("original_mail_from", got.OriginalMailFrom, want.MailFrom)
	deviate("original_rcpt_to", list(got.OriginalRcptTo), list(want.RcptTo))
	deviate("original_envelope_id", got.OriginalEnvelopeID, want.EnvelopeID)
	deviate("dkim_domain", strings.ToLower(got.DKIMDomain), strings.ToLower(want.DKIMDomain))
	deviate("dkim_identity", got.DKIMIdentity, want.DKIMIdentity)
	deviate("dkim_selector", got.DKIMSelector, want.DKIMSelector)
	deviate("spf_dns", list(got.SPFDNS), list(want.SPFDNS))
	incidents := int64(1)
	if want.Incidents != nil {
		incidents = *want.Incidents
	}
	deviate("incidents", fmt.Sprint(got.Incidents), fmt.Sprint(incidents))
	deviate("reported_uri", list(got.ReportedURIs), list(want.ReportedURI))
	deviate("authentication_results", list(got.AuthenticationResults), list(want.AuthResults))
}

func compareSample(deviate func(field, got, want string), got *Sample, want *wantFailure) {
	deviate("embedded.part_type", got.ContentType, want.Embedded.PartType)
	deviate("embedded.subject", got.Subject, want.Embedded.Subject)
	deviate("embedded.from", got.From, want.Embedded.From)
	deviate("embedded.to", got.To, want.Embedded.To)
	deviate("embedded.message_id", got.MessageID, want.Embedded.MessageID)
	deviate("embedded.date", got.Date, want.Embedded.Date)
	deviate("embedded.interrupted", fmt.Sprint(got.Interrupted), fmt.Sprint(want.Embedded.Interrupted))
}

// compareMail compares the mail's own header; of From and To only the addresses.
func compareMail(deviate func(field, got, want string), got *MessageHeader, want *wantMail) {
	deviate("mail.from", strings.Join(got.From, ","), strings.Join(addressesOf([]string{want.From}), ","))
	deviate("mail.to", strings.Join(got.To, ","), strings.Join(addressesOf([]string{want.To}), ","))
	deviate("mail.subject", got.Subject, want.Subject)
	deviate("mail.message_id", got.MessageID, want.MessageID)
}

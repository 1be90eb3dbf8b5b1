package intake

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"reportmx/internal/dmarcdns"
	"reportmx/smtpd"
)

// logged lets a bench log into the buffer.
func logged(to *bytes.Buffer, change func(*Config)) func(*Config) {
	return func(c *Config) {
		if c.Log = slog.New(slog.NewTextHandler(to, nil)); change != nil {
			change(c)
		}
	}
}

// TestLongDomain: what is too long to be a domain is none that anybody serves, and
// neither the log nor the reply repeats it.
func TestLongDomain(t *testing.T) {
	fits := strings.Repeat("a.", 121) + "example.com"
	for name, test := range map[string]struct {
		domain string
		change func(*Config)
		want   string
	}{
		"a name of 253 bytes": {fits, nil, "250 2.0.0 report stored"},
		"one of 254":          {"a" + fits, nil, "550 5.7.1 reports about aa.a."},
		"one of 62,000":       {strings.Repeat("a.", 31_000) + "example.com", nil, "550 5.7.1 reports about a.a."},
		"below the wildcard":  {"a" + fits, func(c *Config) { c.Targets = func() Targets { return everything{} } }, "550 5.7.1 reports about aa.a."},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			b := newBench(t, logged(&log, test.change))
			got := b.deliver(t, mailWith(document(test.domain, "1")))
			if !strings.HasPrefix(got, test.want) || len(got) > 512 {
				t.Errorf("got %q, want %q", got, test.want)
			}
			refused := test.domain != fits
			if remembered := len(b.quota.domains) + len(b.missing.domains) + b.zone.asked; refused && remembered > 0 {
				t.Errorf("it is remembered or was asked for, %d times", remembered)
			}
			if log.Len() > 2000 {
				t.Errorf("got %d bytes of log", log.Len())
			}
		})
	}
}

// TestLongReply: the id is the end of what the client gets, however long the reply.
func TestLongReply(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Policy.Authorization = Enforce })
	env := &smtpd.Envelope{ClientIP: netip.MustParseAddr("192.0.2.1"), RcptTo: []string{"dmarc@reports.example.net"}}
	domain := strings.Repeat("a.", 95) + "example.com"
	got := b.Data(t.Context(), env, strings.NewReader(mailWith(document(domain, "1"))))
	if got.Code != 550 || len(got.Text) > 480 || !strings.Contains(got.Text, "... (id ") {
		t.Errorf("got %d %q, %d bytes", got.Code, got.Text, len(got.Text))
	}
}

// TestQuotaCountsWhatIsKept: what is refused takes nothing of the quota, whoever sends it.
func TestQuotaCountsWhatIsKept(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.Targets, c.Policy.Authorization = func() Targets { return everything{} }, Enforce
	})
	b.zone.txt = map[string]string{"good.example._report._dmarc.reports.example.net": "v=DMARC1;"}
	for i := range 10 {
		mail := mailWith(document(fmt.Sprintf("bad%d.example", i), "1"), document(fmt.Sprintf("bad%d.example", i), "2"))
		if got := b.deliver(t, mail); !strings.HasPrefix(got, "550 5.7.1 ") {
			t.Fatalf("not authorized: got %q", got)
		}
	}
	for i, want := range []string{"250 ", "250 ", "451 4.7.1 "} {
		if got := b.deliver(t, mailWith(document("good.example", fmt.Sprint(i)))); !strings.HasPrefix(got, want) {
			t.Errorf("authorized, report %d: got %q, want %q", i+1, got, want)
		}
	}
}

// TestTotalGivesBack: what the bound of all refuses does not count for its domain.
func TestTotalGivesBack(t *testing.T) {
	q := newQuota(Quota{Domain: 1, Total: 1})
	if !q.take("a.example", noon) || q.take("b.example", noon) {
		t.Fatal("want one report taken, and no more")
	}
	if got := q.domains["b.example"].TokensAt(noon); got != 1 {
		t.Errorf("the domain of the refused report has %v left, want 1", got)
	}
}

// TestTLSAsksNoAuthorization: a report that needs no authorization causes neither DNS nor
// warnings, however many domains it is about.
func TestTLSAsksNoAuthorization(t *testing.T) {
	var policies []string
	for i := range 100 {
		policies = append(policies, fmt.Sprintf(`{"policy":{"policy-type":"sts","policy-domain":"d%d.example.com"},"summary":{"total-successful-session-count":1,"total-failure-session-count":0}}`, i))
	}
	report := `{"organization-name":"Receiver","date-range":{"start-datetime":"2026-11-20T00:00:00Z","end-datetime":"2026-11-20T23:59:59Z"},` +
		`"contact-info":"tls@receiver.example","report-id":"1","policies":[` + strings.Join(policies, ",") + `]}`
	mail := "From: tls@receiver.example\r\nMIME-Version: 1.0\r\nContent-Type: application/tlsrpt+json\r\n\r\n" + report + "\r\n"
	var log bytes.Buffer
	b := newBench(t, logged(&log, func(c *Config) { c.Policy.Authorization = Enforce }))
	if got := b.deliver(t, mail); !strings.HasPrefix(got, "250 2.0.0 report stored") {
		t.Fatalf("got %q", got)
	}
	if b.zone.asked+b.fresh.asked > 0 || strings.Contains(log.String(), "external authorization") {
		t.Errorf("asked for %d records, and logged %s", b.zone.asked, &log)
	}
	if got := b.store.batches[0].Reports[0].Authorization; got != string(dmarcdns.Unchecked) {
		t.Errorf("got authorization %s", got)
	}
}

// TestFewWarnings: one message has only a few of its domains warned about, the next ones
// have the others.
func TestFewWarnings(t *testing.T) {
	var log bytes.Buffer
	b := newBench(t, logged(&log, nil))
	var documents []string
	for i := range 12 {
		documents = append(documents, document(fmt.Sprintf("d%d.example.com", i), "1"))
	}
	for i, want := range []struct{ named, others int }{{5, 7}, {5, 2}, {2, 0}, {0, 0}} {
		log.Reset()
		b.deliver(t, mailWith(documents...))
		named, others := strings.Count(log.String(), "policy_domain="), strings.Contains(log.String(), fmt.Sprintf(" domains=%d\n", want.others))
		if named != want.named || others != (want.others > 0) {
			t.Errorf("message %d: got %d named, want %d and %d others, in\n%s", i, named, want.named, want.others, &log)
		}
	}
}

// TestLogEndsInOurWords: a journal divides a line that is too long, and a mail of many
// reports makes one: what it begins anew with is nothing that a stranger wrote.
func TestLogEndsInOurWords(t *testing.T) {
	var log bytes.Buffer
	b := newBench(t, logged(&log, nil))
	b.deliver(t, mailWith(document("example.com", "1"), document("elsewhere.example.net", "2")))
	for line := range strings.Lines(log.String()) {
		_, behind, found := strings.Cut(line, " report.kind=")
		if !strings.Contains(line, "msg=message") {
			continue
		}
		if !found || strings.Contains(behind, "reason=") || !strings.Contains(line, "elsewhere.example.net") {
			t.Errorf("the refused report is not named, or behind those that were stored: %s", line)
		}
		return
	}
	t.Errorf("no line of the message in\n%s", &log)
}

package intake

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"reportmx/reports"
	"reportmx/storage"
)

const personalMail = "From: ruf@receiver.example\r\nSubject: FW: vip@example.com\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: auth-failure\r\nUser-Agent: T/1\r\nVersion: 1\r\nAuth-Failure: dmarc\r\n" +
	"Reported-Domain: example.com\r\nOriginal-Mail-From: vip@example.com\r\nOriginal-Mail-From: <vip@example.org>\r\nSource-IP: 192.0.2.9\r\n\r\n" +
	"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: VIP@example.com\r\nTo: <vip@receiver.example>\r\nSubject: hello\r\n\r\nto vip@example.com\r\n--b--\r\n"

func redacting(t *testing.T, keep Keep, key string) func(*Config) {
	r, err := NewRedactor([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return func(c *Config) { c.Keep, c.Redact = keep, func() (*Redactor, error) { return r, nil } }
}

const someKey = "a key of sixteen bytes"

// TestRedacted: over SMTP, by import and out of the hold, no local part is stored,
// and the report is the same as one that is not redacted.
func TestRedacted(t *testing.T) {
	plain := newBench(t, nil)
	plain.deliver(t, personalMail, "ruf@reports.example.net")
	want := plain.store.batches[0].Reports[0]
	for _, keep := range []Keep{KeepNone, KeepHeaders, KeepFull} {
		for way, take := range map[string]func(b *bench){
			"smtp": func(b *bench) { b.deliver(t, personalMail, "ruf@reports.example.net") },
			"import": func(b *bench) {
				if _, err := b.Import(t.Context(), "a.eml", strings.NewReader(personalMail)); err != nil {
					t.Fatal(err)
				}
			},
			"retry": func(b *bench) {
				if _, err := b.Retry(t.Context(), 7, ""); err != nil {
					t.Fatal(err)
				}
			},
		} {
			t.Run(string(keep)+" "+way, func(t *testing.T) {
				b := newBench(t, redacting(t, keep, someKey))
				b.Held = holdOf(personalMail, "pass")
				take(b)
				batch := b.store.batches[0]
				got := batch.Reports[0]
				if text := strings.ToLower(fmt.Sprintf("%+v %+v %s", got, *got.Failure, got.Failure.Sample.Raw)); strings.Contains(text, "vip") {
					t.Errorf("the local part is still in %s", text)
				}
				token, _ := b.Redact()
				if mailbox := token.Token("vip") + "@example.com"; got.Failure.OriginalMailFrom != mailbox || got.Message.Subject != "FW: "+mailbox {
					t.Errorf("got %q in %q, want %q", got.Failure.OriginalMailFrom, got.Message.Subject, mailbox)
				}
				if batch.Raw != nil {
					t.Error("the mail is kept as it came")
				}
				if got.Identity() != want.Identity() || got.ContentHash != want.ContentHash || got.Failure.PolicyDomain != "example.com" {
					t.Error("redacted it is another report")
				}
				if body := strings.Contains(string(got.Failure.Sample.Raw), "\r\n\r\nto "); body != (keep == KeepFull) {
					t.Errorf("with keep = %s: got %q", keep, got.Failure.Sample.Raw)
				}
			})
		}
	}
}

// TestRawForHold: what is held beside a report brings the mail into the hold, and not
// to the report.
func TestRawForHold(t *testing.T) {
	failure := "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n" +
		"Content-Type: message/rfc822\r\n\r\n" + personalMail + "\r\n--m\r\nContent-Type: text/xml\r\n\r\n<feedback><report_metadata>\r\n--m--\r\n"
	aggregate := mailWith(document("example.com", "1"), "<feedback><report_metadata>")
	for name, test := range map[string]struct {
		mail    string
		change  func(*Config)
		forHold bool
	}{
		"redacted":         {failure, redacting(t, KeepFull, someKey), true},
		"headers":          {failure, nil, true},
		"full":             {failure, func(c *Config) { c.Keep = KeepFull }, false},
		"aggregate":        {aggregate, nil, false},
		"aggregate, NoRaw": {aggregate, func(c *Config) { c.NoRaw = true }, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, test.change)
			b.deliver(t, test.mail, "ruf@reports.example.net")
			got := b.store.batches[0]
			if len(got.Reports) != 1 || got.Held == nil || got.Raw == nil || got.RawForHold != test.forHold {
				t.Errorf("got %d reports, held %v, %d bytes of message for the hold alone %v, want %v", len(got.Reports), got.Held, len(got.Raw), got.RawForHold, test.forHold)
			}
		})
	}
}

// TestRedactedReparse: what was kept without redaction is redacted when it is read
// again; what was redacted is the same then.
func TestRedactedReparse(t *testing.T) {
	plain := newBench(t, func(c *Config) { c.Keep = KeepFull })
	plain.deliver(t, personalMail, "ruf@reports.example.net")
	old, raw := plain.store.batches[0].Reports[0], plain.store.batches[0].Raw
	b := newBench(t, redacting(t, KeepHeaders, someKey))
	once, err := b.Reparse(t.Context(), &old, raw)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(once.Failure.OriginalMailFrom+once.Message.Subject+string(once.Failure.Sample.Raw), "vip") {
		t.Errorf("got %+v", once)
	}
	again, err := b.Reparse(t.Context(), once, raw)
	if err != nil {
		t.Fatal(err)
	}
	if again.Failure.OriginalMailFrom != once.Failure.OriginalMailFrom || again.Message.Subject != once.Message.Subject {
		t.Errorf("got %q and %q, want %q and %q", again.Failure.OriginalMailFrom, again.Message.Subject, once.Failure.OriginalMailFrom, once.Message.Subject)
	}
}

// TestNoKey: without its key a failure report is put off, and nothing else is.
func TestNoKey(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Redact = func() (*Redactor, error) { return nil, errors.New("no key") } })
	if got := b.deliver(t, personalMail, "ruf@reports.example.net"); !strings.HasPrefix(got, "451 4.3.0 ") || len(b.store.batches) != 0 {
		t.Errorf("got %q and %d batches, want 451 and none", got, len(b.store.batches))
	}
	if _, err := b.Reparse(t.Context(), &storage.Report{Report: reports.Find([]byte(personalMail), reports.Limits{}).Reports[0]}, []byte(personalMail)); err == nil {
		t.Error("read again without a key")
	}
	if got := b.deliver(t, mailWith(document("example.com", "1"))); !strings.HasPrefix(got, "250 ") {
		t.Errorf("an aggregate report: got %q", got)
	}
}

func TestToken(t *testing.T) {
	a, err := NewRedactor([]byte(someKey))
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewRedactor([]byte(someKey + "!"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := NewRedactor([]byte(someKey))
	if err != nil {
		t.Fatal(err)
	}
	if a.Token("jo") != again.Token("jo") || a.Token("jo") == a.Token("bo") || a.Token("jo") == other.Token("jo") {
		t.Error("a token is of its local part and its key, and of nothing else")
	}
	if got := a.Token("jo"); len(got) != tokenLetters || strings.Trim(got, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Errorf("got %q", got)
	}
	if _, err := NewRedactor(make([]byte, LeastRedactionKey-1)); !errors.Is(err, errShortKey) {
		t.Errorf("a short key: got %v, want %v", err, errShortKey)
	}
}

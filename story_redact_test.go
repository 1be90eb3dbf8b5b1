package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"reportmx/internal/dmarcdns/dnstest"
	"reportmx/storage"
	"reportmx/storage/bolt"
)

// personalReport is a failure report whose local part is in every field that has
// addresses, and a body that is not to be kept by default.
const personalReport = `From: ruf@receiver.example
To: ruf@reports.example.net
Subject: FW: secretlocal@authorized.example
Message-ID: <r1@receiver.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: text/plain

A mail of secretlocal@authorized.example failed.
--b
Content-Type: message/feedback-report

Feedback-Type: auth-failure
User-Agent: T/1
Version: 1
Auth-Failure: dmarc
Reported-Domain: authorized.example
Original-Mail-From: <secretlocal@authorized.example>
Original-Rcpt-To: <secretlocal@receiver.example>
Authentication-Results: mx.receiver.example; spf=fail smtp.mailfrom=secretlocal@authorized.example
DKIM-Identity: secretlocal@authorized.example
Source-IP: 192.0.2.9

--b
Content-Type: message/rfc822

Return-Path: <secretlocal@authorized.example>
Delivered-To: secretlocal
Received: from a.example by b.example for <secretlocal@receiver.example>; Thu, 19 Nov 2026 13:00:00 +0100
From: "SecretLocal"@authorized.example
To: =?utf-8?q?secretlocal=40receiver.example?= <secretlocal@receiver.example>,
	secretlocal@receiver.example
Cc: secretlocal@authorized.example
Reply-To: secretlocal@authorized.example
Sender: secretlocal@authorized.example
Subject: for secretlocal@receiver.example
Message-ID: <m1@authorized.example>

Write to secretlocal@authorized.example.
--b--
`

// stored is the store's file, in which short values are packed so that a word is still
// to be seen, and then all that can be read out of it.
func stored(t *testing.T, s *server) string {
	t.Helper()
	path := filepath.Join(s.dir, "data", "reports.db")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	store, err := bolt.Open(path, bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	all := string(file)
	for r, err := range store.Reports(t.Context(), storage.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := store.Raw(r.Seq) // as a rule none is kept
		all += fmt.Sprintf("%+v %+v %s %s", r, *r.Failure, r.Failure.Sample.Raw, raw)
	}
	return all
}

// TestStoryRedact: whatever way a failure report comes in, and whatever of it is kept,
// no byte of the store has the local part; without redaction it has.
func TestStoryRedact(t *testing.T) {
	dns := dnstest.Start(t, "authorized.example._report._dmarc.reports.example.net TXT \"v=DMARC1;\"")
	mail := strings.ReplaceAll(personalReport, "\n", "\r\n")
	for name, test := range map[string]struct {
		config string
		there  bool
	}{
		"by default":   {"[dns]\nservers = [\"%s\"]", false},
		"whole":        {"[failure]\nkeep = \"full\"\n[dns]\nservers = [\"%s\"]", false},
		"switched off": {"[failure]\nkeep = \"full\"\nredact = false\n[dns]\nservers = [\"%s\"]", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, dns, test.config)
			reply, err := s.send("ruf@receiver.example", "dmarc@reports.example.net", []byte(mail))
			if err != nil || !strings.HasPrefix(reply, "250 2.0.0 report stored") {
				t.Fatalf("got %q (%v)", reply, err)
			}
			file := filepath.Join(s.dir, "a.eml")
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(mail, "192.0.2.9", "192.0.2.10")), 0o600); err != nil {
				t.Fatal(err)
			}
			s.says(t, 0, "reports stored: 1, known already: 0", "import", "a.eml")
			s.says(t, 0, "0 differ, 0 problems", "reparse")
			if _, err := s.stop(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			s.says(t, 0, "reports stored: 0, known already: 1", "import", "a.eml")
			out, stderr, code := s.run(t, "export", "failure", "--format", "ndjson")
			if code != 0 || strings.Count(out, "\n") != 2 || strings.Count(out, "@authorized.example") < 2 {
				t.Errorf("export: exit code %d, %s%s", code, out, stderr)
			}
			for what, text := range map[string]string{"the store": stored(t, s), "the export": out} {
				if got := strings.Contains(strings.ToLower(text), "secretlocal"); got != test.there {
					t.Errorf("%s has the local part: %v, want %v", what, got, test.there)
				}
				if !strings.Contains(text, "@receiver.example") {
					t.Errorf("%s has no address at all, so it shows nothing", what)
				}
			}
			_, err = os.Stat(filepath.Join(s.dir, "data", "redaction.key"))
			if made := err == nil; made == test.there {
				t.Errorf("the key is there: %v (%v)", made, err)
			}
		})
	}
}

package hostile

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"reportmx/internal/dmarcdns/dnstest"
)

// The bounds on authenticating one mail.
const (
	mostCPU       = 250 * time.Millisecond
	mostDNS       = 10 * time.Second
	mostQuestions = 40
)

// TestWorstAuthentication sends mails that cost sender authentication most, to the
// server as it is, and counts CPU, time and DNS questions. The CPU of reading is taken
// off: it is that of the same mail without signatures.
func TestWorstAuthentication(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	dns := dnstest.Start(t, hostileZone+costlyZone(t, key))
	s := startServer(t, newCage(t, memory), dns.Addr)
	one := &client{server: s.addr, from: "127.1.0.1"}
	defer one.close()
	for _, w := range worstMails() {
		t.Run(w.name, func(t *testing.T) {
			asked, begun := len(dns.Queries()), time.Now()
			all := s.authenticated(t, one, w.mailFrom, w.fields(w.signatures), w.body)
			took, questions := time.Since(begun), len(dns.Queries())-asked
			bare := s.authenticated(t, one, "", w.fields(""), w.body)
			for range 2 { // neighbours on the machine cost, too
				all = min(all, s.authenticated(t, one, w.mailFrom, w.fields(w.signatures), w.body))
				bare = min(bare, s.authenticated(t, one, "", w.fields(""), w.body))
			}
			t.Logf("%d bytes of body: %s of CPU, %s without; %d questions, answered within %s", len(w.body), all, bare, questions, took.Round(time.Millisecond))
			if all-bare > mostCPU || questions > mostQuestions || took > mostDNS {
				t.Errorf("want %s of CPU, %d questions, %s at most", mostCPU, mostQuestions, mostDNS)
			}
		})
	}
}

// worstMail is a mail about which authentication can do much.
type worstMail struct {
	name, mailFrom, signatures, body string
}

func (w worstMail) fields(signatures string) string {
	return signatures + "From: a@sub.receiver.example\r\nTo: dmarc@reports.example.net\r\nSubject: Report Domain: example.com\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=p\r\n"
}

func worstMails() []worstMail {
	report := "--p\r\nContent-Type: text/xml\r\n\r\n" + (&maker{}).plainReport() + "\r\n--p\r\nContent-Type: application/octet-stream\r\n\r\n"
	const long = 24 << 20
	var list []worstMail
	for _, kind := range [][2]string{{"lines", strings.Repeat("x", 76) + "\r\n"}, {"blanks", strings.Repeat(" x \t", 10_000) + "\r\n"}, {"short lines", "\r\n\r\n\r\nx\r\n"}} {
		name, filler := kind[0], kind[1]
		body := report + strings.Repeat(filler, long/len(filler)) + "\r\n--p--\r\n"
		list = append(list, worstMail{"24 MB of " + name, "a@wide.example", fiveSignatures(len(list)), body})
	}
	return append(list,
		worstMail{"a header of signatures", "a@wide.example", times(150, func(i int) string { return costlySignature(fmt.Sprintf("d%d.wide.example", i), "relaxed/relaxed") }), report},
		worstMail{"DNS that says nothing", "a@silent.example", times(20, func(i int) string { return costlySignature(fmt.Sprintf("d%d.silent.example", i), "relaxed/relaxed") }), report},
	)
}

// plainReport is a report that every form of a mail can share.
func (*maker) plainReport() string {
	return aggregate{root: "<feedback>", org: "receiver.example", email: "a@receiver.example", id: "authentication", begin: "1767225600", end: "1767311999",
		domain: "example.com", records: honestRecord, tail: "</feedback>"}.String()
}

// fiveSignatures differ in what has to be hashed, and are by names that no other mail
// has, so that none is known yet.
func fiveSignatures(mail int) string {
	return times(5, func(i int) string {
		return costlySignature(fmt.Sprintf("d%d.wide.example", 890-5*mail+i), []string{"relaxed/relaxed", "simple/simple", "relaxed/simple", "simple/relaxed"}[i%4])
	})
}

// costlySignature is of right form, by a key that is there, over a body that is another.
func costlySignature(domain, canonicalization string) string {
	return "DKIM-Signature: v=1; a=rsa-sha256; c=" + canonicalization + "; d=" + domain + "; s=s; h=" + strings.TrimSuffix(strings.Repeat("From:", 90), ":") +
		";\r\n bh=" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "; b=" + base64.StdEncoding.EncodeToString(make([]byte, 512)) + "\r\n"
}

// costlyZone has the key at many names, and one that is silent.
func costlyZone(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	record := ""
	for len(text) > 0 {
		n := min(len(text), 250)
		record += fmt.Sprintf(" %q", text[:n])
		text = text[n:]
	}
	return times(900, func(i int) string { return fmt.Sprintf("s._domainkey.d%d.wide.example TXT%s\n", i, record) }) +
		times(20, func(i int) string { return fmt.Sprintf("s._domainkey.d%d.silent.example STALL\n", i) }) +
		"silent.example STALL\nsub.receiver.example TXT \"v=spf1 -all\"\n"
}

// authenticated is the CPU of one mail.
func (s *server) authenticated(t *testing.T, c *client, mailFrom, fields, body string) time.Duration {
	t.Helper()
	before, err := cpu(s.pid())
	if err != nil {
		t.Fatal(err)
	}
	if _, text, err := c.send(mailFrom, []byte(fields+"\r\n"+body)); err != nil {
		t.Fatalf("got %q, %v", text, err)
	}
	after, err := cpu(s.pid())
	if err != nil {
		t.Fatal(err)
	}
	return after - before
}

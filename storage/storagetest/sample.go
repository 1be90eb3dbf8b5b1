package storagetest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// start is the begin of report 0.
var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// Aggregate gives an aggregate report as a mailbox provider sends it every day,
// with so many records. Each n is another report, of its own identity and content:
// day n about one of seven policy domains, d0.example.com to d6.example.com.
func Aggregate(n, records int) storage.Report {
	begin := start.Add(time.Duration(n) * time.Hour)
	pct := 100
	a := &reports.Aggregate{
		Schema:           reports.SchemaRFC7489,
		Version:          "1.0",
		OrgName:          fmt.Sprintf("Mailbox %d", n%3),
		Email:            "noreply-dmarc@mailbox.example",
		ExtraContactInfo: "https://mailbox.example/dmarc",
		ReportID:         fmt.Sprintf("%d.%d", begin.Unix(), n),
		Begin:            begin,
		End:              begin.Add(24*time.Hour - time.Second),
		PolicyPublished: reports.PolicyPublished{
			Domain: fmt.Sprintf("d%d.example.com", n%7), P: "quarantine", SP: "none", ADKIM: "r", ASPF: "r", PCT: &pct, FO: "1",
		},
	}
	for i := range records {
		a.Records = append(a.Records, record(n, i))
	}
	return Keep(reports.Report{Kind: reports.KindAggregate, Aggregate: a}, n)
}

func record(n, i int) reports.Record {
	from := fmt.Sprintf("d%d.example.com", n%7)
	r := reports.Record{
		SourceIP:        netip.AddrFrom4([4]byte{198, 51, 100, byte(n + i)}),
		Count:           int64(1 + (n+i*i)%97),
		PolicyEvaluated: reports.PolicyEvaluated{Disposition: "none", DKIM: "pass", SPF: "fail"},
		Identifiers:     reports.Identifiers{HeaderFrom: from, EnvelopeFrom: "bounce." + from},
		AuthResults: reports.AuthResults{
			DKIM: []reports.DKIMResult{{Domain: from, Selector: fmt.Sprintf("s%d", i%4), Result: "pass"}},
			SPF:  []reports.SPFResult{{Domain: "bounce." + from, Scope: "mfrom", Result: "softfail"}},
		},
	}
	if i%5 == 4 {
		r.SourceIP = netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", 1+i))
		r.PolicyEvaluated.Reasons = []reports.Reason{{Type: "forwarded", Comment: "arc=pass"}}
	}
	return r
}

// Failure gives a failure report; each n is another one. Of every fifth the
// arrival date is missing.
func Failure(n int) storage.Report {
	f := &reports.Failure{
		FeedbackType: "auth-failure", UserAgent: "Example-Filter/1.2", Version: "1", AuthFailure: "dmarc",
		OriginalMailFrom: "bounce@d0.example.com", OriginalRcptTo: []string{"someone@mailbox.example"},
		ArrivalDateText: "as it came", ArrivalDateField: "Arrival-Date", ReportingMTA: "mx.mailbox.example",
		SourceIP: netip.MustParseAddr("203.0.113.9"), SourceIPText: "203.0.113.9", Incidents: 1,
		AuthenticationResults: []string{"mx.mailbox.example; dmarc=fail header.from=d0.example.com"},
		ReportedDomains:       []string{"d0.example.com"}, DKIMDomain: "d0.example.com", DKIMSelector: "s1",
		DKIMAligned: "fail", IdentityAlignment: []string{"none"},
		OtherFields:  []reports.Field{{Name: "X-Number", Value: fmt.Sprint(n)}},
		PolicyDomain: "d0.example.com",
		Sample: reports.Sample{
			ContentType: "message/rfc822", From: "info@d0.example.com", Subject: fmt.Sprintf("Offer %d", n),
			Raw: []byte("From: info@d0.example.com\r\nSubject: caf\xe9\r\n\r\n"),
		},
	}
	if n%5 != 0 {
		f.ArrivalDate = start.Add(time.Duration(n) * time.Hour)
	}
	return Keep(reports.Report{Kind: reports.KindFailure, Failure: f}, n)
}

// TLS gives a TLS report about d<n>.example.net and mail.example.org; each n is
// another one.
func TLS(n int) storage.Report {
	begin := start.Add(time.Duration(n) * time.Hour)
	good, bad := int64(100+n), int64(n%3)
	t := &reports.TLS{
		OrgName: "Mailbox TLS", ContactInfo: "smtp-tls@mailbox.example", ReportID: fmt.Sprintf("tls-%d", n),
		Begin: begin, End: begin.Add(24*time.Hour - time.Second),
		Policies: []reports.TLSPolicy{
			{
				PolicyType: "sts", PolicyDomain: fmt.Sprintf("d%d.example.net", n), PolicyString: []string{"version: STSv1", "mode: testing"},
				MXHost: []string{"mx.example.net"}, Successful: &good, Failed: &bad,
				FailureDetails: []reports.TLSFailure{{
					ResultType: "certificate-expired", SendingMTAIP: netip.MustParseAddr("192.0.2.7"),
					ReceivingMXHostname: "mx.example.net", FailedSessionCount: &bad,
				}},
			},
			{PolicyType: "no-policy-found", PolicyDomain: "mail.example.org"},
		},
	}
	return Keep(reports.Report{Kind: reports.KindTLS, TLS: t}, n)
}

// Keep wraps a report as intake does, received a day and a bit after start plus n
// hours, with a content hash of its kind and n.
func Keep(r reports.Report, n int) storage.Report {
	r.Part = "2 application/gzip report.xml.gz"
	r.ContentHash = sha256.Sum256(fmt.Appendf(nil, "%s %d", r.Kind, n))
	r.Warnings = []reports.Warning{{Code: "test", Where: "feedback", Text: fmt.Sprint(n)}}
	return storage.Report{Message: Message(n), Report: r, Authorization: "authorized"}
}

// Message gives the facts of a message; every second one is authenticated.
func Message(n int) storage.Message {
	m := storage.Message{
		ReceivedAt: start.Add(25*time.Hour + time.Duration(n)*time.Hour + 123456789),
		Source:     storage.SourceSMTP,
		Envelope: storage.Envelope{
			ClientIP: "192.0.2.25", Helo: "out.mailbox.example", MailFrom: "noreply-dmarc@mailbox.example",
			RcptTo: []string{"dmarc@reports.example.net"}, TLS: "TLS 1.3 TLS_AES_128_GCM_SHA256",
		},
		Sender: storage.Sender{
			Domain: "mailbox.example", Result: "pass", Contact: "fits",
			SPF:  storage.SPFResult{Domain: "mailbox.example", Scope: "mfrom", Result: "pass"},
			DKIM: []storage.DKIMResult{{Domain: "mailbox.example", Selector: "k1", Result: "pass"}},
		},
		MessageID: fmt.Sprintf("%d@mailbox.example", n),
		Subject:   fmt.Sprintf("Report domain: d%d.example.com Submitter: mailbox.example", n%7),
	}
	if n%2 != 0 {
		m.Sender.Result = "none"
	}
	return m
}

// Held gives a message for the hold; each n is another one.
func Held(n int) *storage.Held {
	return &storage.Held{
		Message: Message(n),
		Code:    "aggregate",
		Reason:  "aggregate report: unexpected end of the document after record 3",
		Size:    int64(len(Raw(n))),
		Hash:    sha256.Sum256(fmt.Appendf(nil, "held %d", n)),
	}
}

// Raw gives the bytes of a message of some 3 KB, most of it base64 of what looks
// random, as in a mail with a packed report.
func Raw(n int) []byte {
	raw := fmt.Appendf(nil, "Received: from out.mailbox.example\r\nMessage-ID: <%d@mailbox.example>\r\n", n)
	for range 20 {
		raw = append(raw, "X-Filler: the same words again and again\r\n"...)
	}
	raw = append(raw, "\r\n"...)
	r := rand.New(rand.NewPCG(uint64(n), 1))
	line := make([]byte, 57)
	for range 25 {
		for i := range line {
			line[i] = byte(r.Uint32())
		}
		raw = append(base64.StdEncoding.AppendEncode(raw, line), "\r\n"...)
	}
	return raw
}

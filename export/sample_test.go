package export

import (
	"bytes"
	"iter"
	"net/netip"
	"testing"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

func ptr[T any](v T) *T { return &v }

func utc(year int, month time.Month, day, hour int) time.Time {
	return time.Date(year, month, day, hour, 0, 0, 0, time.UTC)
}

// sampleMessage is the message that the sample reports came in.
func sampleMessage() storage.Message {
	return storage.Message{
		ReceivedAt: time.Date(2026, 11, 20, 4, 5, 6, 789_000_000, time.UTC),
		Source:     storage.SourceSMTP,
		Envelope: storage.Envelope{
			ClientIP: "192.0.2.25", Helo: "mx.mailbox.example", MailFrom: "noreply@mailbox.example",
			RcptTo: []string{"dmarc@reports.example.net"}, TLS: "TLS 1.3 TLS_AES_128_GCM_SHA256",
		},
		Sender: storage.Sender{
			Domain: "mailbox.example", Result: "pass", Contact: "fits",
			SPF:  storage.SPFResult{Domain: "mailbox.example", Scope: "mfrom", Result: "pass"},
			DKIM: []storage.DKIMResult{{Domain: "mailbox.example", Selector: "s1", Result: "pass"}},
		},
		MessageID: "20261120.1@mailbox.example",
		Subject:   "Report Domain: example.com Submitter: mailbox.example Report-ID: <20261119-1>",
	}
}

func sampleAggregate() *storage.Report {
	return &storage.Report{
		Seq: 17, Message: sampleMessage(), Authorization: "authorized", Last: true,
		Report: reports.Report{
			Kind:     reports.KindAggregate,
			Warnings: []reports.Warning{{Code: "word_case", Where: "record 2: disposition", Text: "None"}},
			Aggregate: &reports.Aggregate{
				Schema: reports.SchemaRFC9990, Namespace: "urn:ietf:params:xml:ns:dmarc-2.0", Version: "1.0",
				OrgName: "Mailbox Example, Inc.", Email: "dmarc-support@mailbox.example",
				ExtraContactInfo: "https://mailbox.example/dmarc", ReportID: "20261119-1",
				Begin: utc(2026, 11, 19, 0), End: utc(2026, 11, 20, 0),
				Errors: []string{"sp tag not recognised"}, Generator: "Mailbox Reporter 2.1",
				PolicyPublished: reports.PolicyPublished{
					Domain: "example.com", DiscoveryMethod: "treewalk", P: "quarantine", SP: "none", NP: "reject",
					ADKIM: "r", ASPF: "s", PCT: ptr(100), FO: "1:d", Testing: "n",
				},
				Extensions: []string{`<m:queue xmlns:m="urn:example:m">7</m:queue>`},
				Records:    sampleRecords(),
			},
		},
	}
}

func sampleRecords() []reports.Record {
	return []reports.Record{{
		SourceIP: netip.MustParseAddr("198.51.100.7"), Count: 42,
		PolicyEvaluated: reports.PolicyEvaluated{Disposition: "pass", DKIM: "pass", SPF: "fail"},
		Identifiers:     reports.Identifiers{HeaderFrom: "example.com", EnvelopeFrom: "bounce.example.org", EnvelopeTo: "mailbox.example"},
		AuthResults: reports.AuthResults{
			DKIM: []reports.DKIMResult{
				{Domain: "example.com", Selector: "s2026", Result: "pass"},
				{Domain: "bulk.example.org", Result: "fail", HumanResult: "body hash differs"},
			},
			SPF: []reports.SPFResult{{Domain: "bounce.example.org", Scope: "mfrom", Result: "pass"}},
		},
	}, {
		SourceIP: netip.MustParseAddr("2001:db8::9"), Count: 3,
		PolicyEvaluated: reports.PolicyEvaluated{
			Disposition: "none", DKIM: "fail", SPF: "fail",
			Reasons: []reports.Reason{
				{Type: "mailing_list", Comment: "list.example.org; arc=pass"},
				{Type: "local_policy", Comment: "=trusted"},
			},
		},
		Identifiers: reports.Identifiers{HeaderFrom: "example.com"},
		AuthResults: reports.AuthResults{SPF: []reports.SPFResult{
			{Domain: "list.example.org", Scope: "mfrom", Result: "softfail", HumanResult: "not listed"}}},
	}}
}

func sampleFailure() *storage.Report {
	return &storage.Report{
		Seq: 18, Message: sampleMessage(), Authorization: "authorized", Last: true,
		Report: reports.Report{
			Kind: reports.KindFailure,
			Failure: &reports.Failure{
				FeedbackType: "auth-failure", UserAgent: "Mailbox-Reporter/2.1", Version: "1", AuthFailure: "dmarc",
				OriginalEnvelopeID: "env-77", OriginalMailFrom: "bounce@example.org",
				OriginalRcptTo: []string{"jo@mailbox.example"},
				ArrivalDate:    utc(2026, 11, 19, 12), ArrivalDateText: "Thu, 19 Nov 2026 13:00:00 +0100", ArrivalDateField: "Arrival-Date",
				ReportingMTA: "mx.mailbox.example", SourceIP: netip.MustParseAddr("203.0.113.9"), SourceIPText: "203.0.113.9",
				SourcePort: 50321, Incidents: 2,
				AuthenticationResults: []string{"mx.mailbox.example; dmarc=fail header.from=example.com"},
				DeliveryResult:        "reject", ReportedDomains: []string{"example.com"},
				ReportedURIs:      []string{"https://phish.example/"},
				IdentityAlignment: []string{"dkim", "spf"}, DKIMAligned: "fail", SPFAligned: "fail",
				DKIMDomain: "example.org", DKIMIdentity: "@example.org", DKIMSelector: "k1",
				DKIMSelectorDNS: "v=DKIM1; p=MIGf", DKIMADSPDNS: "dkim=unknown",
				DKIMCanonicalizedHeader: "from:Jo <jo@example.com>\r\n", DKIMCanonicalizedBody: "never exported",
				SPFDNS:      []string{`txt : example.org : "v=spf1 -all"`},
				OtherFields: []reports.Field{{Name: "X-Cluster", Value: "eu-1"}}, PolicyDomain: "example.com",
				Sample: reports.Sample{
					ContentType: "text/rfc822-headers", HeadersOnly: true, From: "Jo <jo@example.com>", To: "jo@mailbox.example",
					Subject: "Invoice", MessageID: "1@example.com", Date: "Thu, 19 Nov 2026 12:59:58 +0100",
					Raw: []byte("never exported"),
				},
			},
		},
	}
}

func sampleTLS() *storage.Report {
	return &storage.Report{
		Seq: 19, Message: sampleMessage(), Authorization: "unchecked", Last: true,
		Report: reports.Report{
			Kind: reports.KindTLS,
			TLS: &reports.TLS{
				OrgName: "Mailbox Example, Inc.", ContactInfo: "smtp-tls@mailbox.example", ReportID: "2026-11-19T00:00:00Z_example.com",
				Begin: utc(2026, 11, 19, 0), End: utc(2026, 11, 20, 0).Add(-time.Second),
				Policies: []reports.TLSPolicy{{
					PolicyType: "sts", PolicyDomain: "example.com",
					PolicyString: []string{"version: STSv1", "mode: testing", "mx: *.mail.example.com", "max_age: 86400"},
					MXHost:       []string{"*.mail.example.com"},
					Successful:   ptr[int64](5326), Failed: ptr[int64](303),
					FailureDetails: []reports.TLSFailure{{
						ResultType: "certificate-expired", SendingMTAIP: netip.MustParseAddr("2001:db8::25"),
						ReceivingMXHostname: "mx1.mail.example.com", ReceivingMXHelo: "mx1", ReceivingIP: netip.MustParseAddr("203.0.113.5"),
						FailedSessionCount: ptr[int64](100), AdditionalInformation: "https://mailbox.example/tls/1",
						FailureReasonCode: "X509_V_ERR_CERT_HAS_EXPIRED",
					}, {ResultType: "starttls-not-supported"}},
				}, {PolicyType: "no-policy-found", PolicyDomain: "sub.example.com"}},
			},
		},
	}
}

// bare is a report that tells as little as one can.
func bare(kind reports.Kind) *storage.Report {
	r := &storage.Report{Seq: 1, Last: true, Report: reports.Report{Kind: kind}}
	switch kind {
	case reports.KindAggregate:
		r.Aggregate = &reports.Aggregate{Records: []reports.Record{{}}}
	case reports.KindFailure:
		r.Failure = &reports.Failure{}
	case reports.KindTLS:
		r.TLS = &reports.TLS{Policies: []reports.TLSPolicy{{FailureDetails: []reports.TLSFailure{{}}}}}
	}
	return r
}

// inParts cuts an aggregate report as a store does, size records a part.
func inParts(r *storage.Report, size int) []*storage.Report {
	var parts []*storage.Report
	for at := 0; at == 0 || at < len(r.Aggregate.Records); at += size {
		part, a := *r, *r.Aggregate
		a.Records = a.Records[at:min(at+size, len(a.Records))]
		part.Aggregate, part.Chunk = &a, len(parts)
		part.Last = at+size >= len(r.Aggregate.Records)
		parts = append(parts, &part)
	}
	return parts
}

func sequence(list ...*storage.Report) iter.Seq2[*storage.Report, error] {
	return func(yield func(*storage.Report, error) bool) {
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// written is what Write makes of the reports.
func written(t testing.TB, kind reports.Kind, o Options, list ...*storage.Report) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := Write(&b, kind, o, sequence(list...)); err != nil {
		t.Fatalf("Write(%s, %s): %v", kind, o.Format, err)
	}
	return b.String()
}

package intake

import (
	"strings"
	"testing"
	"time"

	"reportmx/internal/dmarcdns"
	"reportmx/internal/mailauth"
	"reportmx/reports"
	"reportmx/smtpd"
	"reportmx/storage"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func aggregateAbout(domain string) reports.Report {
	return reports.Report{Kind: reports.KindAggregate, Aggregate: &reports.Aggregate{
		OrgName: "Receiver", ReportID: "1", Begin: noon.Add(-36 * time.Hour), End: noon.Add(-12 * time.Hour),
		PolicyPublished: reports.PolicyPublished{Domain: domain},
		Records:         []reports.Record{{Count: 1}},
	}}
}

func failureAbout(domain string) reports.Report {
	return reports.Report{Kind: reports.KindFailure, Failure: &reports.Failure{PolicyDomain: domain, Incidents: 1}}
}

func tlsAbout(domains ...string) reports.Report {
	r := reports.Report{Kind: reports.KindTLS, TLS: &reports.TLS{}}
	for _, d := range domains {
		r.TLS.Policies = append(r.TLS.Policies, reports.TLSPolicy{PolicyDomain: d})
	}
	return r
}

// TestVerdicts is the table "Verdicts" of the design, row by row.
func TestVerdicts(t *testing.T) {
	served := func(a dmarcdns.Authorization) map[string]domainFacts {
		return map[string]domainFacts{"example.com": {Served: true, Target: "example.com", Authorization: a, Record: "example.com._report._dmarc.reports.example.net"}}
	}
	found := func(r ...reports.Report) reports.Found { return reports.Found{Reports: r} }
	unreadable := reports.Found{Unreadable: []reports.Unreadable{{Code: "limit", Part: "2", Reason: "more than 10 levels"}}}
	ours := aggregateAbout("example.com")
	tests := []struct {
		name   string
		facts  facts
		policy Policy
		want   verdict
		reply  string
	}{
		{"nothing looks like a report", facts{}, Policy{}, reject, "554 5.6.0 no DMARC report in this message"},
		{"other feedback type", facts{Found: reports.Found{OtherFeedback: []string{"abuse"}}}, Policy{}, reject, "554 5.6.0 not an authentication failure report"},
		{"loop", facts{Found: reports.Found{Header: reports.MessageHeader{Received: 101}, Reports: []reports.Report{ours}}, Domains: served("")}, Policy{}, reject, "554 5.4.6"},
		{"unreadable", facts{Found: unreadable}, Policy{}, hold, "250 2.0.0 kept for inspection"},
		{"policy domain cannot be told", facts{Found: found(failureAbout(""))}, Policy{}, hold, "250 2.0.0 kept for inspection"},
		{"not a target", facts{Found: found(aggregateAbout("other.example"))}, Policy{}, reject, "550 5.7.1 reports about other.example are not accepted here"},
		{"authorized", facts{Found: found(ours), Domains: served(dmarcdns.Authorized)}, Policy{Authorization: Enforce}, store, "250 2.0.0 report stored"},
		{"not needed", facts{Found: found(ours), Domains: served(dmarcdns.NotNeeded)}, Policy{Authorization: Enforce}, store, "250 2.0.0"},
		{"missing, enforce", facts{Found: found(ours), Domains: served(dmarcdns.Missing)}, Policy{Authorization: Enforce}, reject, "550 5.7.1 reports about example.com are not authorized: there is no TXT record example.com._report._dmarc.reports.example.net"},
		{"unknown, enforce", facts{Found: found(ours), Domains: served(dmarcdns.Unknown)}, Policy{Authorization: Enforce}, refer, "451 4.4.3"},
		{"name too long, enforce", facts{Found: found(ours), Domains: served(dmarcdns.NameTooLong)}, Policy{Authorization: Enforce}, reject, "550 5.7.1"},
		{"missing, observe", facts{Found: found(ours), Domains: served(dmarcdns.Missing)}, Policy{Authorization: Observe}, store, "250 2.0.0"},
		{"unknown, observe", facts{Found: found(ours), Domains: served(dmarcdns.Unknown)}, Policy{Authorization: Observe}, store, "250 2.0.0"},
		{"failure report, missing, enforce", facts{Found: found(failureAbout("example.com")), Domains: served(dmarcdns.Missing)}, Policy{Authorization: Enforce}, reject, "550 5.7.1"},
		{"TLS report has no such check", facts{Found: found(tlsAbout("example.com")), Domains: served(dmarcdns.Missing)}, Policy{Authorization: Enforce}, store, "250 2.0.0"},
		{"TLS report, one of its domains is ours", facts{Found: found(tlsAbout("other.example", "example.com")), Domains: served("")}, Policy{}, store, "250 2.0.0"},
		{"sender fail, accept", facts{Found: found(ours), Domains: served(""), Sender: mailauth.Fail}, Policy{OnFail: Accept}, store, "250 2.0.0"},
		{"sender fail, hold", facts{Found: found(ours), Domains: served(""), Sender: mailauth.Fail}, Policy{OnFail: Hold}, hold, "250 2.0.0 kept for inspection"},
		{"sender none, hold", facts{Found: found(ours), Domains: served(""), Sender: mailauth.None}, Policy{OnFail: Hold}, hold, "250 2.0.0"},
		{"sender fail, reject", facts{Found: found(ours), Domains: served(""), Sender: mailauth.Fail}, Policy{OnFail: Reject}, reject, "550 5.7.26"},
		{"sender none, reject, unreadable", facts{Found: unreadable, Sender: mailauth.None}, Policy{OnFail: Reject}, reject, "550 5.7.26"},
		{"sender temperror, accept", facts{Found: found(ours), Domains: served(""), Sender: mailauth.TempError}, Policy{OnFail: Accept}, store, "250 2.0.0"},
		{"sender temperror, hold", facts{Found: found(ours), Domains: served(""), Sender: mailauth.TempError}, Policy{OnFail: Hold}, refer, "451 4.4.3"},
		{"sender temperror, reject", facts{Found: found(ours), Domains: served(""), Sender: mailauth.TempError}, Policy{OnFail: Reject}, refer, "451 4.4.3"},
		{"sender pass, reject", facts{Found: found(ours), Domains: served(""), Sender: mailauth.Pass}, Policy{OnFail: Reject}, store, "250 2.0.0"},
		{"imported, sender none, reject", facts{Found: found(ours), Domains: served(""), Sender: mailauth.None, Source: storage.SourceImport}, Policy{OnFail: Reject}, store, "250 2.0.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := judge(tt.facts, tt.policy)
			all := append(append([]ruling(nil), j.Reports...), j.Others...)
			if len(all) == 0 {
				t.Fatal("got no ruling")
			}
			if len(j.Reports) != len(tt.facts.Found.Reports) {
				t.Errorf("got %d rulings for %d reports", len(j.Reports), len(tt.facts.Found.Reports))
			}
			got := all[0]
			if got.Verdict != tt.want || !strings.HasPrefix(got.Reply.String(), tt.reply) {
				t.Errorf("got %s %q, want %s %q", got.Verdict, got.Reply, tt.want, tt.reply)
			}
			if got.Verdict != store && (got.Code == "" || got.Reason == "") {
				t.Errorf("got no reason: %+v", got)
			}
		})
	}
}

// TestConclude is the paragraph "Several reports in one message" of the design.
func TestConclude(t *testing.T) {
	keep := ruling{Verdict: store, Reply: replyStored}
	no := ruling{Verdict: reject, Code: "not_a_target", Reason: "not ours", Reply: replyNotTarget("other.example")}
	aside := ruling{Verdict: hold, Code: "limit", Reason: "too deep", Reply: replyHeld}
	nothing := ruling{reject, "no_report", "nothing", replyNoReport}
	one := aggregateAbout("example.com")
	tests := []struct {
		name    string
		j       judgement
		out     storage.Outcome
		held    bool
		to      bool // a recipient is postmaster
		verdict string
		reply   string
	}{
		{"stored", judgement{Reports: []ruling{keep}}, storage.Outcome{Reports: []storage.ReportOutcome{{Seq: 1}}}, false, false, "store", "250 2.0.0 report stored"},
		{"known", judgement{Reports: []ruling{keep}}, storage.Outcome{Reports: []storage.ReportOutcome{{Seq: 1, Duplicate: true}}}, false, false, "known", "250 2.0.0 already have it"},
		{"conflict", judgement{Reports: []ruling{keep}}, storage.Outcome{Reports: []storage.ReportOutcome{{Seq: 2, Conflict: true}}}, false, false, "store", "250 2.0.0 report stored"},
		{"one stored, one refused", judgement{Reports: []ruling{keep, no}}, storage.Outcome{Reports: []storage.ReportOutcome{{Seq: 1}}}, false, false, "store", "250 2.0.0 report stored; but reports about other.example are not accepted here"},
		{"one known, one held", judgement{Reports: []ruling{keep}, Others: []ruling{aside}}, storage.Outcome{Reports: []storage.ReportOutcome{{Seq: 1, Duplicate: true}}}, true, false, "hold", "250 2.0.0 kept for inspection"},
		{"held", judgement{Others: []ruling{aside}}, storage.Outcome{}, true, false, "hold", "250 2.0.0 kept for inspection"},
		{"all refused", judgement{Reports: []ruling{no, no}}, storage.Outcome{}, false, false, "reject", "550 5.7.1 reports about other.example"},
		{"nothing in it", judgement{Others: []ruling{nothing}}, storage.Outcome{}, false, false, "reject", "554 5.6.0"},
		{"nothing in it, but for postmaster", judgement{Others: []ruling{nothing}}, storage.Outcome{}, false, true, "postmaster", "250 2.0.0 delivered to the postmaster"},
		{"refused, but for postmaster", judgement{Reports: []ruling{no}}, storage.Outcome{}, false, true, "postmaster", "250 2.0.0 delivered to the postmaster; but reports about"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := storage.Batch{}
			for range tt.out.Reports {
				b.Reports = append(b.Reports, storage.Report{Report: one})
			}
			if tt.held {
				b.Held = &storage.Held{Reason: "too deep"}
			}
			got := conclude(tt.j, b, tt.out, facts{Postmaster: tt.to})
			if got.verdict() != tt.verdict || !strings.HasPrefix(got.Reply.String(), tt.reply) {
				t.Errorf("got %s %q, want %s %q", got.verdict(), got.Reply, tt.verdict, tt.reply)
			}
		})
	}
}

func TestImplausible(t *testing.T) {
	with := func(change func(*reports.Aggregate)) reports.Report {
		r := aggregateAbout("example.com")
		change(r.Aggregate)
		return r
	}
	count := func(n int64) reports.Report {
		return with(func(a *reports.Aggregate) { a.Records[0].Count = n })
	}
	failed := int64(-1)
	tests := []struct {
		name string
		r    reports.Report
		want string // code; "" for a plausible report
	}{
		{"plausible", aggregateAbout("example.com"), ""},
		{"end before begin", with(func(a *reports.Aggregate) { a.End = a.Begin.Add(-time.Second) }), "end_before_begin"},
		{"end equals begin", with(func(a *reports.Aggregate) { a.End = a.Begin }), ""},
		{"end 24 h after receipt", with(func(a *reports.Aggregate) { a.End = noon.Add(24 * time.Hour) }), ""},
		{"end later", with(func(a *reports.Aggregate) { a.End = noon.Add(24*time.Hour + time.Second) }), "end_in_future"},
		{"no messages", count(0), "count_implausible"},
		{"2^53 messages", count(1 << 53), ""},
		{"more", count(1<<53 + 1), "count_implausible"},
		{"period of a year only warns", with(func(a *reports.Aggregate) { a.Begin = a.End.AddDate(-1, 0, 0) }), ""},
		{"negative sessions", reports.Report{Kind: reports.KindTLS, TLS: &reports.TLS{Policies: []reports.TLSPolicy{{Failed: &failed}}}}, "count_implausible"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if w := implausible(&tt.r, noon); len(w) > 0 {
				got = w[0].Code
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	a := NewAddresses("Reports.Example.net", "mx.example.net", map[reports.Kind][]string{
		reports.KindAggregate: {"dmarc"}, reports.KindFailure: {"ruf", "dmarc"}, reports.KindTLS: {"tlsrpt"},
	})
	tests := []struct{ rcpt, want string }{
		{"dmarc@reports.example.net", ""},
		{"DMARC@REPORTS.example.NET", ""},
		{"dmarc+customer7@reports.example.net", ""},
		{"postmaster@reports.example.net", ""},
		{"Postmaster@mx.example.net", ""},
		{"abuse@reports.example.net", ""},
		{"dmarc@mx.example.net", "550 5.1.1"},
		{"dmarcx@reports.example.net", "550 5.1.1 no such address here, reports go to dmarc@reports.example.net or ruf@reports.example.net or tlsrpt@reports.example.net"},
		{"+dmarc@reports.example.net", "550 5.1.1"},
		{"dmarc@example.com", "550 5.7.1 this server takes mail for reports.example.net only"},
		{"dmarc@sub.reports.example.net", "550 5.7.1"},
		{"dmarc%example.com@reports.example.net", "550 5.1.1"},
		{`"dmarc@reports.example.net"@example.com`, "550 5.7.1"},
		{"dmarc", "550 5.7.1"},
	}
	for _, tt := range tests {
		t.Run(tt.rcpt, func(t *testing.T) {
			got := ""
			if no := a.check(tt.rcpt); no != nil {
				got = no.String()
			}
			if got != tt.want && (tt.want == "" || !strings.HasPrefix(got, tt.want)) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := a.mismatch([]string{"dmarc@reports.example.net"}, reports.KindFailure); got != "" {
		t.Errorf("dmarc serves failure reports, too: got %q", got)
	}
	if got := a.mismatch([]string{"tlsrpt+x@reports.example.net"}, reports.KindFailure); got == "" {
		t.Error("tlsrpt is for TLS reports: got no mismatch")
	}
}

var _ smtpd.Handler = (*Intake)(nil)

package export

import (
	"encoding/json"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reportmx/reports"
	"reportmx/storage"
)

// difference is a line of the table in docs/exports.md: what we write where
// parsedmarc writes something else.
type difference struct {
	name string // in the first column of the table
	in   func() *storage.Report
	cell map[string]string // by column, in the first row of CSV
	json map[string]string // by path, as JSON
}

func changed(r *storage.Report, change func(*storage.Report)) func() *storage.Report {
	return func() *storage.Report { change(r); return r }
}

// read gives what the reader makes of a document or mail.
func read(t *testing.T, document string) func() *storage.Report {
	return func() *storage.Report {
		t.Helper()
		found := reports.FindFile([]byte(document), "", reports.Limits{})
		if len(found.Reports) != 1 {
			t.Fatalf("got %d reports, want 1: %+v", len(found.Reports), found.Unreadable)
		}
		return &storage.Report{Seq: 1, Last: true, Report: found.Reports[0]}
	}
}

const oddAggregate = `<feedback><report_metadata><org_name>Post</org_name><email>a@post.example</email>
<extra_contact_info>questions & answers</extra_contact_info>
<report_id>&lt;7@post.example&gt;</report_id><date_range><begin>1795132800</begin><end>1795219199</end></date_range></report_metadata>
<policy_published><domain>example.com</domain><p>NONE</p><adkim>S</adkim></policy_published>
<record><row><source_ip>2001:0DB8:0::7</source_ip><count>1</count><policy_evaluated><disposition>none</disposition></policy_evaluated></row>
<identifiers><header_from>example.com</header_from></identifiers></record>
</feedback>`

const oddFailure = "From: r@mailbox.example\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nA report.\r\n--b\r\n" +
	"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: auth-failure\r\nUser-Agent: Mailbox/1\r\nVersion: 1\r\n" +
	"Original-Mail-From: <bounce@example.org>\r\nOriginal-Rcpt-To: <jo@mailbox.example>\r\nOriginal-Rcpt-To: <al@mailbox.example>\r\n" +
	"Authentication-Results: mx.mailbox.example;\r\n dmarc=fail header.from=example.com\r\nAuth-Failure: DMARC\r\n" +
	"Reported-Domain: example.com\r\nReported-Domain: example.org\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" +
	"From: jo@example.com\r\nMessage-ID: <7@example.com>\r\n\r\n--b--\r\n"

func differences(t *testing.T) []difference {
	return slices.Concat(aggregateDifferences(t), textDifferences(), tlsDifferencesOurs(), failureDifferences(t))
}

func aggregateDifferences(t *testing.T) []difference {
	return []difference{
		{"local time", changed(sampleAggregate(), func(r *storage.Report) {
			r.Aggregate.Begin = r.Aggregate.Begin.In(time.FixedZone("", -5*3600))
		}), map[string]string{"begin_date": "2026-11-19 00:00:00"}, map[string]string{
			"report_metadata.begin_date": `"2026-11-19 00:00:00"`, "records.0.interval_begin": `"2026-11-19 00:00:00"`,
		}},
		{"report ids", read(t, oddAggregate), map[string]string{"report_id": "<7@post.example>"},
			map[string]string{"report_metadata.report_id": `"<7@post.example>"`}},
		{"words", read(t, oddAggregate), map[string]string{"p": "none", "adkim": "s"},
			map[string]string{"policy_published.adkim": `"s"`}},
		{"addresses", read(t, oddAggregate), map[string]string{"source_ip_address": "2001:db8::7"},
			map[string]string{"records.0.source.ip_address": `"2001:db8::7"`}},
		{"errors of reading", read(t, oddAggregate), map[string]string{"errors": "", "org_extra_contact_info": "questions & answers"},
			map[string]string{"report_metadata.errors": `[]`}},
		{"incomplete records", changed(sampleAggregate(), func(r *storage.Report) {
			r.Aggregate.Records[0].SourceIP = netip.Addr{}
			r.Aggregate.Records[0].PolicyEvaluated = reports.PolicyEvaluated{}
		}), map[string]string{"source_ip_address": "", "count": "42", "disposition": "none", "dmarc_aligned": "False"},
			map[string]string{"records.0.source.ip_address": `null`, "records.0.policy_evaluated.dkim": `"fail"`}},
		{"incomplete reports", changed(sampleAggregate(), func(r *storage.Report) {
			r.Aggregate.Begin, r.Aggregate.PolicyPublished.P = time.Time{}, ""
		}), map[string]string{"begin_date": "", "end_date": "2026-11-20 00:00:00", "p": "", "sp": "none"},
			map[string]string{"report_metadata.begin_date": `null`, "report_metadata.original_timespan_seconds": `null`}},
		{"very long periods", changed(sampleAggregate(), func(r *storage.Report) {
			r.Aggregate.Begin = r.Aggregate.End.Add(-maxDays*oneDay - time.Second)
		}), map[string]string{"normalized_timespan": "False", "count": "42"}, map[string]string{
			"report_metadata.timespan_requires_normalization": `true`, "records.0.normalized_timespan": `false`, "records.0.count": `42`,
		}},
		{"conflicting and implausible reports", changed(sampleAggregate(), func(r *storage.Report) { r.Conflict = true }), nil, nil},
		{"identifiers", changed(sampleAggregate(), func(r *storage.Report) {
			r.Aggregate.Records[0].Identifiers.EnvelopeFrom = ""
		}), map[string]string{"envelope_from": "bounce.example.org"}, map[string]string{
			"records.0.identifiers": `{"envelope_from":"bounce.example.org","header_from":"example.com","envelope_to":"mailbox.example"}`,
		}},
	}
}

func textDifferences() []difference {
	return []difference{
		{"formulas", changed(sampleAggregate(), func(r *storage.Report) { r.Aggregate.OrgName = "=1 + 1" }),
			map[string]string{"org_name": "'=1 + 1"}, map[string]string{"report_metadata.org_name": `"=1 + 1"`}},
		{"invisible characters", changed(sampleAggregate(), func(r *storage.Report) { r.Aggregate.OrgName = "A\u202e \\\n" }),
			map[string]string{"org_name": `A\u202e \\\n`}, map[string]string{"report_metadata.org_name": `"A\u202e \\\n"`}},
		{"separators in lists", changed(sampleAggregate(), func(r *storage.Report) {
			r.Aggregate.Errors = []string{"a|b", "c,d"}
			r.Aggregate.Records[0].AuthResults.DKIM[0].Domain = "a,B"
		}), map[string]string{"errors": `a\x7cb|c,d`, "dkim_domains": `a\x2cb,bulk.example.org`},
			map[string]string{"report_metadata.errors": `["a|b","c,d"]`, "records.0.auth_results.dkim.0.domain": `"a,B"`}},
	}
}

func tlsDifferencesOurs() []difference {
	return []difference{
		{"failed sessions", sampleTLS, map[string]string{"failed_session_count": "203"},
			map[string]string{"policies.0.failed_session_count": `303`, "policies.0.failure_details.0.failed_session_count": `100`}},
		{"policy of a detail", sampleTLS, map[string]string{"1 policy_domain": "example.com", "1 policy_type": "sts", "1 failed_session_count": "100"}, nil},
		{"policy of the one before", sampleTLS, map[string]string{"3 policy_domain": "sub.example.com", "3 policy_strings": "", "3 mx_host_patterns": ""}, nil},
		{"times of TLS reports", changed(sampleTLS(), func(r *storage.Report) {
			r.TLS.Begin = r.TLS.Begin.In(time.FixedZone("", 3600))
		}), map[string]string{"begin_date": "2026-11-19T00:00:00Z"}, map[string]string{"begin_date": `"2026-11-19T00:00:00Z"`}},
		{"`mx-host`", sampleTLS, map[string]string{"mx_host_patterns": "*.mail.example.com"},
			map[string]string{"policies.0.mx_host_patterns": `["*.mail.example.com"]`}},
		{"`additional-information`", sampleTLS, map[string]string{"1 additional_info_uri": "https://mailbox.example/tls/1"},
			map[string]string{"policies.0.failure_details.0.additional_info_uri": `"https://mailbox.example/tls/1"`}},
		{"incomplete TLS reports", changed(sampleTLS(), func(r *storage.Report) {
			r.TLS.ContactInfo, r.TLS.Policies[0].PolicyType, r.TLS.Policies[0].Failed = "", "dane", nil
		}), map[string]string{"policy_type": "dane", "failed_session_count": ""},
			map[string]string{"contact_info": `null`, "policies.0.failed_session_count": `null`, "policies.0.policy_type": `"dane"`}},
	}
}

func failureDifferences(t *testing.T) []difference {
	return []difference{
		{"the failed message", changed(sampleFailure(), func(r *storage.Report) {}), nil,
			map[string]string{"sample": `""`, "parsed_sample.body": `null`, "parsed_sample.attachments": `[]`, "dkim_canonicalized_body": ``}},
		{"repeated fields", read(t, oddFailure),
			map[string]string{"original_rcpt_to": "jo@mailbox.example,al@mailbox.example", "reported_domain": "example.com"},
			map[string]string{"original_rcpt_to": `"jo@mailbox.example,al@mailbox.example"`, "reported_domain": `"example.com"`}},
		{"folded fields", read(t, oddFailure), map[string]string{"authentication_results": "mx.mailbox.example; dmarc=fail header.from=example.com"},
			map[string]string{"authentication_results": `"mx.mailbox.example; dmarc=fail header.from=example.com"`}},
		{"brackets and comments", read(t, oddFailure), map[string]string{"original_mail_from": "bounce@example.org", "auth_failure": "dmarc"},
			map[string]string{"original_mail_from": `"bounce@example.org"`, "auth_failure": `["dmarc"]`}},
		{"arrival and source", read(t, oddFailure), map[string]string{"arrival_date": "", "arrival_date_utc": "", "source_ip_address": ""},
			map[string]string{"arrival_date": `null`, "arrival_date_utc": `null`, "source.ip_address": `null`}},
		{"`message_id`", read(t, oddFailure), map[string]string{"message_id": "<7@example.com>"},
			map[string]string{"message_id": `"<7@example.com>"`}},
		{"other fields", changed(sampleFailure(), func(r *storage.Report) {
			r.Failure.Incidents = 1
			r.Failure.OtherFields = []reports.Field{{Name: "Sample", Value: "x"}, {Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}}
		}), nil, map[string]string{"incidents": ``, "sample": `""`, "x_a": `"1"`}},
	}
}

// TestParsedmarcDifferences: every difference from parsedmarc that
// docs/exports.md tells of is one, and it tells of every one.
func TestParsedmarcDifferences(t *testing.T) {
	var names []string
	for _, d := range differences(t) {
		names = append(names, d.name)
		t.Run(d.name, func(t *testing.T) {
			r := d.in()
			rows := readCSV(t, written(t, r.Kind, Options{Format: FormatParsedmarcCSV}, r))
			out := written(t, r.Kind, Options{Format: FormatParsedmarcJSON}, r)
			if d.cell == nil && d.json == nil && (len(rows) != 1 || out != "[]") {
				t.Errorf("got %d rows and %s, want the report to be left out", len(rows), out)
			}
			for column, want := range d.cell {
				if got := cellOf(t, rows, column); got != want {
					t.Errorf("%s: got %q, want %q", column, got, want)
				}
			}
			for path, want := range d.json {
				if got := valueAt(t, out, "0."+path); got != want {
					t.Errorf("%s: got %s, want %s", path, got, want)
				}
			}
		})
	}
	if diff := cmp.Diff(documentedDifferences(t), names); diff != "" {
		t.Errorf("differences (-docs +tested):\n%s", diff)
	}
}

// cellOf is a cell of the first row, or of the row whose number stands before
// the column.
func cellOf(t *testing.T, rows [][]string, column string) string {
	t.Helper()
	row := 1
	if number, name, found := strings.Cut(column, " "); found {
		row, column = row+int(number[0]-'0'), name
	}
	at := slices.Index(rows[0], column)
	if at < 0 || row >= len(rows) {
		t.Fatalf("no column %s in row %d of %d", column, row, len(rows))
	}
	return rows[row][at]
}

// valueAt is the compact JSON at a path of names and numbers, "" when a name is
// not there. Members keep their order.
func valueAt(t *testing.T, out, path string) string {
	t.Helper()
	value := json.RawMessage(out)
	for step := range strings.SplitSeq(path, ".") {
		var list []json.RawMessage
		var object map[string]json.RawMessage
		if json.Unmarshal(value, &list) == nil && int(step[0]-'0') < len(list) {
			value = list[step[0]-'0']
		} else if json.Unmarshal(value, &object) == nil {
			value = object[step]
		} else {
			t.Fatalf("no %s in %s", step, value)
		}
	}
	var lines []string
	for line := range strings.Lines(string(value)) {
		lines = append(lines, strings.TrimSpace(strings.Replace(line, `": `, `":`, 1)))
	}
	return strings.Join(lines, "")
}

// documentedDifferences are the names in the table of docs/exports.md.
func documentedDifferences(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- differences parsedmarc -->\n")
	table, _, _ = strings.Cut(table, "<!-- end -->")
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(table, -1) {
		names = append(names, m[1])
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "what" })
}

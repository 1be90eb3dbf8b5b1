package export

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reportmx/reports"
	"reportmx/storage"
)

// week is a report over more than one day, of counts that do not divide evenly.
func week() *storage.Report {
	r := sampleAggregate()
	r.Seq = 20
	a := r.Aggregate
	a.OrgName, a.ReportID = "mail.Post.example", "<week@post.example>"
	a.Namespace, a.Version, a.Generator, a.ExtraContactInfo = "", "", "", ""
	a.PolicyPublished = reports.PolicyPublished{Domain: "example.com", P: "reject"}
	a.Begin, a.End = utc(2026, 11, 17, 18), utc(2026, 11, 20, 6)
	a.Records[0].Count, a.Records[1].Count = 101, 1
	return r
}

// TestParsedmarcGolden: what the files of parsedmarc are made to look like, with
// overrides, several signatures and a period over 24 hours.
func TestParsedmarcGolden(t *testing.T) {
	tests := []struct {
		name string
		kind reports.Kind
		in   []*storage.Report
	}{
		{"aggregate", reports.KindAggregate, []*storage.Report{sampleAggregate(), week(), bare(reports.KindAggregate)}},
		{"failure", reports.KindFailure, []*storage.Report{sampleFailure(), bare(reports.KindFailure)}},
		{"smtp_tls", reports.KindTLS, []*storage.Report{sampleTLS(), bare(reports.KindTLS)}},
		{"nothing", reports.KindAggregate, nil},
	}
	for _, test := range tests {
		for extension, format := range map[string]Format{".csv": FormatParsedmarcCSV, ".json": FormatParsedmarcJSON} {
			name := "parsedmarc-" + test.name + extension
			t.Run(name, func(t *testing.T) {
				golden(t, name, written(t, test.kind, Options{Format: format}, test.in...))
			})
		}
	}
}

// TestParsedmarcColumns: the columns of parsedmarc 10.4, in their order.
func TestParsedmarcColumns(t *testing.T) {
	tests := map[reports.Kind]string{
		reports.KindAggregate: "xml_schema,org_name,org_email,org_extra_contact_info,report_id,begin_date,end_date,normalized_timespan,errors," +
			"domain,adkim,aspf,p,sp,np,pct,fo,testing,discovery_method,source_ip_address,source_country,source_reverse_dns," +
			"source_base_domain,source_name,source_type,source_asn,source_as_name,source_as_domain,count,spf_aligned,dkim_aligned," +
			"dmarc_aligned,disposition,policy_override_reasons,policy_override_comments,envelope_from,header_from,envelope_to," +
			"dkim_domains,dkim_selectors,dkim_results,spf_domains,spf_scopes,spf_results\r\n",
		reports.KindFailure: "feedback_type,user_agent,version,original_envelope_id,original_mail_from,original_rcpt_to,arrival_date," +
			"arrival_date_utc,subject,message_id,authentication_results,dkim_domain,source_ip_address,source_country," +
			"source_reverse_dns,source_base_domain,source_name,source_type,source_asn,source_as_name,source_as_domain," +
			"delivery_result,auth_failure,reported_domain,authentication_mechanisms,sample_headers_only\r\n",
		reports.KindTLS: "organization_name,begin_date,end_date,report_id,result_type,successful_session_count,failed_session_count," +
			"policy_domain,policy_type,policy_strings,mx_host_patterns,sending_mta_ip,receiving_ip,receiving_mx_hostname," +
			"receiving_mx_helo,additional_info_uri,failure_reason_code\r\n",
	}
	for kind, want := range tests {
		if diff := cmp.Diff(want, written(t, kind, Options{Format: FormatParsedmarcCSV})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		if got := written(t, kind, Options{Format: FormatParsedmarcJSON}); got != "[]" {
			t.Errorf("%s: got %q for no reports, want []", kind, got)
		}
	}
}

// TestParsedmarcFailureMembers: the members of a failure report, in their order.
// No golden file of parsedmarc has one.
func TestParsedmarcFailureMembers(t *testing.T) {
	out := written(t, reports.KindFailure, Options{Format: FormatParsedmarcJSON}, sampleFailure())
	want := []string{
		"feedback_type", "user_agent", "version", "original_envelope_id", "original_mail_from", "original_rcpt_to",
		"arrival_date", "arrival_date_utc", "message_id", "authentication_results", "delivery_result", "auth_failure",
		"authentication_mechanisms", "dkim_domain", "reported_domain", "sample_headers_only", "source", "sample", "parsed_sample",
		"reporting_mta", "reported_uri", "dkim_identity", "dkim_selector", "dkim_selector_dns", "dkim_adsp_dns",
		"dkim_canonicalized_header", "spf_dns", "source_port", "incidents", "x_cluster",
	}
	if diff := cmp.Diff(want, members(out, "    ")); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	want = []string{
		"ip_address", "reverse_dns", "country", "base_domain", "name", "type", "asn", "as_name", "as_domain",
		"headers", "subject", "filename_safe_subject", "date", "timezone", "from", "to", "to_domains", "cc", "bcc", "reply_to",
		"attachments", "body", "has_defects", "received",
	}
	_, out, _ = strings.Cut(out, `"source"`)
	if diff := cmp.Diff(want, members(out, "      ")); diff != "" {
		t.Errorf("members of source and parsed_sample (-want +got):\n%s", diff)
	}
}

// members are the names on the lines that are indented so.
func members(out, indent string) []string {
	var names []string
	for line := range strings.Lines(out) {
		if name, found := strings.CutPrefix(line, indent+`"`); found {
			name, _, _ = strings.Cut(name, `"`)
			names = append(names, name)
		}
	}
	return names
}

func TestAppendDays(t *testing.T) {
	noon := utc(2026, 11, 19, 12)
	tests := []struct {
		name  string
		span  time.Duration
		count int64
		want  []int64
	}{
		{"evenly", 48 * time.Hour, 100, []int64{25, 50, 25}},
		{"remainder to the longest", 48 * time.Hour, 3, []int64{1, 1, 1}},
		{"of equals to the earlier", 24 * time.Hour, 3, []int64{2, 1}},
		{"one message", 48 * time.Hour, 1, []int64{1}},
		{"two, and the last day has none", 36 * time.Hour, 2, []int64{1, 1}},
		{"a second more than a day", 24*time.Hour + time.Second, 10, []int64{5, 5}},
		{"more than floats can hold", 48 * time.Hour, 1<<62 + 1, []int64{1 << 60, 1<<61 + 1, 1 << 60}},
		{"none", 48 * time.Hour, 0, []int64{0}},
		{"below none", 48 * time.Hour, -4, []int64{-4}},
		{"no time", 0, 4, []int64{4}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []int64
			for _, d := range appendDays(nil, noon, noon.Add(test.span), test.count) {
				got = append(got, d.count)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

// FuzzAppendDays: nothing is lost, no day is longer than one, and the days follow
// each other.
func FuzzAppendDays(f *testing.F) {
	f.Add(int64(1763500000), int64(200000), int64(7))
	f.Add(int64(0), int64(maxDays*86400), int64(1)<<62)
	f.Fuzz(func(t *testing.T, from, seconds, count int64) {
		if from < firstSecond || from > lastSecond || seconds < 0 || seconds > maxDays*86400 {
			return
		}
		begin := time.Unix(from, 0)
		end, last, sum := begin.Add(time.Duration(seconds)*time.Second), begin, int64(0)
		list := appendDays(nil, begin, end, count)
		for _, d := range list {
			if d.begin.Before(last) || !d.end.After(d.begin) && seconds > 0 || d.end.After(end) {
				t.Fatalf("%v: out of place: %v", list, d)
			}
			if len(list) > 1 && d.end.Sub(d.begin) > oneDay {
				t.Errorf("%v is longer than a day", d)
			}
			last, sum = d.end, sum+d.count
		}
		if sum != count {
			t.Errorf("%d messages became %d", count, sum)
		}
	})
}

// knownSource knows everything of one address.
type knownSource struct{ ip netip.Addr }

func (k knownSource) Enrich(ip netip.Addr) Source {
	if ip != k.ip {
		return Source{}
	}
	return Source{
		Country: "XX", ReverseDNS: "out.bulk.example", BaseDomain: "bulk.example", Name: "Bulk, Inc.", Type: "Email Provider",
		ASN: 64496, ASName: "Bulk Networks", ASDomain: "bulk.example",
	}
}

func TestParsedmarcEnricher(t *testing.T) {
	o := Options{Format: FormatParsedmarcCSV, Enricher: knownSource{netip.MustParseAddr("198.51.100.7")}}
	rows := readCSV(t, written(t, reports.KindAggregate, o, sampleAggregate()))
	got := [][]string{rows[1][19:28], rows[2][19:28]}
	want := [][]string{
		{"198.51.100.7", "XX", "out.bulk.example", "bulk.example", "Bulk, Inc.", "Email Provider", "64496", "Bulk Networks", "bulk.example"},
		{"2001:db8::9", "", "", "", "", "", "", "", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("CSV (-want +got):\n%s", diff)
	}
	o = Options{Format: FormatParsedmarcJSON, Enricher: knownSource{netip.MustParseAddr("203.0.113.9")}}
	var list []struct {
		Source map[string]any `json:"source"`
	}
	if err := json.Unmarshal([]byte(written(t, reports.KindFailure, o, sampleFailure())), &list); err != nil {
		t.Fatal(err)
	}
	wantSource := map[string]any{
		"ip_address": "203.0.113.9", "reverse_dns": "out.bulk.example", "country": "XX", "base_domain": "bulk.example",
		"name": "Bulk, Inc.", "type": "Email Provider", "asn": 64496.0, "as_name": "Bulk Networks", "as_domain": "bulk.example",
	}
	if diff := cmp.Diff(wantSource, list[0].Source); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

package peers

import (
	"fmt"
	"strings"
	"testing"
)

// mail is a report mail of receiver.example about example.com, with this many
// records of one mail each, lines ended by CR LF. Its id becomes the report_id. It
// is not compressed: a mail that was cut cannot be read.
func mail(id string, records int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `From: reports@receiver.example
To: %[2]s
Subject: Report Domain: example.com Submitter: receiver.example Report-ID: <%[1]s>
Date: Sat, 21 Nov 2026 06:00:00 +0000
Message-ID: <%[1]s@receiver.example>
MIME-Version: 1.0
Content-Type: text/xml

<feedback><version>1.0</version><report_metadata><org_name>Receiver</org_name><email>reports@receiver.example</email><report_id>%[1]s</report_id>
<date_range><begin>1795132800</begin><end>1795219199</end></date_range></report_metadata>
<policy_published><domain>example.com</domain><p>none</p></policy_published>
`, id, address)
	for i := range records {
		fmt.Fprintf(&b, `<record><row><source_ip>2001:db8::%x</source_ip><count>1</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row>
<identifiers><header_from>example.com</header_from></identifiers></record>
`, i+1)
	}
	b.WriteString("</feedback>\n")
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

// wantOnce compares what is stored with the mails "prefix-0" to "prefix-(n-1)", of
// this many records each: every one once, whole, and nothing else.
func (m *mx) wantOnce(t *testing.T, prefix string, n, records int) {
	t.Helper()
	seen := make(map[string]int)
	for _, s := range m.export(t, "aggregate") {
		seen[s.Report.ReportID]++
		if s.Conflict || len(s.Report.Records) != records {
			t.Errorf("%s: got conflict %t and %d records, want none and %d", s.Report.ReportID, s.Conflict, len(s.Report.Records), records)
		}
	}
	lost, doubled := 0, 0
	for i := range n {
		switch id := fmt.Sprintf("%s-%d", prefix, i); {
		case seen[id] == 0:
			lost++
		case seen[id] > 1:
			doubled++
		}
	}
	t.Logf("%d mails: %d stored, %d lost, %d doubled", n, len(seen), lost, doubled)
	if lost > 0 || doubled > 0 || len(seen) != n {
		t.Errorf("got %d reports, %d lost and %d doubled, want %d and none", len(seen), lost, doubled, n)
	}
	m.wantHeld(t, 0)
}

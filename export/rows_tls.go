package export

import "reportmx/reports"

// The two rows of a TLS export. Totals stand only in rows of policies, and
// counts of failures only in rows of failures, in another column: RFC 8460 §4.3
// lets failures overlap, and no sum over a column counts a session twice.
const (
	tlsRowPolicy  = "policy"
	tlsRowFailure = "failure"
)

// tls writes the rows of a TLS report: for each policy its totals, and one row
// for each kind of failure.
func (e *rowEncoder) tls(out *output, t *reports.TLS) {
	for i := range t.Policies {
		p := &t.Policies[i]
		e.row.b = append(e.row.b, e.head...)
		e.row.tlsPolicy(tlsRowPolicy, p)
		e.row.tlsDetail(&reports.TLSFailure{})
		e.endRow(out)
		named := *p
		named.Successful, named.Failed = nil, nil
		for k := range p.FailureDetails {
			e.row.b = append(e.row.b, e.head...)
			e.row.tlsPolicy(tlsRowFailure, &named)
			e.row.tlsDetail(&p.FailureDetails[k])
			e.endRow(out)
		}
	}
}

func (r *row) tls(t *reports.TLS) {
	r.text("organization_name", t.OrgName)
	r.text("contact_info", t.ContactInfo)
	r.text("report_id", t.ReportID)
	r.moment("begin", t.Begin)
	r.moment("end", t.End)
}

func (r *row) tlsPolicy(rowType string, p *reports.TLSPolicy) {
	r.text("row", rowType)
	r.text("policy_type", p.PolicyType)
	r.text("policy_domain", p.PolicyDomain)
	r.texts("policy_string", p.PolicyString)
	r.texts("mx_host", p.MXHost)
	r.optional("successful", p.Successful)
	r.optional("failed", p.Failed)
}

func (r *row) tlsDetail(f *reports.TLSFailure) {
	r.text("result_type", f.ResultType)
	r.address("sending_mta_ip", f.SendingMTAIP)
	r.text("receiving_mx_hostname", f.ReceivingMXHostname)
	r.text("receiving_mx_helo", f.ReceivingMXHelo)
	r.address("receiving_ip", f.ReceivingIP)
	r.optional("failed_session_count", f.FailedSessionCount)
	r.text("additional_information", f.AdditionalInformation)
	r.text("failure_reason_code", f.FailureReasonCode)
}

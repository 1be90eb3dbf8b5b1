package export

import (
	"net/netip"
	"time"

	"reportmx/reports"
)

func (e *parsedmarcJSON) tls(t *reports.TLS) {
	j := &e.json
	j.element()
	j.text("organization_name", t.OrgName)
	j.moment("begin_date", t.Begin, time.RFC3339)
	j.moment("end_date", t.End, time.RFC3339)
	j.known("contact_info", t.ContactInfo)
	j.text("report_id", t.ReportID)
	j.array("policies")
	for i := range t.Policies {
		p := &t.Policies[i]
		j.element()
		j.text("policy_domain", p.PolicyDomain)
		j.text("policy_type", p.PolicyType)
		if len(p.PolicyString) > 0 {
			j.texts("policy_strings", p.PolicyString)
		}
		if len(p.MXHost) > 0 {
			j.texts("mx_host_patterns", p.MXHost)
		}
		j.optional("successful_session_count", p.Successful)
		j.optional("failed_session_count", p.Failed)
		if len(p.FailureDetails) > 0 {
			j.array("failure_details")
			for k := range p.FailureDetails {
				e.tlsFailure(&p.FailureDetails[k])
			}
			j.shut(']')
		}
		j.shut('}')
	}
	j.shut(']')
	j.shut('}')
}

func (e *parsedmarcJSON) tlsFailure(f *reports.TLSFailure) {
	j := &e.json
	j.element()
	j.text("result_type", f.ResultType)
	j.optional("failed_session_count", f.FailedSessionCount)
	j.some("sending_mta_ip", ipText(f.SendingMTAIP))
	j.some("receiving_ip", ipText(f.ReceivingIP))
	j.some("receiving_mx_hostname", f.ReceivingMXHostname)
	j.some("receiving_mx_helo", f.ReceivingMXHelo)
	j.some("additional_info_uri", f.AdditionalInformation)
	j.some("failure_reason_code", f.FailureReasonCode)
	j.shut('}')
}

// ipText is "" for an address that is absent or unreadable.
func ipText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

// tls writes a row for each policy and one for each of its failure details. In
// both, failed_session_count is the number of sessions that this row alone
// stands for, so that a sum over the column counts none twice.
func (e *parsedmarcCSV) tls(out *output, t *reports.TLS) {
	for i := range t.Policies {
		p := &t.Policies[i]
		e.tlsRow(t, p, p.Successful, &reports.TLSFailure{FailedSessionCount: unexplained(p)})
		e.endRow(out)
		for k := range p.FailureDetails {
			e.tlsRow(t, p, nil, &p.FailureDetails[k])
			e.endRow(out)
		}
	}
}

// unexplained is how many of a policy's failed sessions none of its details
// stands for; nil when the report does not give their number. Details that
// overlap (RFC 8460 §4.3) may stand for more than all: then it is 0.
func unexplained(p *reports.TLSPolicy) *int64 {
	if p.Failed == nil {
		return nil
	}
	left := *p.Failed
	for i := range p.FailureDetails {
		if n := p.FailureDetails[i].FailedSessionCount; n != nil && *n > 0 {
			left = max(left, *n) - *n
		}
	}
	return &left
}

func (e *parsedmarcCSV) tlsRow(t *reports.TLS, p *reports.TLSPolicy, successful *int64, f *reports.TLSFailure) {
	r := &e.row
	r.first("organization_name", t.OrgName)
	r.moment("begin_date", t.Begin)
	r.moment("end_date", t.End)
	r.text("report_id", t.ReportID)
	r.text("result_type", f.ResultType)
	r.optional("successful_session_count", successful)
	r.optional("failed_session_count", f.FailedSessionCount)
	r.text("policy_domain", p.PolicyDomain)
	r.text("policy_type", p.PolicyType)
	r.splitTexts("policy_strings", '|', p.PolicyString, "")
	r.splitTexts("mx_host_patterns", '|', p.MXHost, "")
	r.address("sending_mta_ip", f.SendingMTAIP)
	r.address("receiving_ip", f.ReceivingIP)
	r.text("receiving_mx_hostname", f.ReceivingMXHostname)
	r.text("receiving_mx_helo", f.ReceivingMXHelo)
	r.text("additional_info_uri", f.AdditionalInformation)
	r.text("failure_reason_code", f.FailureReasonCode)
}

package export

import "reportmx/reports"

// tls writes a TLS report (RFC 8460 §4.4).
func (j *jsonText) tls(t *reports.TLS) {
	j.text("organization_name", t.OrgName)
	j.text("contact_info", t.ContactInfo)
	j.text("report_id", t.ReportID)
	j.moment("begin", t.Begin)
	j.moment("end", t.End)
	j.array("policies")
	for i := range t.Policies {
		p := &t.Policies[i]
		j.element()
		j.text("policy_type", p.PolicyType)
		j.text("policy_domain", p.PolicyDomain)
		j.texts("policy_string", p.PolicyString)
		j.texts("mx_host", p.MXHost)
		j.optional("successful", p.Successful)
		j.optional("failed", p.Failed)
		j.array("failure_details")
		for k := range p.FailureDetails {
			j.tlsFailure(&p.FailureDetails[k])
		}
		j.endArray()
		j.endObject()
	}
	j.endArray()
}

func (j *jsonText) tlsFailure(f *reports.TLSFailure) {
	j.element()
	j.text("result_type", f.ResultType)
	j.address("sending_mta_ip", f.SendingMTAIP)
	j.text("receiving_mx_hostname", f.ReceivingMXHostname)
	j.text("receiving_mx_helo", f.ReceivingMXHelo)
	j.address("receiving_ip", f.ReceivingIP)
	j.optional("failed_session_count", f.FailedSessionCount)
	j.text("additional_information", f.AdditionalInformation)
	j.text("failure_reason_code", f.FailureReasonCode)
	j.endObject()
}

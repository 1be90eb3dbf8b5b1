package export

import "reportmx/reports"

// failure writes a failure report (RFC 9991 §4, RFC 6591 §3). Deliberately
// without the body of the sample and DKIM-Canonicalized-Body, which is the same
// body: an export is passed around, a stranger's mail should not be.
func (j *jsonText) failure(f *reports.Failure) {
	j.text("feedback_type", f.FeedbackType)
	j.text("user_agent", f.UserAgent)
	j.text("version", f.Version)
	j.text("auth_failure", f.AuthFailure)
	j.text("original_envelope_id", f.OriginalEnvelopeID)
	j.text("original_mail_from", f.OriginalMailFrom)
	j.texts("original_rcpt_to", f.OriginalRcptTo)
	j.moment("arrival_date", f.ArrivalDate)
	j.text("arrival_date_text", f.ArrivalDateText)
	j.text("arrival_date_field", f.ArrivalDateField)
	j.text("reporting_mta", f.ReportingMTA)
	j.address("source_ip", f.SourceIP)
	j.text("source_ip_text", f.SourceIPText)
	j.optional("source_port", sourcePort(f))
	j.number("incidents", f.Incidents)
	j.texts("authentication_results", f.AuthenticationResults)
	j.text("delivery_result", f.DeliveryResult)
	j.texts("reported_domain", f.ReportedDomains)
	j.texts("reported_uri", f.ReportedURIs)
	j.texts("identity_alignment", f.IdentityAlignment)
	j.object("alignment")
	j.text("dkim", f.DKIMAligned)
	j.text("spf", f.SPFAligned)
	j.text("source", alignmentSource(f))
	j.endObject()
	j.failureMethods(f)
	j.text("policy_domain", f.PolicyDomain)
	j.sample(&f.Sample)
}

func (j *jsonText) failureMethods(f *reports.Failure) {
	j.text("dkim_domain", f.DKIMDomain)
	j.text("dkim_identity", f.DKIMIdentity)
	j.text("dkim_selector", f.DKIMSelector)
	j.text("dkim_selector_dns", f.DKIMSelectorDNS)
	j.text("dkim_adsp_dns", f.DKIMADSPDNS)
	j.text("dkim_canonicalized_header", f.DKIMCanonicalizedHeader)
	j.texts("spf_dns", f.SPFDNS)
	j.array("other_fields")
	for i := range f.OtherFields {
		j.element()
		j.text("name", f.OtherFields[i].Name)
		j.text("value", f.OtherFields[i].Value)
		j.endObject()
	}
	j.endArray()
}

func (j *jsonText) sample(s *reports.Sample) {
	j.object("sample")
	j.text("content_type", s.ContentType)
	j.flag("headers_only", s.HeadersOnly)
	j.flag("interrupted", s.Interrupted)
	j.text("from", s.From)
	j.text("to", s.To)
	j.text("subject", s.Subject)
	j.text("message_id", s.MessageID)
	j.text("date", s.Date)
	j.endObject()
}

// alignmentSource tells where the aligned results come from: "computed" from the
// other fields, as Identity-Alignment means one thing in RFC 7489 §7.3.1 and the
// opposite in RFC 9991 §4; "" when they could not be told.
func alignmentSource(f *reports.Failure) string {
	if f.DKIMAligned == "" && f.SPFAligned == "" {
		return ""
	}
	return "computed"
}

func sourcePort(f *reports.Failure) *int64 {
	if f.SourcePort == 0 {
		return nil
	}
	return wide(&f.SourcePort)
}

package export

import "reportmx/reports"

// failure writes the columns of a failure report: the same fields as in JSON,
// besides those that no specification names.
func (r *row) failure(f *reports.Failure) {
	r.text("feedback_type", f.FeedbackType)
	r.text("user_agent", f.UserAgent)
	r.text("version", f.Version)
	r.text("auth_failure", f.AuthFailure)
	r.text("original_envelope_id", f.OriginalEnvelopeID)
	r.text("original_mail_from", f.OriginalMailFrom)
	r.texts("original_rcpt_to", f.OriginalRcptTo)
	r.moment("arrival_date", f.ArrivalDate)
	r.text("arrival_date_text", f.ArrivalDateText)
	r.text("reporting_mta", f.ReportingMTA)
	r.address("source_ip", f.SourceIP)
	r.text("source_ip_text", f.SourceIPText)
	r.optional("source_port", sourcePort(f))
	r.number("incidents", f.Incidents)
	r.texts("authentication_results", f.AuthenticationResults)
	r.text("delivery_result", f.DeliveryResult)
	r.texts("reported_domain", f.ReportedDomains)
	r.texts("reported_uri", f.ReportedURIs)
	r.texts("identity_alignment", f.IdentityAlignment)
	r.text("alignment_dkim", f.DKIMAligned)
	r.text("alignment_spf", f.SPFAligned)
	r.text("alignment_source", alignmentSource(f))
	r.text("dkim_domain", f.DKIMDomain)
	r.text("dkim_identity", f.DKIMIdentity)
	r.text("dkim_selector", f.DKIMSelector)
	r.text("dkim_selector_dns", f.DKIMSelectorDNS)
	r.text("dkim_adsp_dns", f.DKIMADSPDNS)
	r.text("dkim_canonicalized_header", f.DKIMCanonicalizedHeader)
	r.texts("spf_dns", f.SPFDNS)
	r.text("policy_domain", f.PolicyDomain)
	r.sample(&f.Sample)
}

func (r *row) sample(s *reports.Sample) {
	r.text("sample_content_type", s.ContentType)
	r.flag("sample_headers_only", s.HeadersOnly)
	r.flag("sample_interrupted", s.Interrupted)
	r.text("sample_from", s.From)
	r.text("sample_to", s.To)
	r.text("sample_subject", s.Subject)
	r.text("sample_message_id", s.MessageID)
	r.text("sample_date", s.Date)
}

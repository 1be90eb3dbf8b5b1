package export

import (
	"strconv"
	"strings"

	"reportmx/reports"
)

// deliveryResult is the first of the words of RFC 6591 §3.2.2 that the field
// holds ("smg-policy-action" is policy), and "other" without one.
func deliveryResult(f *reports.Failure) string {
	for _, word := range []string{"delivered", "spam", "policy", "reject"} {
		if strings.Contains(f.DeliveryResult, word) {
			return word
		}
	}
	return "other"
}

// authFailures are the kinds of failure: one as a rule, "dmarc" when none is given.
func authFailures(f *reports.Failure) []string {
	return words(or(f.AuthFailure, "dmarc"))
}

// words are the parts of a text between commas, without the empty ones.
func words(text string) []string {
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// mechanisms is Identity-Alignment as sent, without the word for none. What it
// says depends on which RFC the report follows: see reports.Failure.
func mechanisms(f *reports.Failure) []string {
	if len(f.IdentityAlignment) == 1 && f.IdentityAlignment[0] == "none" {
		return nil
	}
	return f.IdentityAlignment
}

func reportedDomain(f *reports.Failure) string {
	if len(f.ReportedDomains) > 0 {
		return f.ReportedDomains[0]
	}
	return f.PolicyDomain
}

// failedMessageID is what the report itself says, else what its sample says.
func failedMessageID(f *reports.Failure) string {
	for i := range f.OtherFields {
		if strings.EqualFold(f.OtherFields[i].Name, "Message-ID") {
			return f.OtherFields[i].Value
		}
	}
	return f.Sample.MessageID
}

func (e *parsedmarcCSV) failure(f *reports.Failure) {
	r := &e.row
	r.first("feedback_type", or(f.FeedbackType, "auth-failure"))
	r.text("user_agent", f.UserAgent)
	r.text("version", f.Version)
	r.text("original_envelope_id", f.OriginalEnvelopeID)
	r.text("original_mail_from", f.OriginalMailFrom)
	r.splitTexts("original_rcpt_to", ',', f.OriginalRcptTo, "")
	r.text("arrival_date", f.ArrivalDateText)
	r.when("arrival_date_utc", f.ArrivalDate)
	r.text("subject", f.Sample.Subject)
	r.text("message_id", failedMessageID(f))
	r.splitTexts("authentication_results", '|', f.AuthenticationResults, "")
	r.text("dkim_domain", f.DKIMDomain)
	r.address("source_ip_address", f.SourceIP)
	source := sourceOf(e.enricher, f.SourceIP)
	r.enriched(&source)
	r.text("delivery_result", deliveryResult(f))
	r.splitTexts("auth_failure", ',', authFailures(f), "")
	r.text("reported_domain", reportedDomain(f))
	r.splitTexts("authentication_mechanisms", ',', mechanisms(f), "")
	r.boolean("sample_headers_only", f.Sample.HeadersOnly)
}

// failure writes a failure report. Deliberately without the sample: it is
// somebody's mail (see the same in our own JSON).
func (e *parsedmarcJSON) failure(f *reports.Failure) {
	j := &e.json
	j.element()
	j.text("feedback_type", or(f.FeedbackType, "auth-failure"))
	j.known("user_agent", f.UserAgent)
	j.known("version", f.Version)
	j.known("original_envelope_id", f.OriginalEnvelopeID)
	j.known("original_mail_from", f.OriginalMailFrom)
	j.known("original_rcpt_to", strings.Join(f.OriginalRcptTo, ","))
	j.known("arrival_date", f.ArrivalDateText)
	j.moment("arrival_date_utc", f.ArrivalDate, parsedmarcTime)
	j.some("message_id", failedMessageID(f))
	j.known("authentication_results", strings.Join(f.AuthenticationResults, "|"))
	j.text("delivery_result", deliveryResult(f))
	j.texts("auth_failure", authFailures(f))
	j.texts("authentication_mechanisms", mechanisms(f))
	j.known("dkim_domain", f.DKIMDomain)
	j.known("reported_domain", reportedDomain(f))
	j.flag("sample_headers_only", f.Sample.HeadersOnly)
	e.source(f.SourceIP, sourceOf(e.enricher, f.SourceIP))
	j.text("sample", "")
	e.parsedSample(&f.Sample)
	e.otherFields(f)
	j.shut('}')
}

// failureMembers are the names that no field of a stranger may take.
var failureMembers = []string{
	"feedback_type", "user_agent", "version", "original_envelope_id", "original_mail_from", "original_rcpt_to",
	"arrival_date", "arrival_date_utc", "message_id", "authentication_results", "delivery_result", "auth_failure",
	"authentication_mechanisms", "identity_alignment", "dkim_domain", "reported_domain", "sample_headers_only",
	"source", "source_ip", "sample", "parsed_sample", "dkim_canonicalized_body",
}

// otherFields writes the fields of the report that have no member of their own,
// each name once: the first that is given.
func (e *parsedmarcJSON) otherFields(f *reports.Failure) {
	taken := make(map[string]bool)
	for _, name := range failureMembers {
		taken[name] = true
	}
	add := func(name, value string) {
		name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))
		if value != "" && name != "" && !taken[name] {
			taken[name] = true
			e.json.text(name, value)
		}
	}
	add("reporting_mta", f.ReportingMTA)
	add("reported_uri", strings.Join(f.ReportedURIs, "|"))
	add("dkim_identity", f.DKIMIdentity)
	add("dkim_selector", f.DKIMSelector)
	add("dkim_selector_dns", f.DKIMSelectorDNS)
	add("dkim_adsp_dns", f.DKIMADSPDNS)
	add("dkim_canonicalized_header", f.DKIMCanonicalizedHeader)
	add("spf_dns", strings.Join(f.SPFDNS, "|"))
	if f.SourcePort != 0 {
		add("source_port", strconv.Itoa(f.SourcePort))
	}
	if f.Incidents > 1 {
		add("incidents", strconv.FormatInt(f.Incidents, 10))
	}
	for i := range f.OtherFields {
		add(f.OtherFields[i].Name, f.OtherFields[i].Value)
	}
}

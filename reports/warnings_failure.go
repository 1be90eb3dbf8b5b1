package reports

// The codes of Warning.Code that the walk through a mail and the reader of
// failure reports give, beside WarnMissing, WarnRepeated, WarnNumber, WarnTime
// and WarnIP.
const (
	WarnHeader           = "header_recovered"  // lines of a header block that are no fields were passed over
	WarnTransferEncoding = "transfer_encoding" // a part is not encoded as its label says
	WarnArrivalTwice     = "arrival_twice"     // Arrival-Date and Received-Date both (RFC 5965 §3.2)
	WarnBase64           = "base64"            // text where base64 should stand; kept as it is
	WarnBlankLine        = "blank_line"        // a blank line inside of the feedback part, or of the sample's header
	WarnSampleMissing    = "sample_missing"    // no third part (RFC 5965 §2)
	WarnFeedbackLabel    = "feedback_label"    // the feedback part is labelled as something else
)

// maxWarningText is the most of a stranger's text that a warning shows, in bytes.
const maxWarningText = 80

// warn adds a warning to a report; past maxWarnings it only says that there are more.
func (r *Report) warn(code, where, text string) {
	switch n := len(r.Warnings); {
	case n < maxWarnings:
		r.Warnings = append(r.Warnings, Warning{Code: code, Where: where, Text: excerpt(text)})
	case n == maxWarnings:
		r.Warnings = append(r.Warnings, Warning{Code: WarnMoreWarnings})
	}
}

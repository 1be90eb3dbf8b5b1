package reports

// The codes of Warning.Code that the walk through a mail and the reader of
// failure reports give.
const (
	WarnHeader           = "header_recovered"  // lines of a header block that are no fields were passed over
	WarnTransferEncoding = "transfer_encoding" // a part is not encoded as its label says
	WarnFieldMissing     = "field_missing"     // a field that RFC 9991 §4 demands
	WarnFieldRepeated    = "field_repeated"    // a field that may stand once; the first value was taken
	WarnFieldValue       = "field_value"       // a field whose value cannot be read; kept as written where there is room
	WarnArrivalTwice     = "arrival_twice"     // Arrival-Date and Received-Date both (RFC 5965 §3.2)
	WarnBlankLine        = "blank_line"        // a blank line inside of the feedback part, or of the sample's header
	WarnSampleMissing    = "sample_missing"    // no third part (RFC 5965 §2)
	WarnFeedbackType     = "feedback_label"    // the feedback part is labelled as something else
)

// warn adds a warning to a report.
func (r *Report) warn(code, where, text string) {
	r.Warnings = append(r.Warnings, Warning{Code: code, Where: where, Text: shorten(text, maxLabel)})
}

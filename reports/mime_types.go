package reports

import "strings"

// isFeedbackType tells whether a content type is that of a feedback report,
// message/feedback-report (RFC 5965 §3), whatever stands before its slash.
func isFeedbackType(contentType string) bool {
	_, subtype, _ := strings.Cut(contentType, "/")
	return subtype == "feedback-report" || subtype == "feedback_report"
}

// isMessageType tells whether a content type is that of a message or of the
// header of one: message/rfc822, text/rfc822-headers (RFC 6522 §4),
// message/global (RFC 6532 §3.7), and the spellings that reporters make of them.
func isMessageType(contentType string) bool {
	class, subtype, _ := strings.Cut(contentType, "/")
	if class != "message" && class != "text" {
		return false
	}
	subtype = strings.Replace(subtype, "rfc-822", "rfc822", 1)
	switch subtype {
	case "rfc822", "rfc822-headers", "rfc822-header", "rfc822headers":
		return true
	case "global", "global-headers":
		return class == "message"
	}
	return false
}

// traits are what makes a message look like one that carries a report. They
// decide what becomes of a passed bound, or of an archive that cannot be
// unpacked; nothing else.
type traits struct {
	subject  bool // follows RFC 9990 §3.5.2
	fileName bool // the same
	report   bool // the message is labelled as a failure or TLS report
}

func (t *traits) any() bool {
	return t.subject || t.fileName || t.report
}

func (t *traits) note(e *entity) {
	if subject := e.header.Get(fieldSubject); subject != "" && isReportSubject(decodeWords(subject)) {
		t.subject = true
	}
	if e.name != "" && reportFileName(e.name) {
		t.fileName = true
	}
	kind := strings.ToLower(e.contentType.param("report-type"))
	if kind == "feedback-report" || kind == "tlsrpt" || isFeedbackType(e.contentType.value) ||
		e.header.Has(fieldTLSReportDomain) {
		t.report = true
	}
}

// isReportSubject tells whether a subject follows RFC 9990 §3.5.2, as leniently
// as reporting organizations write it: any case, words before it, semicolons.
func isReportSubject(subject string) bool {
	words := strings.ToLower(singleSpaced(subject))
	_, behind, found := strings.Cut(words, "report domain:")
	return found && strings.Contains(behind, "submitter:")
}

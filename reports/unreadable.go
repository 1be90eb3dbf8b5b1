package reports

// The codes of Unreadable.Code: a closed set, so that they may be a label of a
// metric.
const (
	CodePanic         = "panic"          // a reader panicked; Stack tells where
	CodeArchive       = "archive"        // gzip or zip that cannot be unpacked
	CodeLimit         = "limit"          // a bound was passed; Reason names it
	CodeAggregate     = "aggregate"      // an aggregate report that cannot be read
	CodeTLS           = "tls"            // a TLS report that cannot be read
	CodeFeedback      = "feedback"       // a message/feedback-report that cannot be read (RFC 5965 §4)
	CodeFailureNotice = "failure_notice" // prose about a DMARC failure, without the part that programs read
	CodeErrorReport   = "error_report"   // an error report (RFC 7489 §7.2.2)
)

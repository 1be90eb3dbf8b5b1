package reports

import (
	"net/netip"
	"time"
)

// TLS is an SMTP TLS report (RFC 8460 §4.4).
type TLS struct {
	OrgName     string
	ContactInfo string
	ReportID    string
	Begin, End  time.Time // start-datetime and end-datetime, UTC
	Policies    []TLSPolicy
}

// TLSPolicy is one policy with its results.
type TLSPolicy struct {
	PolicyType   string // tlsa, sts, no-policy-found
	PolicyDomain string
	PolicyString []string
	MXHost       []string
	// Successful and Failed are total-successful-session-count and
	// total-failure-session-count; nil when absent.
	Successful, Failed *int64
	FailureDetails     []TLSFailure
}

// TLSFailure is one kind of failure and how often it was seen. Counts of
// different kinds may overlap (RFC 8460 §4.3): never add them to Failed.
type TLSFailure struct {
	ResultType            string
	SendingMTAIP          netip.Addr
	ReceivingMXHostname   string
	ReceivingMXHelo       string
	ReceivingIP           netip.Addr
	FailedSessionCount    *int64
	AdditionalInformation string
	FailureReasonCode     string
}

package reports

import (
	"net/netip"
	"time"
)

// Failure is a failure report (RFC 9991 §4, RFC 6591 §3, RFC 5965 §3). Where a
// field stands more often than its specification allows, the first value wins
// and the others are warnings; lists keep all, in order. Addresses are without
// their angle brackets.
type Failure struct {
	FeedbackType string // lower case: auth-failure
	UserAgent    string
	Version      string
	AuthFailure  string // lower case, comments removed: dmarc, dkim, spf, bodyhash, …; "" when absent

	OriginalEnvelopeID string
	OriginalMailFrom   string // "" for the null reverse path, too
	OriginalRcptTo     []string

	ArrivalDate      time.Time // UTC; zero when absent or unreadable
	ArrivalDateText  string    // as written
	ArrivalDateField string    // Arrival-Date, or the historic Received-Date
	ReportingMTA     string    // without the leading "dns;"
	SourceIP         netip.Addr
	SourceIPText     string // as written
	SourcePort       int    // 0 when absent
	Incidents        int64  // messages that the report stands for, 1 when absent (RFC 5965 §3.2)

	AuthenticationResults []string
	DeliveryResult        string // lower case: delivered, spam, policy, reject, other
	ReportedDomains       []string
	ReportedURIs          []string

	// IdentityAlignment holds the tokens as sent, lower case. RFC 7489 §7.3.1
	// lists the methods that did align, RFC 9991 §4 those that did not, and
	// nothing in a report tells which was followed: never show this list as
	// passed or failed. DKIMAligned and SPFAligned are our own reading.
	IdentityAlignment []string
	// DKIMAligned and SPFAligned are computed from Authentication-Results,
	// DKIM-Domain, Original-Mail-From and the From of the sample:
	// "pass", "fail", or "" when the report does not say enough.
	DKIMAligned, SPFAligned string

	DKIMDomain              string
	DKIMIdentity            string
	DKIMSelector            string
	DKIMSelectorDNS         string
	DKIMADSPDNS             string
	DKIMCanonicalizedHeader string // decoded where it was base64
	DKIMCanonicalizedBody   string
	SPFDNS                  []string

	OtherFields []Field // fields of the feedback part that no specification names

	// PolicyDomain is the domain that the report is about: Reported-Domain,
	// else the domain of the sample's From, else that of Original-Mail-From;
	// "" when nothing tells.
	PolicyDomain string
	Sample       Sample
}

// Field is one header field, name as written and value unfolded.
type Field struct {
	Name, Value string
}

// Sample is the third part: the failed message, or its header.
type Sample struct {
	ContentType string // message/rfc822, text/rfc822-headers, …; "" without a sample
	HeadersOnly bool
	From, To    string // decoded (RFC 2047)
	Subject     string
	MessageID   string
	Date        string
	// Interrupted: a stray blank line stands inside the header; what follows it
	// was read as header all the same.
	Interrupted bool
	// Raw is the decoded part as sent, header and, if given, body.
	Raw []byte
}

package reports

import (
	"bytes"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// feedbackFields reads the fields of message/feedback-report (RFC 5965 §3.1 and
// §3.2, RFC 6591 §3.1, RFC 6692 §3, RFC 9991 §4) into a report.
type feedbackFields struct {
	report  *Report
	into    *Failure
	seen    map[string]bool // by canonical name
	written string          // the name of the field at hand, as the sender wrote it
}

// required are the fields that a failure report of DMARC must have (RFC 9991 §4,
// RFC 6591 §3.1); Feedback-Type is asked for elsewhere.
var required = []string{
	"User-Agent", "Version", "Auth-Failure", "Authentication-Results", "Identity-Alignment",
}

// read takes the fields in their order: where one stands too often, the first wins.
func (p *feedbackFields) read(h *header) {
	p.seen = make(map[string]bool)
	for fields := h.Fields(); fields.Next(); {
		name, value := fields.Key(), strings.ToValidUTF8(strings.TrimSpace(fields.Value()), "\uFFFD")
		p.written = writtenName(fields.Raw())
		if p.list(name, value) {
			continue
		}
		if p.seen[name] && isSingle(name) {
			p.report.warn(WarnRepeated, p.written, value)
			continue
		}
		p.seen[name] = true
		if !p.text(name, value) && !p.number(name, value) {
			p.into.OtherFields = append(p.into.OtherFields, Field{Name: p.written, Value: value})
		}
	}
	p.arrival(h)
	for _, name := range required {
		if p.into.FeedbackType == feedbackAuthFailure && h.Get(name) == "" {
			p.report.warn(WarnMissing, name, "")
		}
	}
}

// writtenName returns the name of a field as the sender wrote it.
func writtenName(raw []byte, err error) string {
	if err != nil {
		return ""
	}
	name, _, _ := bytes.Cut(raw, []byte{':'})
	return string(bytes.TrimSpace(name))
}

// list takes the fields that may stand several times.
func (p *feedbackFields) list(name, value string) bool {
	f := p.into
	switch name {
	case "Original-Rcpt-To":
		f.OriginalRcptTo = appendValue(f.OriginalRcptTo, trimPath(stripComments(value)))
	case "Authentication-Results":
		f.AuthenticationResults = appendValue(f.AuthenticationResults, value)
	case "Reported-Domain":
		f.ReportedDomains = appendValue(f.ReportedDomains, stripComments(value))
	case "Reported-Uri":
		f.ReportedURIs = appendValue(f.ReportedURIs, strings.Trim(value, "<>"))
	case "Spf-Dns":
		f.SPFDNS = appendValue(f.SPFDNS, value)
	default:
		return false
	}
	p.seen[name] = true
	return true
}

func appendValue(list []string, value string) []string {
	if value == "" {
		return list
	}
	return append(list, value)
}

// text takes the fields of text that may stand once.
func (p *feedbackFields) text(name, value string) bool {
	f := p.into
	switch name {
	case "Feedback-Type":
		f.FeedbackType = firstWord(value)
	case "User-Agent":
		f.UserAgent = value
	case "Version":
		f.Version = stripComments(value)
	case "Auth-Failure":
		f.AuthFailure = word(value)
	case "Original-Envelope-Id":
		f.OriginalEnvelopeID = value
	case "Original-Mail-From":
		f.OriginalMailFrom = trimPath(stripComments(value))
	case "Reporting-Mta":
		f.ReportingMTA = mtaName(value)
	case "Delivery-Result":
		f.DeliveryResult = word(value)
	case "Identity-Alignment":
		f.IdentityAlignment = tokens(value)
	case "Dkim-Domain":
		f.DKIMDomain = stripComments(value)
	case "Dkim-Identity":
		f.DKIMIdentity = stripComments(value)
	case "Dkim-Selector":
		f.DKIMSelector = stripComments(value)
	case "Dkim-Selector-Dns":
		f.DKIMSelectorDNS = unquoteParam(value)
	case "Dkim-Adsp-Dns":
		f.DKIMADSPDNS = unquoteParam(value)
	case "Dkim-Canonicalized-Header":
		f.DKIMCanonicalizedHeader = p.canonicalized(value)
	case "Dkim-Canonicalized-Body":
		f.DKIMCanonicalizedBody = p.canonicalized(value)
	case "Arrival-Date", "Received-Date": // together, in arrival
	default:
		return false
	}
	return true
}

// number takes the fields of numbers and addresses that may stand once.
func (p *feedbackFields) number(name, value string) bool {
	f := p.into
	switch name {
	case "Source-Ip":
		f.SourceIPText = value
		ip, ok := sourceIP(value)
		f.SourceIP = ip
		p.readable(ok, WarnIP, value)
	case "Source-Port":
		port, err := strconv.ParseUint(stripComments(value), 10, 16)
		f.SourcePort = int(port)
		if err != nil {
			f.SourcePort = 0
		}
		p.readable(err == nil, WarnNumber, value)
	case "Incidents":
		incidents, err := strconv.ParseInt(stripComments(value), 10, 64)
		if err == nil {
			f.Incidents = incidents
		}
		p.readable(err == nil && incidents > 0 && incidents <= math.MaxUint32, WarnNumber, value)
	default:
		return false
	}
	return true
}

// readable warns of a value that is not what its field should hold.
func (p *feedbackFields) readable(ok bool, code, value string) {
	if !ok {
		p.report.warn(code, p.written, value)
	}
}

// isSingle tells whether a field may stand once only: every known one that is no list.
func isSingle(name string) bool {
	probe := feedbackFields{report: &Report{}, into: &Failure{}}
	return probe.text(name, "") || probe.number(name, "")
}

// arrival takes Arrival-Date or, without one, its older name Received-Date.
func (p *feedbackFields) arrival(h *header) {
	f := p.into
	for _, name := range []string{"Arrival-Date", "Received-Date"} {
		if !h.Has(name) {
			continue
		}
		if f.ArrivalDateField != "" {
			p.report.warn(WarnArrivalTwice, name, h.Get(name))
			return
		}
		var ok bool
		f.ArrivalDateField, f.ArrivalDateText = name, strings.ToValidUTF8(h.Get(name), "\uFFFD")
		f.ArrivalDate, ok = parseDate(f.ArrivalDateText)
		p.written = name
		p.readable(ok, WarnTime, f.ArrivalDateText)
	}
}

// word returns a value without comments, in lower case.
func word(value string) string {
	return strings.ToLower(stripComments(value))
}

// firstWord returns the first word of a value, in lower case.
func firstWord(value string) string {
	value = strings.TrimSpace(word(value))
	if i := strings.IndexAny(value, " \t,;"); i >= 0 {
		value = value[:i]
	}
	return shorten(value, maxLabel)
}

// tokens returns the words of a comma-separated list, in lower case.
func tokens(value string) []string {
	var list []string
	for token := range strings.SplitSeq(word(value), ",") {
		list = appendValue(list, strings.TrimSpace(token))
	}
	return list
}

// mtaName returns a Reporting-MTA without the type before it ("dns; name", RFC
// 3464 §2.2.2).
func mtaName(value string) string {
	value = stripComments(value)
	if _, name, found := strings.Cut(value, ";"); found {
		value = name
	}
	return strings.TrimSpace(value)
}

// sourceIP reads an address as reporters write it: bare, in brackets, with
// "IPv6:" before it, with the name of the host in a comment beside it, or the
// other way round.
func sourceIP(value string) (netip.Addr, bool) {
	split := func(r rune) bool { return strings.ContainsRune(" \t()[]<>\"',;", r) }
	for _, part := range strings.FieldsFunc(value, split) {
		if len(part) > len("ipv6:") && strings.EqualFold(part[:len("ipv6:")], "ipv6:") {
			part = part[len("ipv6:"):]
		}
		if ip, err := netip.ParseAddr(part); err == nil {
			return ip.WithZone("").Unmap(), true
		}
	}
	return netip.Addr{}, false
}

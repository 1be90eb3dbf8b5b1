package bolt

import "reportmx/reports"

const (
	tlsBegin  = 4
	tlsEnd    = 5
	tlsPolicy = 6
)

func tlsTexts(t *reports.TLS) texts { return texts{1: &t.OrgName, 2: &t.ContactInfo, 3: &t.ReportID} }

func (w *writer) tls(field int, t *reports.TLS) {
	w.begin(field)
	w.texts(tlsTexts(t))
	w.time(tlsBegin, t.Begin)
	w.time(tlsEnd, t.End)
	for i := range t.Policies {
		w.tlsPolicy(tlsPolicy, &t.Policies[i])
	}
	w.end()
}

func (r *reader) tls() *reports.TLS {
	t := &reports.TLS{}
	names := tlsTexts(t)
	for r.enter(); r.next(); {
		switch r.field {
		case tlsBegin:
			t.Begin = r.time()
		case tlsEnd:
			t.End = r.time()
		case tlsPolicy:
			var p reports.TLSPolicy
			r.tlsPolicy(&p)
			t.Policies = append(t.Policies, p)
		default:
			if !r.text(names) {
				r.skip()
			}
		}
	}
	return t
}

const (
	tlsPolicyString     = 3
	tlsPolicyMXHost     = 4
	tlsPolicySuccessful = 5
	tlsPolicyFailed     = 6
	tlsPolicyFailure    = 7
)

func tlsPolicyTexts(p *reports.TLSPolicy) texts { return texts{1: &p.PolicyType, 2: &p.PolicyDomain} }

func (w *writer) tlsPolicy(field int, p *reports.TLSPolicy) {
	w.begin(field)
	w.texts(tlsPolicyTexts(p))
	w.strings(tlsPolicyString, p.PolicyString)
	w.strings(tlsPolicyMXHost, p.MXHost)
	w.optional(tlsPolicySuccessful, p.Successful)
	w.optional(tlsPolicyFailed, p.Failed)
	for i := range p.FailureDetails {
		w.tlsFailure(tlsPolicyFailure, &p.FailureDetails[i])
	}
	w.end()
}

func (r *reader) tlsPolicy(p *reports.TLSPolicy) {
	t := tlsPolicyTexts(p)
	for r.enter(); r.next(); {
		switch r.field {
		case tlsPolicyString:
			p.PolicyString = append(p.PolicyString, r.string())
		case tlsPolicyMXHost:
			p.MXHost = append(p.MXHost, r.string())
		case tlsPolicySuccessful:
			p.Successful = r.optional()
		case tlsPolicyFailed:
			p.Failed = r.optional()
		case tlsPolicyFailure:
			var f reports.TLSFailure
			r.tlsFailure(&f)
			p.FailureDetails = append(p.FailureDetails, f)
		default:
			if !r.text(t) {
				r.skip()
			}
		}
	}
}

const (
	tlsFailureSendingMTAIP = 2
	tlsFailureReceivingIP  = 5
	tlsFailureSessions     = 6
)

func tlsFailureTexts(f *reports.TLSFailure) texts {
	return texts{
		1: &f.ResultType, 3: &f.ReceivingMXHostname, 4: &f.ReceivingMXHelo,
		7: &f.AdditionalInformation, 8: &f.FailureReasonCode,
	}
}

func (w *writer) tlsFailure(field int, f *reports.TLSFailure) {
	w.begin(field)
	w.texts(tlsFailureTexts(f))
	w.addr(tlsFailureSendingMTAIP, f.SendingMTAIP)
	w.addr(tlsFailureReceivingIP, f.ReceivingIP)
	w.optional(tlsFailureSessions, f.FailedSessionCount)
	w.end()
}

func (r *reader) tlsFailure(f *reports.TLSFailure) {
	t := tlsFailureTexts(f)
	for r.enter(); r.next(); {
		switch r.field {
		case tlsFailureSendingMTAIP:
			f.SendingMTAIP = r.addr()
		case tlsFailureReceivingIP:
			f.ReceivingIP = r.addr()
		case tlsFailureSessions:
			f.FailedSessionCount = r.optional()
		default:
			if !r.text(t) {
				r.skip()
			}
		}
	}
}

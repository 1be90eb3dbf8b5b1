package bolt

import "reportmx/reports"

type wireTLS struct {
	OrgName     string          `cbor:"1,keyasint,omitempty"`
	ContactInfo string          `cbor:"2,keyasint,omitempty"`
	ReportID    string          `cbor:"3,keyasint,omitempty"`
	Begin       *wireTime       `cbor:"4,keyasint,omitempty"`
	End         *wireTime       `cbor:"5,keyasint,omitempty"`
	Policies    []wireTLSPolicy `cbor:"6,keyasint,omitempty"`
}

type wireTLSPolicy struct {
	PolicyType     string           `cbor:"1,keyasint,omitempty"`
	PolicyDomain   string           `cbor:"2,keyasint,omitempty"`
	PolicyString   []string         `cbor:"3,keyasint,omitempty"`
	MXHost         []string         `cbor:"4,keyasint,omitempty"`
	Successful     *int64           `cbor:"5,keyasint,omitempty"`
	Failed         *int64           `cbor:"6,keyasint,omitempty"`
	FailureDetails []wireTLSFailure `cbor:"7,keyasint,omitempty"`
}

type wireTLSFailure struct {
	ResultType            string `cbor:"1,keyasint,omitempty"`
	SendingMTAIP          []byte `cbor:"2,keyasint,omitempty"`
	ReceivingMXHostname   string `cbor:"3,keyasint,omitempty"`
	ReceivingMXHelo       string `cbor:"4,keyasint,omitempty"`
	ReceivingIP           []byte `cbor:"5,keyasint,omitempty"`
	FailedSessionCount    *int64 `cbor:"6,keyasint,omitempty"`
	AdditionalInformation string `cbor:"7,keyasint,omitempty"`
	FailureReasonCode     string `cbor:"8,keyasint,omitempty"`
}

func toWireTLS(t *reports.TLS) *wireTLS {
	w := &wireTLS{
		OrgName:     t.OrgName,
		ContactInfo: t.ContactInfo,
		ReportID:    t.ReportID,
		Begin:       toWireTime(t.Begin),
		End:         toWireTime(t.End),
	}
	for i := range t.Policies {
		p := &t.Policies[i]
		policy := wireTLSPolicy{
			PolicyType:   p.PolicyType,
			PolicyDomain: p.PolicyDomain,
			PolicyString: p.PolicyString,
			MXHost:       p.MXHost,
			Successful:   p.Successful,
			Failed:       p.Failed,
		}
		for _, f := range p.FailureDetails {
			policy.FailureDetails = append(policy.FailureDetails, wireTLSFailure{
				ResultType:            f.ResultType,
				SendingMTAIP:          toWireAddr(f.SendingMTAIP),
				ReceivingMXHostname:   f.ReceivingMXHostname,
				ReceivingMXHelo:       f.ReceivingMXHelo,
				ReceivingIP:           toWireAddr(f.ReceivingIP),
				FailedSessionCount:    f.FailedSessionCount,
				AdditionalInformation: f.AdditionalInformation,
				FailureReasonCode:     f.FailureReasonCode,
			})
		}
		w.Policies = append(w.Policies, policy)
	}
	return w
}

func (w *wireTLS) tls() (*reports.TLS, error) {
	t := &reports.TLS{
		OrgName:     w.OrgName,
		ContactInfo: w.ContactInfo,
		ReportID:    w.ReportID,
		Begin:       w.Begin.time(),
		End:         w.End.time(),
	}
	for i := range w.Policies {
		p := &w.Policies[i]
		policy := reports.TLSPolicy{
			PolicyType:   p.PolicyType,
			PolicyDomain: p.PolicyDomain,
			PolicyString: p.PolicyString,
			MXHost:       p.MXHost,
			Successful:   p.Successful,
			Failed:       p.Failed,
		}
		for j := range p.FailureDetails {
			f, err := p.FailureDetails[j].failure()
			if err != nil {
				return nil, err
			}
			policy.FailureDetails = append(policy.FailureDetails, f)
		}
		t.Policies = append(t.Policies, policy)
	}
	return t, nil
}

func (w *wireTLSFailure) failure() (reports.TLSFailure, error) {
	sending, err := fromWireAddr(w.SendingMTAIP)
	if err != nil {
		return reports.TLSFailure{}, err
	}
	receiving, err := fromWireAddr(w.ReceivingIP)
	return reports.TLSFailure{
		ResultType:            w.ResultType,
		SendingMTAIP:          sending,
		ReceivingMXHostname:   w.ReceivingMXHostname,
		ReceivingMXHelo:       w.ReceivingMXHelo,
		ReceivingIP:           receiving,
		FailedSessionCount:    w.FailedSessionCount,
		AdditionalInformation: w.AdditionalInformation,
		FailureReasonCode:     w.FailureReasonCode,
	}, err
}

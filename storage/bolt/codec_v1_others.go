package bolt

import (
	"reportmx/reports"
	"reportmx/storage"
)

// The structs of version 1 go on: failure reports, messages, TLS reports.

type wireFailure struct {
	FeedbackType            string      `cbor:"1,keyasint,omitempty"`
	UserAgent               string      `cbor:"2,keyasint,omitempty"`
	Version                 string      `cbor:"3,keyasint,omitempty"`
	AuthFailure             string      `cbor:"4,keyasint,omitempty"`
	OriginalEnvelopeID      string      `cbor:"5,keyasint,omitempty"`
	OriginalMailFrom        string      `cbor:"6,keyasint,omitempty"`
	OriginalRcptTo          []string    `cbor:"7,keyasint,omitempty"`
	ArrivalDate             *wireTime   `cbor:"8,keyasint,omitempty"`
	ArrivalDateText         string      `cbor:"9,keyasint,omitempty"`
	ArrivalDateField        string      `cbor:"10,keyasint,omitempty"`
	ReportingMTA            string      `cbor:"11,keyasint,omitempty"`
	SourceIP                []byte      `cbor:"12,keyasint,omitempty"`
	SourceIPText            string      `cbor:"13,keyasint,omitempty"`
	SourcePort              int         `cbor:"14,keyasint,omitempty"`
	Incidents               int64       `cbor:"15,keyasint,omitempty"`
	AuthenticationResults   []string    `cbor:"16,keyasint,omitempty"`
	DeliveryResult          string      `cbor:"17,keyasint,omitempty"`
	ReportedDomains         []string    `cbor:"18,keyasint,omitempty"`
	ReportedURIs            []string    `cbor:"19,keyasint,omitempty"`
	IdentityAlignment       []string    `cbor:"20,keyasint,omitempty"`
	DKIMAligned             string      `cbor:"21,keyasint,omitempty"`
	SPFAligned              string      `cbor:"22,keyasint,omitempty"`
	DKIMDomain              string      `cbor:"23,keyasint,omitempty"`
	DKIMIdentity            string      `cbor:"24,keyasint,omitempty"`
	DKIMSelector            string      `cbor:"25,keyasint,omitempty"`
	DKIMSelectorDNS         string      `cbor:"26,keyasint,omitempty"`
	DKIMADSPDNS             string      `cbor:"27,keyasint,omitempty"`
	DKIMCanonicalizedHeader string      `cbor:"28,keyasint,omitempty"`
	DKIMCanonicalizedBody   string      `cbor:"29,keyasint,omitempty"`
	SPFDNS                  []string    `cbor:"30,keyasint,omitempty"`
	OtherFields             []wireField `cbor:"31,keyasint,omitempty"`
	PolicyDomain            string      `cbor:"32,keyasint,omitempty"`
	Sample                  wireSample  `cbor:"33,keyasint"`
}

type wireField struct {
	Name  string `cbor:"1,keyasint,omitempty"`
	Value string `cbor:"2,keyasint,omitempty"`
}

type wireSample struct {
	ContentType string `cbor:"1,keyasint,omitempty"`
	HeadersOnly bool   `cbor:"2,keyasint,omitempty"`
	From        string `cbor:"3,keyasint,omitempty"`
	To          string `cbor:"4,keyasint,omitempty"`
	Subject     string `cbor:"5,keyasint,omitempty"`
	MessageID   string `cbor:"6,keyasint,omitempty"`
	Date        string `cbor:"7,keyasint,omitempty"`
	Interrupted bool   `cbor:"8,keyasint,omitempty"`
	Raw         []byte `cbor:"9,keyasint,omitempty"`
}

func (w *wireFailure) failure() (*reports.Failure, error) {
	ip, err := fromWireAddr(w.SourceIP)
	f := &reports.Failure{
		FeedbackType: w.FeedbackType, UserAgent: w.UserAgent, Version: w.Version, AuthFailure: w.AuthFailure,
		OriginalEnvelopeID: w.OriginalEnvelopeID, OriginalMailFrom: w.OriginalMailFrom, OriginalRcptTo: w.OriginalRcptTo,
		ArrivalDate: w.ArrivalDate.time(), ArrivalDateText: w.ArrivalDateText, ArrivalDateField: w.ArrivalDateField,
		ReportingMTA: w.ReportingMTA,
		SourceIP:     ip, SourceIPText: w.SourceIPText, SourcePort: w.SourcePort,
		Incidents:             w.Incidents,
		AuthenticationResults: w.AuthenticationResults, DeliveryResult: w.DeliveryResult,
		ReportedDomains: w.ReportedDomains, ReportedURIs: w.ReportedURIs,
		IdentityAlignment: w.IdentityAlignment, DKIMAligned: w.DKIMAligned, SPFAligned: w.SPFAligned,
		DKIMDomain: w.DKIMDomain, DKIMIdentity: w.DKIMIdentity,
		DKIMSelector: w.DKIMSelector, DKIMSelectorDNS: w.DKIMSelectorDNS, DKIMADSPDNS: w.DKIMADSPDNS,
		DKIMCanonicalizedHeader: w.DKIMCanonicalizedHeader, DKIMCanonicalizedBody: w.DKIMCanonicalizedBody,
		SPFDNS:       w.SPFDNS,
		PolicyDomain: w.PolicyDomain,
		Sample:       reports.Sample(w.Sample),
	}
	for _, field := range w.OtherFields {
		f.OtherFields = append(f.OtherFields, reports.Field(field))
	}
	return f, err
}

type wireMessage struct {
	ReceivedAt *wireTime    `cbor:"1,keyasint,omitempty"`
	Source     string       `cbor:"2,keyasint,omitempty"`
	Envelope   wireEnvelope `cbor:"3,keyasint"`
	Sender     wireSender   `cbor:"4,keyasint"`
	MessageID  string       `cbor:"5,keyasint,omitempty"`
	Subject    string       `cbor:"6,keyasint,omitempty"`
}

type wireEnvelope struct {
	ClientIP string   `cbor:"1,keyasint,omitempty"`
	Helo     string   `cbor:"2,keyasint,omitempty"`
	MailFrom string   `cbor:"3,keyasint,omitempty"`
	RcptTo   []string `cbor:"4,keyasint,omitempty"`
	TLS      string   `cbor:"5,keyasint,omitempty"`
}

type wireSender struct {
	Domain  string           `cbor:"1,keyasint,omitempty"`
	Result  string           `cbor:"2,keyasint,omitempty"`
	SPF     wireSenderSPF    `cbor:"3,keyasint"`
	DKIM    []wireSenderDKIM `cbor:"4,keyasint,omitempty"`
	Contact string           `cbor:"5,keyasint,omitempty"`
}

type wireSenderSPF struct {
	Domain string `cbor:"1,keyasint,omitempty"`
	Scope  string `cbor:"2,keyasint,omitempty"`
	Result string `cbor:"3,keyasint,omitempty"`
}

type wireSenderDKIM struct {
	Domain   string `cbor:"1,keyasint,omitempty"`
	Selector string `cbor:"2,keyasint,omitempty"`
	Result   string `cbor:"3,keyasint,omitempty"`
}

type wireHeld struct {
	Message wireMessage `cbor:"1,keyasint"`
	Code    string      `cbor:"2,keyasint,omitempty"`
	Reason  string      `cbor:"3,keyasint,omitempty"`
	Size    int64       `cbor:"4,keyasint,omitempty"`
	Hash    []byte      `cbor:"5,keyasint"`
}

func (w *wireMessage) message() storage.Message {
	m := storage.Message{
		ReceivedAt: w.ReceivedAt.time(),
		Source:     storage.Source(w.Source),
		Envelope:   storage.Envelope(w.Envelope),
		Sender: storage.Sender{
			Domain:  w.Sender.Domain,
			Result:  w.Sender.Result,
			SPF:     storage.SPFResult(w.Sender.SPF),
			Contact: w.Sender.Contact,
		},
		MessageID: w.MessageID,
		Subject:   w.Subject,
	}
	for _, d := range w.Sender.DKIM {
		m.Sender.DKIM = append(m.Sender.DKIM, storage.DKIMResult(d))
	}
	return m
}

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

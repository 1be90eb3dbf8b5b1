package bolt

import "reportmx/reports"

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

func toWireFailure(f *reports.Failure) *wireFailure {
	w := &wireFailure{
		FeedbackType: f.FeedbackType, UserAgent: f.UserAgent, Version: f.Version, AuthFailure: f.AuthFailure,
		OriginalEnvelopeID: f.OriginalEnvelopeID, OriginalMailFrom: f.OriginalMailFrom, OriginalRcptTo: f.OriginalRcptTo,
		ArrivalDate: toWireTime(f.ArrivalDate), ArrivalDateText: f.ArrivalDateText, ArrivalDateField: f.ArrivalDateField,
		ReportingMTA: f.ReportingMTA,
		SourceIP:     toWireAddr(f.SourceIP), SourceIPText: f.SourceIPText, SourcePort: f.SourcePort,
		Incidents:             f.Incidents,
		AuthenticationResults: f.AuthenticationResults, DeliveryResult: f.DeliveryResult,
		ReportedDomains: f.ReportedDomains, ReportedURIs: f.ReportedURIs,
		IdentityAlignment: f.IdentityAlignment, DKIMAligned: f.DKIMAligned, SPFAligned: f.SPFAligned,
		DKIMDomain: f.DKIMDomain, DKIMIdentity: f.DKIMIdentity,
		DKIMSelector: f.DKIMSelector, DKIMSelectorDNS: f.DKIMSelectorDNS, DKIMADSPDNS: f.DKIMADSPDNS,
		DKIMCanonicalizedHeader: f.DKIMCanonicalizedHeader, DKIMCanonicalizedBody: f.DKIMCanonicalizedBody,
		SPFDNS:       f.SPFDNS,
		PolicyDomain: f.PolicyDomain,
		Sample:       wireSample(f.Sample),
	}
	for _, field := range f.OtherFields {
		w.OtherFields = append(w.OtherFields, wireField(field))
	}
	return w
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

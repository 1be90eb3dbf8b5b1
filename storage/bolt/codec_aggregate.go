package bolt

import "reportmx/reports"

type wireAggregate struct {
	Schema           string       `cbor:"1,keyasint,omitempty"`
	Namespace        string       `cbor:"2,keyasint,omitempty"`
	Version          string       `cbor:"3,keyasint,omitempty"`
	OrgName          string       `cbor:"4,keyasint,omitempty"`
	Email            string       `cbor:"5,keyasint,omitempty"`
	ExtraContactInfo string       `cbor:"6,keyasint,omitempty"`
	ReportID         string       `cbor:"7,keyasint,omitempty"`
	Begin            *wireTime    `cbor:"8,keyasint,omitempty"`
	End              *wireTime    `cbor:"9,keyasint,omitempty"`
	Errors           []string     `cbor:"10,keyasint,omitempty"`
	Generator        string       `cbor:"11,keyasint,omitempty"`
	PolicyPublished  wirePolicy   `cbor:"12,keyasint"`
	Extensions       []string     `cbor:"13,keyasint,omitempty"`
	Records          []wireRecord `cbor:"14,keyasint,omitempty"`
}

type wirePolicy struct {
	Domain          string `cbor:"1,keyasint,omitempty"`
	DiscoveryMethod string `cbor:"2,keyasint,omitempty"`
	P               string `cbor:"3,keyasint,omitempty"`
	SP              string `cbor:"4,keyasint,omitempty"`
	NP              string `cbor:"5,keyasint,omitempty"`
	ADKIM           string `cbor:"6,keyasint,omitempty"`
	ASPF            string `cbor:"7,keyasint,omitempty"`
	PCT             *int   `cbor:"8,keyasint,omitempty"`
	FO              string `cbor:"9,keyasint,omitempty"`
	Testing         string `cbor:"10,keyasint,omitempty"`
}

type wireRecord struct {
	SourceIP     []byte       `cbor:"1,keyasint,omitempty"`
	Count        int64        `cbor:"2,keyasint,omitempty"`
	Disposition  string       `cbor:"3,keyasint,omitempty"`
	DKIM         string       `cbor:"4,keyasint,omitempty"`
	SPF          string       `cbor:"5,keyasint,omitempty"`
	Reasons      []wireReason `cbor:"6,keyasint,omitempty"`
	HeaderFrom   string       `cbor:"7,keyasint,omitempty"`
	EnvelopeFrom string       `cbor:"8,keyasint,omitempty"`
	EnvelopeTo   string       `cbor:"9,keyasint,omitempty"`
	AuthDKIM     []wireDKIM   `cbor:"10,keyasint,omitempty"`
	AuthSPF      []wireSPF    `cbor:"11,keyasint,omitempty"`
	Extensions   []string     `cbor:"12,keyasint,omitempty"`
}

type wireReason struct {
	Type    string `cbor:"1,keyasint,omitempty"`
	Comment string `cbor:"2,keyasint,omitempty"`
}

type wireDKIM struct {
	Domain      string `cbor:"1,keyasint,omitempty"`
	Selector    string `cbor:"2,keyasint,omitempty"`
	Result      string `cbor:"3,keyasint,omitempty"`
	HumanResult string `cbor:"4,keyasint,omitempty"`
}

type wireSPF struct {
	Domain      string `cbor:"1,keyasint,omitempty"`
	Scope       string `cbor:"2,keyasint,omitempty"`
	Result      string `cbor:"3,keyasint,omitempty"`
	HumanResult string `cbor:"4,keyasint,omitempty"`
}

// toWireAggregate gives all but the records.
func toWireAggregate(a *reports.Aggregate) *wireAggregate {
	return &wireAggregate{
		Schema:           string(a.Schema),
		Namespace:        a.Namespace,
		Version:          a.Version,
		OrgName:          a.OrgName,
		Email:            a.Email,
		ExtraContactInfo: a.ExtraContactInfo,
		ReportID:         a.ReportID,
		Begin:            toWireTime(a.Begin),
		End:              toWireTime(a.End),
		Errors:           a.Errors,
		Generator:        a.Generator,
		PolicyPublished:  wirePolicy(a.PolicyPublished),
		Extensions:       a.Extensions,
	}
}

func (w *wireAggregate) aggregate() (*reports.Aggregate, error) {
	records, err := fromWireRecords(w.Records)
	return &reports.Aggregate{
		Schema:           reports.Schema(w.Schema),
		Namespace:        w.Namespace,
		Version:          w.Version,
		OrgName:          w.OrgName,
		Email:            w.Email,
		ExtraContactInfo: w.ExtraContactInfo,
		ReportID:         w.ReportID,
		Begin:            w.Begin.time(),
		End:              w.End.time(),
		Errors:           w.Errors,
		Generator:        w.Generator,
		PolicyPublished:  reports.PolicyPublished(w.PolicyPublished),
		Extensions:       w.Extensions,
		Records:          records,
	}, err
}

func toWireRecords(records []reports.Record) []wireRecord {
	wire := make([]wireRecord, len(records))
	for i := range records {
		r, w := &records[i], &wire[i]
		*w = wireRecord{
			SourceIP:     toWireAddr(r.SourceIP),
			Count:        r.Count,
			Disposition:  r.PolicyEvaluated.Disposition,
			DKIM:         r.PolicyEvaluated.DKIM,
			SPF:          r.PolicyEvaluated.SPF,
			HeaderFrom:   r.Identifiers.HeaderFrom,
			EnvelopeFrom: r.Identifiers.EnvelopeFrom,
			EnvelopeTo:   r.Identifiers.EnvelopeTo,
			Extensions:   r.Extensions,
		}
		for _, v := range r.PolicyEvaluated.Reasons {
			w.Reasons = append(w.Reasons, wireReason(v))
		}
		for _, v := range r.AuthResults.DKIM {
			w.AuthDKIM = append(w.AuthDKIM, wireDKIM(v))
		}
		for _, v := range r.AuthResults.SPF {
			w.AuthSPF = append(w.AuthSPF, wireSPF(v))
		}
	}
	return wire
}

func fromWireRecords(wire []wireRecord) ([]reports.Record, error) {
	if len(wire) == 0 {
		return nil, nil
	}
	records := make([]reports.Record, len(wire))
	for i := range wire {
		w, r := &wire[i], &records[i]
		ip, err := fromWireAddr(w.SourceIP)
		if err != nil {
			return nil, err
		}
		r.SourceIP, r.Count, r.Extensions = ip, w.Count, w.Extensions
		r.PolicyEvaluated = reports.PolicyEvaluated{Disposition: w.Disposition, DKIM: w.DKIM, SPF: w.SPF}
		r.Identifiers = reports.Identifiers{HeaderFrom: w.HeaderFrom, EnvelopeFrom: w.EnvelopeFrom, EnvelopeTo: w.EnvelopeTo}
		for _, v := range w.Reasons {
			r.PolicyEvaluated.Reasons = append(r.PolicyEvaluated.Reasons, reports.Reason(v))
		}
		for _, v := range w.AuthDKIM {
			r.AuthResults.DKIM = append(r.AuthResults.DKIM, reports.DKIMResult(v))
		}
		for _, v := range w.AuthSPF {
			r.AuthResults.SPF = append(r.AuthResults.SPF, reports.SPFResult(v))
		}
	}
	return records, nil
}

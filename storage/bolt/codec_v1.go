package bolt

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// Version 1 of the form of values was CBOR. It is read for as long as there may be
// stores that hold it, and nothing writes it any more. The numbers of the fields
// are those of version 2, see codec_write.go.

// wireHead is chunk 0 of a report: all of it but the records past the first
// storage.ChunkRecords.
type wireHead struct {
	Message       wireMessage    `cbor:"1,keyasint"`
	Part          string         `cbor:"2,keyasint,omitempty"`
	ContentHash   []byte         `cbor:"3,keyasint"`
	Warnings      []wireWarning  `cbor:"4,keyasint,omitempty"`
	Authorization string         `cbor:"5,keyasint,omitempty"`
	Implausible   bool           `cbor:"6,keyasint,omitempty"`
	Chunks        uint32         `cbor:"7,keyasint"` // at least 1
	Aggregate     *wireAggregate `cbor:"8,keyasint,omitempty"`
	Failure       *wireFailure   `cbor:"9,keyasint,omitempty"`
	TLS           *wireTLS       `cbor:"10,keyasint,omitempty"`
}

type wireWarning struct {
	Code  string `cbor:"1,keyasint,omitempty"`
	Where string `cbor:"2,keyasint,omitempty"`
	Text  string `cbor:"3,keyasint,omitempty"`
}

// wireTime is a time in UTC; the zero time is left out as a nil pointer.
type wireTime struct {
	Seconds     int64 `cbor:"1,keyasint"` // since 1970
	Nanoseconds int32 `cbor:"2,keyasint,omitempty"`
}

func (h *wireHead) report(kind reports.Kind) (*storage.Report, error) {
	r := &storage.Report{
		Message:       h.Message.message(),
		Authorization: h.Authorization,
		Implausible:   h.Implausible,
		Last:          h.Chunks == 1,
	}
	r.Kind, r.Part = kind, h.Part
	if copy(r.ContentHash[:], h.ContentHash) != len(r.ContentHash) || h.Chunks == 0 {
		return nil, errors.New("its head is not whole")
	}
	for _, w := range h.Warnings {
		r.Warnings = append(r.Warnings, reports.Warning(w))
	}
	var err error
	switch {
	case kind == reports.KindAggregate && h.Aggregate != nil:
		r.Aggregate, err = h.Aggregate.aggregate()
	case kind == reports.KindFailure && h.Failure != nil:
		r.Failure, err = h.Failure.failure()
	case kind == reports.KindTLS && h.TLS != nil:
		r.TLS, err = h.TLS.tls()
	default:
		err = fmt.Errorf("it holds no %s report", kind)
	}
	return r, err
}

func (c *codec) headV1(kind reports.Kind, body []byte) (*storage.Report, uint32, error) {
	var h wireHead
	if err := c.cbor.Unmarshal(body, &h); err != nil {
		return nil, 0, err
	}
	r, err := h.report(kind)
	return r, h.Chunks, err
}

func (c *codec) recordsV1(body []byte) ([]reports.Record, error) {
	var wire []wireRecord
	if err := c.cbor.Unmarshal(body, &wire); err != nil {
		return nil, err
	}
	return fromWireRecords(wire)
}

func (c *codec) arrivalV1(body []byte) (time.Time, error) {
	var head wireArrival
	err := c.cbor.Unmarshal(body, &head)
	return head.Message.ReceivedAt.time(), err
}

func (c *codec) heldV1(body []byte) (*storage.Held, error) {
	var w wireHeld
	if err := c.cbor.Unmarshal(body, &w); err != nil {
		return nil, err
	}
	h := &storage.Held{Message: w.Message.message(), Code: w.Code, Reason: w.Reason, Size: w.Size}
	if copy(h.Hash[:], w.Hash) != len(h.Hash) {
		return nil, errors.New("its hash is not whole")
	}
	return h, nil
}

// wireArrival is the start of a report: all that retention asks for.
type wireArrival struct {
	Message struct {
		ReceivedAt *wireTime `cbor:"1,keyasint,omitempty"`
	} `cbor:"1,keyasint"`
}

func (t *wireTime) time() time.Time {
	if t == nil {
		return time.Time{}
	}
	return time.Unix(t.Seconds, int64(t.Nanoseconds)).UTC()
}

func fromWireAddr(b []byte) (netip.Addr, error) {
	var a netip.Addr
	if err := a.UnmarshalBinary(b); err != nil {
		return a, fmt.Errorf("address: %w", err)
	}
	return a, nil
}

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

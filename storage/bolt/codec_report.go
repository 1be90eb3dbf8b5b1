package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// The wire structs say how things are spelled in the file. Their numbers are for
// ever: a field may be added under a new number, never renumbered or given another
// meaning. Go names may change; that is why the types of other rooms are not
// written themselves.

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

// stamp is what only the committer knows of a report: flags (1), the sequence
// number under which the raw message is kept (8), 0 for none.
type stamp struct {
	conflict bool
	raw      uint64
}

const (
	stampBytes    = 1 + 8
	stampConflict = 1
)

func (s stamp) bytes() []byte {
	var flags byte
	if s.conflict {
		flags = stampConflict
	}
	return binary.BigEndian.AppendUint64([]byte{flags}, s.raw)
}

func parseStamp(b []byte) stamp {
	return stamp{conflict: b[0]&stampConflict != 0, raw: binary.BigEndian.Uint64(b[1:])}
}

// chunks encodes a report: its head and, one by one, what follows.
func (c *codec) chunks(r *storage.Report) ([]*value, error) {
	head := toWireHead(r)
	var records []reports.Record
	if r.Aggregate != nil {
		records = r.Aggregate.Records
		head.Aggregate.Records = toWireRecords(records[:min(len(records), storage.ChunkRecords)])
	}
	first, err := c.newValue(head, stampBytes)
	if err != nil {
		return nil, err
	}
	values := []*value{first}
	for i := storage.ChunkRecords; i < len(records); i += storage.ChunkRecords {
		v, err := c.newValue(toWireRecords(records[i:min(i+storage.ChunkRecords, len(records))]), 0)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

func toWireHead(r *storage.Report) *wireHead {
	h := &wireHead{
		Message:       toWireMessage(&r.Message),
		Part:          r.Part,
		ContentHash:   r.ContentHash[:],
		Authorization: r.Authorization,
		Implausible:   r.Implausible,
		Chunks:        1,
	}
	for _, w := range r.Warnings {
		h.Warnings = append(h.Warnings, wireWarning(w))
	}
	switch r.Kind {
	case reports.KindAggregate:
		h.Aggregate = toWireAggregate(r.Aggregate)
		h.Chunks = uint32(max(1, (len(r.Aggregate.Records)+storage.ChunkRecords-1)/storage.ChunkRecords))
	case reports.KindFailure:
		h.Failure = toWireFailure(r.Failure)
	case reports.KindTLS:
		h.TLS = toWireTLS(r.TLS)
	}
	return h
}

// head decodes chunk 0 of a report. chunks is how many it has in all.
func (c *codec) head(at ref, v stored) (r *storage.Report, chunks uint32, err error) {
	var h wireHead
	b, err := c.decode(v, stampBytes, &h)
	if err != nil {
		return nil, 0, err
	}
	if r, err = h.report(at.kind); err != nil {
		return nil, 0, v.damaged("%v", err)
	}
	r.Seq, r.Conflict = at.seq, parseStamp(b).conflict
	return r, h.Chunks, nil
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

// records decodes a later chunk.
func (c *codec) records(v stored) ([]reports.Record, error) {
	var wire []wireRecord
	if _, err := c.decode(v, 0, &wire); err != nil {
		return nil, err
	}
	records, err := fromWireRecords(wire)
	if err != nil {
		return nil, v.damaged("%v", err)
	}
	return records, nil
}

// wireTime is a time in UTC; the zero time is left out as a nil pointer.
type wireTime struct {
	Seconds     int64 `cbor:"1,keyasint"` // since 1970
	Nanoseconds int32 `cbor:"2,keyasint,omitempty"`
}

func toWireTime(t time.Time) *wireTime {
	if t.IsZero() {
		return nil
	}
	return &wireTime{Seconds: t.Unix(), Nanoseconds: int32(t.Nanosecond())}
}

func (t *wireTime) time() time.Time {
	if t == nil {
		return time.Time{}
	}
	return time.Unix(t.Seconds, int64(t.Nanoseconds)).UTC()
}

// toWireAddr spells an address in 4 or 16 bytes and its zone, none for the zero
// one.
func toWireAddr(a netip.Addr) []byte {
	b, _ := a.MarshalBinary() // never fails
	return b
}

func fromWireAddr(b []byte) (netip.Addr, error) {
	var a netip.Addr
	if err := a.UnmarshalBinary(b); err != nil {
		return a, fmt.Errorf("address: %w", err)
	}
	return a, nil
}

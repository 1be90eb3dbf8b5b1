package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

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
	var records []reports.Record
	if r.Kind == reports.KindAggregate {
		records = r.Aggregate.Records
	}
	n := max(1, (len(records)+storage.ChunkRecords-1)/storage.ChunkRecords)
	values := make([]*value, 0, n)
	for i := range n {
		part := records[min(len(records), i*storage.ChunkRecords):min(len(records), (i+1)*storage.ChunkRecords)]
		stamp := 0
		w := newWriter()
		if i == 0 {
			stamp = stampBytes
			w.head(r, n, part)
		} else {
			w.records(part)
		}
		v, err := c.finish(w, stamp)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// The fields of chunk 0 of a report: all of it but the records past the first
// storage.ChunkRecords. The message is first: retention reads no further.
const (
	headMessage = 1 + iota
	headPart
	headContentHash
	headWarning
	headAuthorization
	headImplausible
	headChunks // at least 1
	headAggregate
	headFailure
	headTLS
)

func (w *writer) head(r *storage.Report, chunks int, records []reports.Record) {
	w.message(headMessage, &r.Message)
	w.string(headPart, r.Part)
	w.bytes(headContentHash, r.ContentHash[:])
	for i := range r.Warnings {
		v := &r.Warnings[i]
		w.short(headWarning, v.Code, v.Where, v.Text, "")
	}
	w.string(headAuthorization, r.Authorization)
	w.flag(headImplausible, r.Implausible)
	w.number(headChunks, uint64(chunks))
	switch r.Kind {
	case reports.KindAggregate:
		w.aggregate(headAggregate, r.Aggregate, records)
	case reports.KindFailure:
		w.failure(headFailure, r.Failure)
	case reports.KindTLS:
		w.tls(headTLS, r.TLS)
	}
}

// head decodes chunk 0 of a report. chunks is how many it has in all.
func (c *codec) head(at ref, v stored) (r *storage.Report, chunks uint32, err error) {
	b, body, err := c.open(v, stampBytes)
	if err != nil {
		return nil, 0, err
	}
	if v.version() == versionCBOR {
		r, chunks, err = c.headV1(at.kind, body)
	} else {
		err = parse(body, func(in *reader) { r, chunks = in.head(at.kind) })
	}
	if err != nil {
		return nil, 0, v.damaged("%v", err)
	}
	r.Seq, r.Conflict = at.seq, parseStamp(b).conflict
	return r, chunks, nil
}

func (r *reader) head(kind reports.Kind) (*storage.Report, uint32) {
	to := &storage.Report{}
	to.Kind = kind
	var chunks uint64
	var hashed bool
	for r.next() {
		switch r.field {
		case headMessage:
			r.message(&to.Message)
		case headPart:
			to.Part = r.string()
		case headContentHash:
			r.hash(to.ContentHash[:])
			hashed = true
		case headWarning:
			var w reports.Warning
			r.short(&w.Code, &w.Where, &w.Text, nil)
			to.Warnings = append(to.Warnings, w)
		case headAuthorization:
			to.Authorization = r.string()
		case headImplausible:
			to.Implausible = r.flag()
		case headChunks:
			chunks = r.number()
		case headAggregate:
			to.Aggregate = r.aggregate()
		case headFailure:
			to.Failure = r.failure()
		case headTLS:
			to.TLS = r.tls()
		default:
			r.skip()
		}
	}
	if !hashed || chunks == 0 || chunks > 1<<31 || !isOf(kind, to) {
		r.fail("it is no whole %s report", kind)
	}
	to.Last = chunks == 1
	return to, uint32(chunks)
}

// isOf tells whether a report holds what its kind says, and nothing else.
func isOf(kind reports.Kind, r *storage.Report) bool {
	a, f, t := r.Aggregate != nil, r.Failure != nil, r.TLS != nil
	switch kind {
	case reports.KindAggregate:
		return a && !f && !t
	case reports.KindFailure:
		return f && !a && !t
	case reports.KindTLS:
		return t && !a && !f
	}
	return false
}

// records decodes a later chunk.
func (c *codec) records(v stored) (records []reports.Record, err error) {
	_, body, err := c.open(v, 0)
	if err != nil {
		return nil, err
	}
	if v.version() == versionCBOR {
		records, err = c.recordsV1(body)
	} else {
		err = parse(body, func(in *reader) { records = in.records() })
	}
	if err != nil {
		return nil, v.damaged("%v", err)
	}
	return records, nil
}

// spelled gives the body of a report's chunk as it would be written now, whatever the
// version in which it stands there.
func (c *codec) spelled(at ref, v stored) ([]byte, error) {
	first := bytes.HasSuffix(v.key, []byte{0, 0, 0, 0})
	stamp := 0
	if first {
		stamp = stampBytes
	}
	_, body, err := c.open(v, stamp)
	if err != nil || v.version() != versionCBOR {
		return body, err
	}
	w := newWriter()
	defer w.release()
	if !first {
		records, err := c.records(v)
		w.records(records)
		return bytes.Clone(w.b), err
	}
	r, chunks, err := c.head(at, v)
	if err != nil {
		return nil, err
	}
	var records []reports.Record
	if r.Aggregate != nil {
		records = r.Aggregate.Records
	}
	w.head(r, int(chunks), records)
	return bytes.Clone(w.b), nil
}

// arrival gives when the message of a report arrived, and reads no further.
func (c *codec) arrival(v stored) (at time.Time, err error) {
	_, body, err := c.open(v, stampBytes)
	if err != nil {
		return at, err
	}
	if v.version() == versionCBOR {
		at, err = c.arrivalV1(body)
	} else {
		err = parse(body, func(in *reader) {
			var m storage.Message
			if in.next() && in.field == headMessage {
				in.message(&m)
			}
			at = m.ReceivedAt
		})
	}
	if err != nil {
		return at, v.damaged("%v", fmt.Errorf("arrival: %w", err))
	}
	return at, nil
}

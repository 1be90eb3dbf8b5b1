package bolt

import (
	"encoding/binary"
	"net/netip"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// The columns of a report are what summaries need of it, apart from the rest, in a
// form that is read hundreds of times as fast. A chunk of an aggregate report has a
// value in their bucket under the same key, with a stamp of one byte, in which only
// conflict may be set, and this body:
//
//	flags (1)
//	begin, received: seconds (varint) ‖ nanoseconds (uvarint), each if its flag is set
//	policy domain, org_name: length (uvarint) ‖ bytes
//	rows to the end: flags (1) ‖ address (0, 4 or 16, and its zone like a name) ‖ count (uvarint)
const (
	columnAuthenticated = 1 << iota
	columnImplausible
	columnLast
	columnBegin
	columnReceived
	columnFlags = 1<<iota - 1 // all of them
)

// The flags of a row. The disposition stands between, in three bits.
const (
	rowDKIM             = 1
	rowSPF              = 2
	rowDispositionShift = 2
	rowDispositionMask  = 7
	rowAddressShift     = 5 // the rest says how the address is spelled
)

// How an address is spelled.
const (
	addressNone = iota
	address4
	address16
	addressZone
)

const columnStampBytes = 1

// columnPage is how many columns are read in one read transaction: they are small,
// and all that is done with them there is to copy them.
const columnPage = 4096

// columnStamp is the stamp of a report's columns.
func columnStamp(conflict bool) []byte {
	if conflict {
		return []byte{stampConflict}
	}
	return []byte{0}
}

// columns encodes the columns of a report, a value for each of its chunks; none for
// a report of another kind.
func (c *codec) columns(r *storage.Report) ([]*value, error) {
	if r.Kind != reports.KindAggregate {
		return nil, nil
	}
	records := r.Aggregate.Records
	var values []*value
	for i := 0; i == 0 || i < len(records); i += storage.ChunkRecords {
		part, a := *r, *r.Aggregate
		a.Records = records[i:min(i+storage.ChunkRecords, len(records))]
		part.Aggregate, part.Last = &a, i+storage.ChunkRecords >= len(records)
		v, err := c.columnsOf(&part)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// columnsOf encodes the columns of one part of a report.
func (c *codec) columnsOf(part *storage.Report) (*value, error) {
	w := newWriter()
	defer w.release()
	w.b = appendColumns(w.b, storage.DigestOf(part))
	return c.pack(w.b, nil, columnStampBytes)
}

func appendColumns(b []byte, d *storage.Digest) []byte {
	var flags byte
	for _, f := range []struct {
		set  bool
		flag byte
	}{
		{d.Authenticated, columnAuthenticated}, {d.Implausible, columnImplausible}, {d.Last, columnLast},
		{!d.Begin.IsZero(), columnBegin}, {!d.ReceivedAt.IsZero(), columnReceived},
	} {
		if f.set {
			flags |= f.flag
		}
	}
	b = append(b, flags)
	for _, t := range []time.Time{d.Begin, d.ReceivedAt} {
		if !t.IsZero() {
			b = binary.AppendVarint(b, t.Unix())
			b = binary.AppendUvarint(b, uint64(t.Nanosecond()))
		}
	}
	b = appendName(appendName(b, d.PolicyDomain), d.OrgName)
	for i := range d.Rows {
		b = appendRow(b, &d.Rows[i])
	}
	return b
}

func appendName(b []byte, name string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(name))), name...)
}

func appendRow(b []byte, r *storage.DigestRow) []byte {
	flags := byte(r.Disposition) << rowDispositionShift
	if r.DKIM {
		flags |= rowDKIM
	}
	if r.SPF {
		flags |= rowSPF
	}
	switch ip := r.SourceIP; {
	case !ip.IsValid():
		b = append(b, flags|addressNone<<rowAddressShift)
	case ip.Is4():
		a := ip.As4()
		b = append(append(b, flags|address4<<rowAddressShift), a[:]...)
	case ip.Zone() == "":
		a := ip.As16()
		b = append(append(b, flags|address16<<rowAddressShift), a[:]...)
	default:
		a := ip.As16()
		b = appendName(append(append(b, flags|addressZone<<rowAddressShift), a[:]...), ip.Zone())
	}
	return binary.AppendUvarint(b, uint64(r.Count))
}

// columnReader reads columns, one after the other.
type columnReader struct {
	names map[string]string // what has been read before: most names come again
	bytes int               // of names
	rest  []byte            // of the body that is being read
	bad   bool              // it is not what appendColumns makes
}

// maxNameBytes bounds the names that are remembered.
const maxNameBytes = 4 << 20

// read fills d, whose Seq and Chunk are given, from a value. Its rows are written
// over those that d has.
func (c *columnReader) read(v stored, d *storage.Digest) error {
	stamp, encoding, body, err := v.unseal(columnStampBytes)
	if err != nil {
		return err
	}
	c.rest, c.bad = body, encoding != encodingPlain || len(body) == 0
	if c.bad {
		return v.damaged("it holds no columns")
	}
	flags := c.rest[0]
	c.rest = c.rest[1:]
	d.Conflict = stamp[0] == stampConflict
	d.Authenticated = flags&columnAuthenticated != 0
	d.Implausible = flags&columnImplausible != 0
	d.Last = flags&columnLast != 0
	d.Begin = c.time(flags & columnBegin)
	d.ReceivedAt = c.time(flags & columnReceived)
	d.PolicyDomain = c.name()
	d.OrgName = c.name()
	d.Rows = c.rows(d.Rows[:0])
	if c.bad || flags > columnFlags || stamp[0] > stampConflict {
		return v.damaged("its columns cannot be read")
	}
	return nil
}

// time reads a time unless its flag is 0.
func (c *columnReader) time(flag byte) time.Time {
	if flag == 0 {
		return time.Time{}
	}
	seconds, n := binary.Varint(c.rest)
	if n <= 0 {
		c.bad = true
		return time.Time{}
	}
	c.rest = c.rest[n:]
	nanoseconds := c.number()
	if nanoseconds >= uint64(time.Second) {
		c.bad = true
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanoseconds)).UTC()
}

func (c *columnReader) number() uint64 {
	n, size := binary.Uvarint(c.rest)
	if size <= 0 {
		c.bad, c.rest = true, nil
		return 0
	}
	c.rest = c.rest[size:]
	return n
}

func (c *columnReader) name() string {
	size := c.number()
	if size > uint64(len(c.rest)) {
		c.bad = true
		return ""
	}
	b := c.rest[:size]
	c.rest = c.rest[size:]
	if name, ok := c.names[string(b)]; ok {
		return name
	}
	if c.names == nil || c.bytes+len(b) > maxNameBytes {
		c.names, c.bytes = map[string]string{}, 0
	}
	name := string(b)
	c.names[name] = name
	c.bytes += len(b)
	return name
}

// rows appends the rows, to the end of the body.
func (c *columnReader) rows(rows []storage.DigestRow) []storage.DigestRow {
	for len(c.rest) > 0 {
		flags := c.rest[0]
		c.rest = c.rest[1:]
		row := storage.DigestRow{
			DKIM:        flags&rowDKIM != 0,
			SPF:         flags&rowSPF != 0,
			Disposition: storage.Disposition(flags >> rowDispositionShift & rowDispositionMask),
		}
		row.SourceIP = c.address(flags >> rowAddressShift)
		row.Count = int64(c.number())
		if c.bad || row.Disposition > storage.DispositionReject {
			c.bad = true
			return rows
		}
		rows = append(rows, row)
	}
	return rows
}

func (c *columnReader) address(spelling byte) netip.Addr {
	size := 16
	switch spelling {
	case addressNone:
		return netip.Addr{}
	case address4:
		size = 4
	case address16, addressZone:
	default:
		c.bad = true
		return netip.Addr{}
	}
	if len(c.rest) < size {
		c.bad, c.rest = true, nil
		return netip.Addr{}
	}
	b := c.rest[:size]
	c.rest = c.rest[size:]
	if size == 4 {
		return netip.AddrFrom4([4]byte(b))
	}
	ip := netip.AddrFrom16([16]byte(b))
	if spelling == addressZone {
		ip = ip.WithZone(c.name())
	}
	return ip
}

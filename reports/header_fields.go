package reports

import (
	"slices"
	"strings"
)

// The fields of messages and parts that anything here looks at.
const (
	fieldContentType        = "Content-Type"
	fieldDisposition        = "Content-Disposition"
	fieldEncoding           = "Content-Transfer-Encoding"
	fieldSubject            = "Subject"
	fieldFrom               = "From"
	fieldTo                 = "To"
	fieldDate               = "Date"
	fieldMessageID          = "Message-ID"
	fieldTLSReportDomain    = "TLS-Report-Domain"
	fieldTLSReportSubmitter = "TLS-Report-Submitter"
	fieldReceived           = "Received" // counted only
)

// entityFields are those that are read, in a fieldList.
var entityFields = []string{
	fieldContentType, fieldDisposition, fieldEncoding, fieldSubject, fieldFrom, fieldTo, fieldDate, fieldMessageID,
	fieldTLSReportDomain, fieldTLSReportSubmitter,
}

// entityField returns the one of entityFields that a name means, or "".
func entityField(name []byte) string {
	for _, f := range entityFields {
		if len(f) == len(name) && strings.EqualFold(f, string(name)) {
			return f
		}
	}
	return ""
}

// valueSpan is where the value of one of entityFields stands.
type valueSpan struct {
	name       string
	start, end int
}

// fieldList are those of entityFields that a message or a part has, unfolded, in the
// order of the header.
type fieldList []Field

// Get returns the value of the first field of that name, "" without one. The name is one
// of entityFields, here and below.
func (f fieldList) Get(name string) string {
	for i := range f {
		if f[i].Name == name {
			return f[i].Value
		}
	}
	return ""
}

// Values returns the values of all fields of that name.
func (f fieldList) Values(name string) (values []string) {
	for i := range f {
		if f[i].Name == name {
			values = append(values, f[i].Value)
		}
	}
	return values
}

func (f fieldList) Has(name string) bool {
	return slices.ContainsFunc(f, func(g Field) bool { return g.Name == name })
}

// Del removes all fields of that name.
func (f *fieldList) Del(name string) {
	*f = slices.DeleteFunc(*f, func(g Field) bool { return g.Name == name })
}

// entityHeader is the header block of a message or of a part as far as it could be
// read: the entityFields in it.
type entityHeader struct {
	fieldList
	recovered bool // as in header
	received  int  // Received fields
}

// readEntity reads the header block at the start of a message or of a part. It is as
// readHeader, for the entityFields only: most of the header of a mail is of no use here.
func readEntity(raw []byte) (h entityHeader, body []byte, err error) {
	p := headerParsers.Get().(*headerParser)
	defer headerParsers.Put(p)
	s := headerScan{rest: raw, clean: p.clean[:0], values: p.values[:0]}
	err = s.run()
	p.clean, p.values = s.clean, s.values
	h = entityHeader{recovered: s.recovered, received: s.received}
	text := string(s.clean)
	h.fieldList = make(fieldList, len(s.values))
	for i, v := range s.values {
		h.fieldList[i] = Field{Name: v.name, Value: text[v.start:v.end]}
	}
	return h, s.body, err
}

package reports

import (
	"slices"
	"strings"
)

// fieldList are the fields of a message or of a part that were asked for, unfolded, in
// the order of the header. Names are compared without case.
type fieldList []Field

// Get returns the value of the first field of that name, "" without one.
func (f fieldList) Get(name string) string {
	for i := range f {
		if strings.EqualFold(f[i].Name, name) {
			return f[i].Value
		}
	}
	return ""
}

// Values returns the values of all fields of that name.
func (f fieldList) Values(name string) (values []string) {
	for i := range f {
		if strings.EqualFold(f[i].Name, name) {
			values = append(values, f[i].Value)
		}
	}
	return values
}

func (f fieldList) Has(name string) bool {
	return slices.ContainsFunc(f, func(g Field) bool { return strings.EqualFold(g.Name, name) })
}

// Del removes all fields of that name.
func (f *fieldList) Del(name string) {
	*f = slices.DeleteFunc(*f, func(g Field) bool { return strings.EqualFold(g.Name, name) })
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
	s := headerScan{rest: raw, names: entityFields, clean: p.clean[:0]}
	err = s.run()
	p.clean = s.clean
	h = entityHeader{recovered: s.recovered, received: s.received}
	text := string(s.clean)
	h.fieldList = make(fieldList, 0, s.kept)
	for line := range strings.SplitSeq(text, "\r\n") {
		if name, value, found := strings.Cut(line, ":"); found {
			h.fieldList = append(h.fieldList, Field{Name: strings.TrimRight(name, " \t"), Value: strings.Trim(value, " \t")})
		}
	}
	return h, s.body, err
}

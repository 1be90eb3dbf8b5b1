package enrich

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"

	"reportmx/export"
)

// database is one file in MaxMind's format, mapped into memory and only read.
type database struct {
	path   string
	reader *maxminddb.Reader
}

func openDatabase(path string) (*database, error) {
	reader, err := maxminddb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", named(path, err))
	}
	return &database{path: path, reader: reader}, nil
}

// named puts the path before an error that does not have it.
func named(path string, err error) error {
	if strings.Contains(err.Error(), path) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

func (d *database) close() error { return d.reader.Close() }

// fill adds to s what the database tells of an address and nothing has told yet.
func (d *database) fill(ip netip.Addr, s *export.Source) error {
	r, err := d.look(ip)
	if err != nil {
		return fmt.Errorf("read database: %w", named(d.path, err))
	}
	for _, field := range []struct {
		into  *string
		value string
	}{
		{&s.Country, r.country()},
		{&s.Name, first(r.text("name"), r.text("organization"), r.text("isp"))},
		{&s.Type, r.text("type")},
		{&s.ASName, first(r.text("autonomous_system_organization"), r.text("as_name"))},
		{&s.ASDomain, r.text("as_domain")},
	} {
		*field.into = first(*field.into, field.value)
	}
	if s.ASN == 0 {
		s.ASN = r.asn()
	}
	return nil
}

// look reads the record of an address. A file that somebody cuts short while it is
// mapped is a fault of memory: it becomes an error, and the server lives on.
func (d *database) look(ip netip.Addr) (r record, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("damaged, or changed while it was read: %v", v)
		}
	}()
	if d.reader.Metadata.IPVersion == 4 && !ip.Is4() {
		return nil, nil
	}
	found := d.reader.Lookup(ip)
	if !found.Found() {
		return nil, found.Err()
	}
	err = found.Decode(&r)
	var other maxminddb.UnmarshalTypeError
	if errors.As(err, &other) {
		return nil, errors.New("a record is no map")
	}
	return r, err
}

// record is what a database says of one address. The fields are those of MaxMind's
// country, city, ASN, ISP and enterprise databases, and of IPinfo's.
type record map[string]any

// value stands at the top or, in MaxMind's Enterprise database, in "traits".
func (r record) value(name string) any {
	if v, ok := r[name]; ok {
		return v
	}
	traits, _ := r["traits"].(map[string]any)
	return traits[name]
}

func (r record) text(name string) string {
	s, _ := r.value(name).(string)
	return s
}

// country is a map of MaxMind's, or a code as IPinfo has it.
func (r record) country() string {
	for _, name := range []string{"country", "registered_country"} {
		if m, ok := r[name].(map[string]any); ok {
			if code, ok := m["iso_code"].(string); ok {
				return code
			}
		}
	}
	for _, name := range []string{"country_code", "country"} {
		if code := r.text(name); len(code) == 2 {
			return code
		}
	}
	return ""
}

// asn is a number, or "AS64496".
func (r record) asn() int64 {
	if n, ok := r.value("autonomous_system_number").(uint64); ok && n <= maxASN {
		return int64(n)
	}
	text := strings.TrimPrefix(strings.ToUpper(r.text("asn")), "AS")
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return int64(n)
	}
	return 0
}

const maxASN = 1<<32 - 1

func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

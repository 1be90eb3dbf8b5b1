package export

import "net/netip"

// Enricher tells what is known of an address besides the address. It is asked
// while an export is written, for each row, and so must be quick: it answers from
// memory, and what it cannot tell in time it leaves out.
type Enricher interface {
	Enrich(ip netip.Addr) Source
}

// Source is what is known of an address. What is not known is the zero value.
type Source struct {
	Country    string // ISO 3166-1, two letters
	ReverseDNS string // as the owner of the address says, and anybody may say anything
	BaseDomain string // organizational domain of ReverseDNS
	Name, Type string // whose service it is, and of what sort
	ASN        int64  // of the autonomous system
	ASName     string
	ASDomain   string
}

// asn is null rather than 0 in JSON, and an empty cell in CSV.
func (s *Source) asn() *int64 {
	if s.ASN == 0 {
		return nil
	}
	return &s.ASN
}

// sourceOf asks the enricher, if there is one and an address to ask about.
func sourceOf(e Enricher, ip netip.Addr) Source {
	if e == nil || !ip.IsValid() {
		return Source{}
	}
	return e.Enrich(ip)
}

// enriched writes the source_… columns.
func (r *row) enriched(s *Source) {
	r.text("source_country", s.Country)
	r.text("source_reverse_dns", s.ReverseDNS)
	r.text("source_base_domain", s.BaseDomain)
	r.text("source_name", s.Name)
	r.text("source_type", s.Type)
	r.optional("source_asn", s.asn())
	r.text("source_as_name", s.ASName)
	r.text("source_as_domain", s.ASDomain)
}

// enriched writes the same as an object.
func (j *jsonText) enriched(s *Source) {
	j.object("source")
	j.text("country", s.Country)
	j.text("reverse_dns", s.ReverseDNS)
	j.text("base_domain", s.BaseDomain)
	j.text("name", s.Name)
	j.text("type", s.Type)
	j.optional("asn", s.asn())
	j.text("as_name", s.ASName)
	j.text("as_domain", s.ASDomain)
	j.endObject()
}

package export

import (
	"net/netip"

	"reportmx/reports"
	"reportmx/storage"
)

// rowEncoder writes rows, as CSV or as flat NDJSON. What all rows of a report
// begin with is made once and copied.
type rowEncoder struct {
	kind     reports.Kind
	row      row
	enricher Enricher
	head     []byte // the columns that all rows of the open report share
}

// begin writes the header row of CSV, also for an export without reports.
func (e *rowEncoder) begin(out *output) {
	if e.row.style != styleCSV {
		return
	}
	e.row.style, e.row.b = styleNames, out.buf
	e.shared(&storage.Report{Report: reports.Report{
		Kind: e.kind, Aggregate: &reports.Aggregate{}, Failure: &reports.Failure{}, TLS: &reports.TLS{},
	}})
	switch e.kind {
	case reports.KindAggregate:
		e.row.record(&reports.Record{})
		e.source(netip.Addr{})
	case reports.KindTLS:
		e.row.tlsPolicy(tlsRowPolicy, &reports.TLSPolicy{})
		e.row.tlsDetail(&reports.TLSFailure{})
	}
	e.row.b = append(e.row.b, "\r\n"...)
	out.buf, e.row.style = e.row.b, styleCSV
}

func (e *rowEncoder) end(*output) {}

func (e *rowEncoder) part(out *output, r *storage.Report) {
	e.row.b = out.buf
	if r.Chunk == 0 {
		e.makeHead(r)
	}
	switch e.kind {
	case reports.KindAggregate:
		for i := range r.Aggregate.Records {
			e.row.b = append(e.row.b, e.head...)
			e.row.record(&r.Aggregate.Records[i])
			e.source(r.Aggregate.Records[i].SourceIP)
			e.endRow(out)
		}
	case reports.KindFailure:
		e.row.b = append(e.row.b, e.head...)
		e.endRow(out)
	case reports.KindTLS:
		e.tls(out, r.TLS)
	}
	out.buf = e.row.b
}

// makeHead fills head and leaves the row as it was.
func (e *rowEncoder) makeHead(r *storage.Report) {
	start := len(e.row.b)
	if e.row.style == styleJSON {
		e.row.b = append(e.row.b, '{')
		e.row.number("schema", SchemaVersion)
		e.row.text("kind", string(r.Kind))
	}
	e.shared(r)
	e.head = append(e.head[:0], e.row.b[start:]...)
	e.row.b = e.row.b[:start]
}

// shared writes the columns that all rows of a report have in common.
func (e *rowEncoder) shared(r *storage.Report) {
	e.row.provenance(r)
	switch e.kind {
	case reports.KindAggregate:
		e.row.aggregate(r.Aggregate)
	case reports.KindFailure:
		e.row.failure(r.Failure)
		e.source(r.Failure.SourceIP)
	case reports.KindTLS:
		e.row.tls(r.TLS)
	}
}

// source writes what the enricher knows of the source, if there is one: columns
// that nobody asked for would make every export wider.
func (e *rowEncoder) source(ip netip.Addr) {
	if e.enricher != nil {
		s := sourceOf(e.enricher, ip)
		e.row.enriched(&s)
	}
}

func (e *rowEncoder) endRow(out *output) {
	if e.row.style == styleJSON {
		e.row.b = append(e.row.b, "}\n"...)
	} else {
		e.row.b = append(e.row.b, "\r\n"...)
	}
	e.row.b = out.spill(e.row.b)
}

// provenance writes what is known of a report of any kind besides its contents.
func (r *row) provenance(s *storage.Report) {
	m := &s.Message
	r.sequence("seq", s.Seq)
	r.moment("received_at", m.ReceivedAt)
	r.text("source", string(m.Source))
	r.known("client_ip", m.Envelope.ClientIP)
	r.text("helo", m.Envelope.Helo)
	r.text("mail_from", m.Envelope.MailFrom)
	r.texts("rcpt_to", m.Envelope.RcptTo)
	r.text("tls", m.Envelope.TLS)
	r.text("message_id", m.MessageID)
	r.text("subject", m.Subject)
	r.sender(&m.Sender)
	r.text("authorization", s.Authorization)
	r.flag("conflict", s.Conflict)
	r.flag("implausible", s.Implausible)
	r.begin("warnings")
	for i := range s.Warnings {
		r.item(s.Warnings[i].Code)
	}
	r.end()
}

func (r *row) sender(s *storage.Sender) {
	r.text("sender_domain", s.Domain)
	r.text("sender_result", s.Result)
	r.text("sender_spf_domain", s.SPF.Domain)
	r.text("sender_spf_scope", s.SPF.Scope)
	r.text("sender_spf_result", s.SPF.Result)
	r.begin("sender_dkim_domains")
	for i := range s.DKIM {
		r.item(s.DKIM[i].Domain)
	}
	r.end()
	r.begin("sender_dkim_selectors")
	for i := range s.DKIM {
		r.item(s.DKIM[i].Selector)
	}
	r.end()
	r.begin("sender_dkim_results")
	for i := range s.DKIM {
		r.item(s.DKIM[i].Result)
	}
	r.end()
	r.text("sender_contact", s.Contact)
}

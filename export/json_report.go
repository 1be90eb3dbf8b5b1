package export

import (
	"net/netip"

	"reportmx/reports"
	"reportmx/storage"
)

// jsonEncoder writes one object for each report, in an array or on lines. A long
// aggregate report comes in parts: the object is left open in its list of
// records, which is therefore the last member of the last member.
type jsonEncoder struct {
	first, between   string // what stands before the first report and before others
	opening, closing string // what stands around all of them
	enricher         Enricher
	json             jsonText
	any              bool // a report has been written
	records          bool // the open report has a record already
}

func (e *jsonEncoder) begin(out *output) {
	e.json.b = append(out.buf, e.opening...)
	out.buf = e.json.b
}

func (e *jsonEncoder) end(out *output) {
	if e.any || e.opening != "" {
		out.buf = append(out.buf, e.closing...)
	}
}

func (e *jsonEncoder) part(out *output, r *storage.Report) {
	j := &e.json
	j.b = out.buf
	if r.Chunk == 0 {
		if e.any {
			j.b = append(j.b, e.between...)
		} else {
			j.b = append(j.b, e.first...)
		}
		e.any, e.records = true, false
		j.b = append(j.b, '{')
		j.provenance(r)
		j.object("report")
	}
	switch {
	case r.Kind == reports.KindFailure:
		j.failure(r.Failure)
		e.source(r.Failure.SourceIP)
	case r.Kind == reports.KindTLS:
		j.tls(r.TLS)
	default:
		e.aggregate(out, r)
	}
	if r.Last {
		j.b = append(j.b, '}', '}')
	}
	j.b = out.spill(j.b)
}

func (e *jsonEncoder) aggregate(out *output, r *storage.Report) {
	j := &e.json
	if r.Chunk == 0 {
		j.aggregateHead(r.Aggregate)
		j.array("records")
	}
	for i := range r.Aggregate.Records {
		if e.records {
			j.b = append(j.b, ',')
		}
		e.records = true
		j.record(&r.Aggregate.Records[i])
		e.source(r.Aggregate.Records[i].SourceIP)
		j.endObject()
		j.b = out.spill(j.b)
	}
	if r.Last {
		j.endArray()
	}
}

// source writes what the enricher knows of the source, if there is one.
func (e *jsonEncoder) source(ip netip.Addr) {
	if e.enricher != nil {
		s := sourceOf(e.enricher, ip)
		e.json.enriched(&s)
	}
}

// provenance writes what is known of a report of any kind besides its contents.
func (j *jsonText) provenance(r *storage.Report) {
	m := &r.Message
	j.number("schema", SchemaVersion)
	j.text("kind", string(r.Kind))
	j.sequence("seq", r.Seq)
	j.moment("received_at", m.ReceivedAt)
	j.text("source", string(m.Source))
	j.object("envelope")
	j.known("client_ip", m.Envelope.ClientIP)
	j.text("helo", m.Envelope.Helo)
	j.text("mail_from", m.Envelope.MailFrom)
	j.texts("rcpt_to", m.Envelope.RcptTo)
	j.text("tls", m.Envelope.TLS)
	j.endObject()
	j.text("message_id", m.MessageID)
	j.text("subject", m.Subject)
	j.sender(&m.Sender)
	j.text("authorization", r.Authorization)
	j.flag("conflict", r.Conflict)
	j.flag("implausible", r.Implausible)
	j.array("warnings")
	for i := range r.Warnings {
		j.element()
		j.text("code", r.Warnings[i].Code)
		j.text("where", r.Warnings[i].Where)
		j.text("text", r.Warnings[i].Text)
		j.endObject()
	}
	j.endArray()
}

func (j *jsonText) sender(s *storage.Sender) {
	j.object("sender")
	j.text("domain", s.Domain)
	j.text("result", s.Result)
	j.object("spf")
	j.text("domain", s.SPF.Domain)
	j.text("scope", s.SPF.Scope)
	j.text("result", s.SPF.Result)
	j.endObject()
	j.array("dkim")
	for i := range s.DKIM {
		j.element()
		j.text("domain", s.DKIM[i].Domain)
		j.text("selector", s.DKIM[i].Selector)
		j.text("result", s.DKIM[i].Result)
		j.endObject()
	}
	j.endArray()
	j.text("contact", s.Contact)
	j.endObject()
}

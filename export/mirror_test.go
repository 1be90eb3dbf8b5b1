package export

import (
	"net/netip"
	"time"

	"reportmx/storage"
)

// The shapes of the JSON objects as encoding/json sees them: the oracle that the
// hand-written writers are held to, and the rival in the benchmarks.

type jsonProvenance struct {
	Schema     int     `json:"schema"`
	Kind       string  `json:"kind"`
	Seq        uint64  `json:"seq"`
	ReceivedAt *string `json:"received_at"`
	Source     string  `json:"source"`
	Envelope   struct {
		ClientIP *string  `json:"client_ip"`
		Helo     string   `json:"helo"`
		MailFrom string   `json:"mail_from"`
		RcptTo   []string `json:"rcpt_to"`
		TLS      string   `json:"tls"`
	} `json:"envelope"`
	MessageID string `json:"message_id"`
	Subject   string `json:"subject"`
	Sender    struct {
		Domain  string     `json:"domain"`
		Result  string     `json:"result"`
		SPF     jsonSPF    `json:"spf"`
		DKIM    []jsonDKIM `json:"dkim"`
		Contact string     `json:"contact"`
	} `json:"sender"`
	Authorization string        `json:"authorization"`
	Conflict      bool          `json:"conflict"`
	Implausible   bool          `json:"implausible"`
	Warnings      []jsonWarning `json:"warnings"`
}

type jsonSPF struct {
	Domain string `json:"domain"`
	Scope  string `json:"scope"`
	Result string `json:"result"`
}

type jsonDKIM struct {
	Domain   string `json:"domain"`
	Selector string `json:"selector"`
	Result   string `json:"result"`
}

type jsonWarning struct {
	Code  string `json:"code"`
	Where string `json:"where"`
	Text  string `json:"text"`
}

type jsonAggregate struct {
	jsonProvenance
	Report struct {
		OrgName          string       `json:"org_name"`
		Email            string       `json:"email"`
		ExtraContactInfo string       `json:"extra_contact_info"`
		ReportID         string       `json:"report_id"`
		Begin            *string      `json:"begin"`
		End              *string      `json:"end"`
		Errors           []string     `json:"errors"`
		Generator        string       `json:"generator"`
		Schema           string       `json:"schema"`
		Version          string       `json:"version"`
		Namespace        string       `json:"namespace"`
		PolicyPublished  jsonPolicy   `json:"policy_published"`
		Extensions       []string     `json:"extensions"`
		Records          []jsonRecord `json:"records"`
	} `json:"report"`
}

type jsonPolicy struct {
	Domain          string `json:"domain"`
	DiscoveryMethod string `json:"discovery_method"`
	P               string `json:"p"`
	SP              string `json:"sp"`
	NP              string `json:"np"`
	ADKIM           string `json:"adkim"`
	ASPF            string `json:"aspf"`
	PCT             *int   `json:"pct"`
	FO              string `json:"fo"`
	Testing         string `json:"testing"`
}

type jsonRecord struct {
	SourceIP        *string `json:"source_ip"`
	Count           int64   `json:"count"`
	PolicyEvaluated struct {
		Disposition string       `json:"disposition"`
		DKIM        string       `json:"dkim"`
		SPF         string       `json:"spf"`
		Reasons     []jsonReason `json:"reasons"`
	} `json:"policy_evaluated"`
	DMARC       string `json:"dmarc"`
	Identifiers struct {
		HeaderFrom   string `json:"header_from"`
		EnvelopeFrom string `json:"envelope_from"`
		EnvelopeTo   string `json:"envelope_to"`
	} `json:"identifiers"`
	AuthResults struct {
		DKIM []jsonAuthDKIM `json:"dkim"`
		SPF  []jsonAuthSPF  `json:"spf"`
	} `json:"auth_results"`
	Extensions []string `json:"extensions"`
}

type jsonReason struct {
	Type    string `json:"type"`
	Comment string `json:"comment"`
}

type jsonAuthDKIM struct {
	jsonDKIM
	HumanResult string `json:"human_result"`
}

type jsonAuthSPF struct {
	jsonSPF
	HumanResult string `json:"human_result"`
}

func mirrorProvenance(r *storage.Report) (p jsonProvenance) {
	m := &r.Message
	p.Schema, p.Kind, p.Seq, p.Source = SchemaVersion, string(r.Kind), r.Seq, string(m.Source)
	p.ReceivedAt = mirrorTime(m.ReceivedAt)
	if m.Envelope.ClientIP != "" {
		p.Envelope.ClientIP = &m.Envelope.ClientIP
	}
	p.Envelope.Helo, p.Envelope.MailFrom = m.Envelope.Helo, m.Envelope.MailFrom
	p.Envelope.RcptTo, p.Envelope.TLS = never(m.Envelope.RcptTo), m.Envelope.TLS
	p.MessageID, p.Subject = m.MessageID, m.Subject
	p.Sender.Domain, p.Sender.Result, p.Sender.Contact = m.Sender.Domain, m.Sender.Result, m.Sender.Contact
	p.Sender.SPF = jsonSPF(m.Sender.SPF)
	p.Sender.DKIM = []jsonDKIM{}
	for _, d := range m.Sender.DKIM {
		p.Sender.DKIM = append(p.Sender.DKIM, jsonDKIM(d))
	}
	p.Authorization, p.Conflict, p.Implausible = r.Authorization, r.Conflict, r.Implausible
	p.Warnings = []jsonWarning{}
	for _, w := range r.Warnings {
		p.Warnings = append(p.Warnings, jsonWarning(w))
	}
	return p
}

func mirrorAggregate(r *storage.Report) (m jsonAggregate) {
	a := r.Aggregate
	m.jsonProvenance = mirrorProvenance(r)
	m.Report.OrgName, m.Report.Email, m.Report.ExtraContactInfo = a.OrgName, a.Email, a.ExtraContactInfo
	m.Report.ReportID, m.Report.Generator, m.Report.Schema = a.ReportID, a.Generator, string(a.Schema)
	m.Report.Begin, m.Report.End = mirrorTime(a.Begin), mirrorTime(a.End)
	m.Report.Version, m.Report.Namespace = a.Version, a.Namespace
	m.Report.Errors, m.Report.Extensions = never(a.Errors), never(a.Extensions)
	p := &a.PolicyPublished
	m.Report.PolicyPublished = jsonPolicy{p.Domain, p.DiscoveryMethod, p.P, p.SP, p.NP, p.ADKIM, p.ASPF, p.PCT, p.FO, p.Testing}
	m.Report.Records = make([]jsonRecord, len(a.Records))
	for i := range a.Records {
		from, to := &a.Records[i], &m.Report.Records[i]
		to.SourceIP, to.Count, to.DMARC = mirrorAddress(from.SourceIP), from.Count, dmarcResult(from)
		e := &from.PolicyEvaluated
		to.PolicyEvaluated.Disposition, to.PolicyEvaluated.DKIM, to.PolicyEvaluated.SPF = e.Disposition, e.DKIM, e.SPF
		to.PolicyEvaluated.Reasons = []jsonReason{}
		for _, reason := range e.Reasons {
			to.PolicyEvaluated.Reasons = append(to.PolicyEvaluated.Reasons, jsonReason(reason))
		}
		ids := &from.Identifiers
		to.Identifiers.HeaderFrom, to.Identifiers.EnvelopeFrom, to.Identifiers.EnvelopeTo = ids.HeaderFrom, ids.EnvelopeFrom, ids.EnvelopeTo
		to.AuthResults.DKIM, to.AuthResults.SPF = []jsonAuthDKIM{}, []jsonAuthSPF{}
		for _, d := range from.AuthResults.DKIM {
			to.AuthResults.DKIM = append(to.AuthResults.DKIM, jsonAuthDKIM{jsonDKIM{d.Domain, d.Selector, d.Result}, d.HumanResult})
		}
		for _, s := range from.AuthResults.SPF {
			to.AuthResults.SPF = append(to.AuthResults.SPF, jsonAuthSPF{jsonSPF{s.Domain, s.Scope, s.Result}, s.HumanResult})
		}
		to.Extensions = never(from.Extensions)
	}
	return m
}

func mirrorTime(t time.Time) *string {
	if t.IsZero() || t.UTC().Year() < 0 || t.UTC().Year() > 9999 {
		return nil
	}
	return ptr(t.UTC().Format(time.RFC3339))
}

func mirrorAddress(a netip.Addr) *string {
	if !a.IsValid() {
		return nil
	}
	return ptr(a.String())
}

// never turns nil into an empty list: lists are never null.
func never(list []string) []string {
	return append([]string{}, list...)
}

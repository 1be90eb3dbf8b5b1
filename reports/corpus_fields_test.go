package reports

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// wantAggregate is what the corpus expects of an aggregate report.
type wantAggregate struct {
	Namespace        string   `json:"namespace"`
	Version          string   `json:"version"`
	Email            string   `json:"email"`
	ExtraContactInfo string   `json:"extra_contact_info"`
	Begin            int64    `json:"begin"`
	EndRaw           any      `json:"end"` // seconds here, a date in a TLS report
	Errors           []string `json:"errors"`
	Generator        string   `json:"generator"`
	Policy           struct {
		Domain    string `json:"domain"`
		P         string `json:"p"`
		SP        string `json:"sp"`
		NP        string `json:"np"`
		ADKIM     string `json:"adkim"`
		ASPF      string `json:"aspf"`
		PCT       string `json:"pct"`
		FO        string `json:"fo"`
		Testing   string `json:"testing"`
		Discovery string `json:"discovery_method"`
	} `json:"policy"`
	RecordCount  int          `json:"record_count"`
	MessageCount int64        `json:"message_count"`
	Records      []wantRecord `json:"records"`
}

type wantRecord struct {
	SourceIP     string      `json:"source_ip"`
	Count        int64       `json:"count"`
	Disposition  string      `json:"disposition"`
	DKIM         string      `json:"dkim"`
	SPF          string      `json:"spf"`
	HeaderFrom   string      `json:"header_from"`
	EnvelopeFrom string      `json:"envelope_from"`
	EnvelopeTo   string      `json:"envelope_to"`
	DKIMAuth     [][3]string `json:"dkim_auth"`
	SPFAuth      [][3]string `json:"spf_auth"`
	Reasons      [][2]string `json:"reasons"`
}

func (w *wantAggregate) compare(deviate func(field string, got, want any), a *Aggregate) {
	deviate("namespace", a.Namespace, w.Namespace)
	deviate("version", a.Version, w.Version)
	deviate("email", a.Email, w.Email)
	deviate("extra_contact_info", a.ExtraContactInfo, w.ExtraContactInfo)
	deviate("begin", a.Begin.Unix(), w.Begin)
	if end, ok := w.EndRaw.(float64); ok {
		deviate("end", a.End.Unix(), int64(end))
	}
	deviate("errors", strings.Join(a.Errors, "\n"), strings.Join(w.Errors, "\n"))
	deviate("generator", a.Generator, w.Generator)
	p := a.PolicyPublished
	deviate("policy.domain", strings.ToLower(p.Domain), strings.ToLower(w.Policy.Domain))
	deviate("policy.p", p.P, strings.ToLower(w.Policy.P))
	deviate("policy.sp", p.SP, strings.ToLower(w.Policy.SP))
	deviate("policy.np", p.NP, strings.ToLower(w.Policy.NP))
	deviate("policy.adkim", p.ADKIM, strings.ToLower(w.Policy.ADKIM))
	deviate("policy.aspf", p.ASPF, strings.ToLower(w.Policy.ASPF))
	deviate("policy.fo", p.FO, w.Policy.FO)
	deviate("policy.testing", p.Testing, strings.ToLower(w.Policy.Testing))
	deviate("policy.discovery_method", p.DiscoveryMethod, strings.ToLower(w.Policy.Discovery))
	pct := ""
	if p.PCT != nil {
		pct = strconv.Itoa(*p.PCT)
	}
	deviate("policy.pct", pct, w.Policy.PCT)
	deviate("record_count", len(a.Records), w.RecordCount)
	messages := int64(0)
	for i := range a.Records {
		messages += a.Records[i].Count
		if i < len(w.Records) {
			w.Records[i].compare(func(field string, got, want any) {
				deviate(fmt.Sprintf("records[%d].%s", i, field), got, want)
			}, &a.Records[i])
		}
	}
	deviate("message_count", messages, w.MessageCount)
}

func (w *wantRecord) compare(deviate func(field string, got, want any), r *Record) {
	deviate("source_ip", r.SourceIP, parsedIP(w.SourceIP))
	deviate("count", r.Count, w.Count)
	deviate("disposition", r.PolicyEvaluated.Disposition, strings.ToLower(w.Disposition))
	deviate("dkim", r.PolicyEvaluated.DKIM, strings.ToLower(w.DKIM))
	deviate("spf", r.PolicyEvaluated.SPF, strings.ToLower(w.SPF))
	deviate("header_from", strings.ToLower(r.Identifiers.HeaderFrom), strings.ToLower(w.HeaderFrom))
	deviate("envelope_from", strings.ToLower(r.Identifiers.EnvelopeFrom), strings.ToLower(w.EnvelopeFrom))
	deviate("envelope_to", strings.ToLower(r.Identifiers.EnvelopeTo), strings.ToLower(w.EnvelopeTo))
	deviate("dkim_auth", len(r.AuthResults.DKIM), len(w.DKIMAuth))
	for i, d := range r.AuthResults.DKIM[:min(len(r.AuthResults.DKIM), len(w.DKIMAuth))] {
		want := w.DKIMAuth[i]
		deviate("dkim_auth", [3]string{strings.ToLower(d.Domain), d.Selector, d.Result},
			[3]string{strings.ToLower(want[0]), want[1], strings.ToLower(want[2])})
	}
	deviate("spf_auth", len(r.AuthResults.SPF), len(w.SPFAuth))
	for i, s := range r.AuthResults.SPF[:min(len(r.AuthResults.SPF), len(w.SPFAuth))] {
		want := w.SPFAuth[i]
		deviate("spf_auth", [3]string{strings.ToLower(s.Domain), s.Scope, s.Result},
			[3]string{strings.ToLower(want[0]), strings.ToLower(want[1]), strings.ToLower(want[2])})
	}
	deviate("reasons", len(r.PolicyEvaluated.Reasons), len(w.Reasons))
	for i, reason := range r.PolicyEvaluated.Reasons[:min(len(r.PolicyEvaluated.Reasons), len(w.Reasons))] {
		deviate("reasons", [2]string{reason.Type, reason.Comment},
			[2]string{strings.ToLower(w.Reasons[i][0]), w.Reasons[i][1]})
	}
}

// parsedIP is an address as the reader gives it, zero if there is none.
func parsedIP(text string) netip.Addr {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return ip
}

// wantTLS is what the corpus expects of a TLS report.
type wantTLS struct {
	Contact    string `json:"contact"`
	StartUnix  int64  `json:"start_unix"`
	EndUnix    int64  `json:"end_unix"`
	Successful int64  `json:"total_successful"`
	Failed     int64  `json:"total_failed"`
	Policies   []struct {
		Type       string           `json:"policy_type"`
		Domain     string           `json:"policy_domain"`
		Strings    []string         `json:"policy_string"`
		MXHost     []string         `json:"mx_host"`
		Successful *int64           `json:"successful"`
		Failed     *int64           `json:"failed"`
		Failures   []wantTLSFailure `json:"failure_details"`
	} `json:"policies"`
}

type wantTLSFailure struct {
	ResultType  string `json:"result_type"`
	SendingIP   string `json:"sending_mta_ip"`
	MXHostname  string `json:"receiving_mx_hostname"`
	MXHelo      string `json:"receiving_mx_helo"`
	ReceivingIP string `json:"receiving_ip"`
	Count       *int64 `json:"failed_session_count"`
	Information string `json:"additional_information"`
	Reason      string `json:"failure_reason_code"`
}

func (w *wantTLS) compare(deviate func(field string, got, want any), r *TLS) {
	deviate("contact", r.ContactInfo, w.Contact)
	deviate("start_unix", r.Begin.Unix(), w.StartUnix)
	deviate("end_unix", r.End.Unix(), w.EndUnix)
	deviate("policies", len(r.Policies), len(w.Policies))
	var successful, failed int64
	for i := range r.Policies[:min(len(r.Policies), len(w.Policies))] {
		got, want := &r.Policies[i], &w.Policies[i]
		successful += valueOf(got.Successful)
		failed += valueOf(got.Failed)
		field := func(name string) string { return fmt.Sprintf("policies[%d].%s", i, name) }
		deviate(field("policy_type"), got.PolicyType, want.Type)
		deviate(field("policy_domain"), strings.ToLower(got.PolicyDomain), strings.ToLower(want.Domain))
		deviate(field("policy_string"), strings.Join(got.PolicyString, "\n"), strings.Join(want.Strings, "\n"))
		deviate(field("mx_host"), strings.Join(got.MXHost, "\n"), strings.Join(want.MXHost, "\n"))
		deviate(field("successful"), countText(got.Successful), countText(want.Successful))
		deviate(field("failed"), countText(got.Failed), countText(want.Failed))
		deviate(field("failure_details"), len(got.FailureDetails), len(want.Failures))
		for j := range got.FailureDetails[:min(len(got.FailureDetails), len(want.Failures))] {
			want.Failures[j].compare(func(name string, got, want any) {
				deviate(field(fmt.Sprintf("failure_details[%d].%s", j, name)), got, want)
			}, &got.FailureDetails[j])
		}
	}
	deviate("total_successful", successful, w.Successful)
	deviate("total_failed", failed, w.Failed)
}

func (w *wantTLSFailure) compare(deviate func(field string, got, want any), f *TLSFailure) {
	deviate("result_type", f.ResultType, w.ResultType)
	deviate("sending_mta_ip", f.SendingMTAIP, parsedIP(w.SendingIP))
	deviate("receiving_mx_hostname", f.ReceivingMXHostname, w.MXHostname)
	deviate("receiving_mx_helo", f.ReceivingMXHelo, w.MXHelo)
	deviate("receiving_ip", f.ReceivingIP, parsedIP(w.ReceivingIP))
	deviate("failed_session_count", countText(f.FailedSessionCount), countText(w.Count))
	deviate("additional_information", f.AdditionalInformation, w.Information)
	deviate("failure_reason_code", f.FailureReasonCode, w.Reason)
}

func valueOf(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

func countText(n *int64) string {
	if n == nil {
		return "absent"
	}
	return strconv.FormatInt(*n, 10)
}

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// exported is an aggregate report as the NDJSON export shows it (docs/exports.md):
// what the standard library's writers are fed with.
type exported struct {
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
	MessageID     string `json:"message_id"`
	Subject       string `json:"subject"`
	Sender        proof  `json:"sender"`
	Authorization string `json:"authorization"`
	Conflict      bool   `json:"conflict"`
	Implausible   bool   `json:"implausible"`
	Warnings      []struct {
		Code  string `json:"code"`
		Where string `json:"where"`
		Text  string `json:"text"`
	} `json:"warnings"`
	Report struct {
		OrgName          string     `json:"org_name"`
		Email            string     `json:"email"`
		ExtraContactInfo string     `json:"extra_contact_info"`
		ReportID         string     `json:"report_id"`
		Begin            *string    `json:"begin"`
		End              *string    `json:"end"`
		Errors           []string   `json:"errors"`
		Generator        string     `json:"generator"`
		Schema           string     `json:"schema"`
		Version          string     `json:"version"`
		Namespace        string     `json:"namespace"`
		PolicyPublished  policy     `json:"policy_published"`
		Extensions       []string   `json:"extensions"`
		Records          []exRecord `json:"records"`
	} `json:"report"`
}

type proof struct {
	Domain string `json:"domain"`
	Result string `json:"result"`
	SPF    struct {
		Domain string `json:"domain"`
		Scope  string `json:"scope"`
		Result string `json:"result"`
	} `json:"spf"`
	DKIM    []exDKIM `json:"dkim"`
	Contact string   `json:"contact"`
}

type policy struct {
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

type exDKIM struct {
	Domain      string `json:"domain"`
	Selector    string `json:"selector"`
	Result      string `json:"result"`
	HumanResult string `json:"human_result,omitempty"`
}

type exRecord struct {
	SourceIP        *string `json:"source_ip"`
	Count           int64   `json:"count"`
	PolicyEvaluated struct {
		Disposition string `json:"disposition"`
		DKIM        string `json:"dkim"`
		SPF         string `json:"spf"`
		Reasons     []struct {
			Type    string `json:"type"`
			Comment string `json:"comment"`
		} `json:"reasons"`
	} `json:"policy_evaluated"`
	DMARC       string `json:"dmarc"`
	Identifiers struct {
		HeaderFrom   string `json:"header_from"`
		EnvelopeFrom string `json:"envelope_from"`
		EnvelopeTo   string `json:"envelope_to"`
	} `json:"identifiers"`
	AuthResults struct {
		DKIM []exDKIM `json:"dkim"`
		SPF  []struct {
			Domain      string `json:"domain"`
			Scope       string `json:"scope"`
			Result      string `json:"result"`
			HumanResult string `json:"human_result"`
		} `json:"spf"`
	} `json:"auth_results"`
	Extensions []string `json:"extensions"`
}

// readExport reads an NDJSON export into memory.
func readExport(path string) ([]exported, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []exported
	for d := json.NewDecoder(bufio.NewReaderSize(f, 1<<20)); ; {
		var e exported
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("read export: %w", err)
		}
		list = append(list, e)
	}
}

// cells are the columns that all records of a report share, nearly as many and as
// long as in the CSV export.
func (e *exported) cells() []string {
	r, p := &e.Report, &e.Report.PolicyPublished
	var warnings []string
	for _, w := range e.Warnings {
		warnings = append(warnings, w.Code)
	}
	pct := ""
	if p.PCT != nil {
		pct = strconv.Itoa(*p.PCT)
	}
	return []string{
		strconv.FormatUint(e.Seq, 10), shown(e.ReceivedAt), e.Source, shown(e.Envelope.ClientIP), e.Envelope.Helo, e.Envelope.MailFrom,
		strings.Join(e.Envelope.RcptTo, ";"), e.Envelope.TLS, e.MessageID, e.Subject, e.Sender.Domain, e.Sender.Result,
		e.Sender.SPF.Domain, e.Sender.SPF.Scope, e.Sender.SPF.Result, "", "", "", e.Sender.Contact, e.Authorization,
		strconv.FormatBool(e.Conflict), strconv.FormatBool(e.Implausible), strings.Join(warnings, ";"),
		r.OrgName, r.Email, r.ExtraContactInfo, r.ReportID, shown(r.Begin), shown(r.End), strings.Join(r.Errors, ";"), r.Generator,
		r.Schema, p.Domain, p.P, p.SP, p.NP, p.ADKIM, p.ASPF, pct, p.FO, p.Testing, p.DiscoveryMethod,
	}
}

// cells are the columns of one record.
func (r *exRecord) cells() []string {
	var types, comments []string
	for _, x := range r.PolicyEvaluated.Reasons {
		types, comments = append(types, x.Type), append(comments, x.Comment)
	}
	var dkim, spf [4][]string
	for _, d := range r.AuthResults.DKIM {
		dkim[0], dkim[1] = append(dkim[0], d.Domain), append(dkim[1], d.Selector)
		dkim[2], dkim[3] = append(dkim[2], d.Result), append(dkim[3], d.HumanResult)
	}
	for _, s := range r.AuthResults.SPF {
		spf[0], spf[1] = append(spf[0], s.Domain), append(spf[1], s.Scope)
		spf[2], spf[3] = append(spf[2], s.Result), append(spf[3], s.HumanResult)
	}
	list := []string{
		shown(r.SourceIP), strconv.FormatInt(r.Count, 10), r.PolicyEvaluated.Disposition, r.PolicyEvaluated.DKIM, r.PolicyEvaluated.SPF, r.DMARC,
		strings.Join(types, ";"), strings.Join(comments, ";"), r.Identifiers.HeaderFrom, r.Identifiers.EnvelopeFrom, r.Identifiers.EnvelopeTo,
	}
	for _, l := range append(dkim[:], spf[:]...) {
		list = append(list, strings.Join(l, ";"))
	}
	return list
}

func shown(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

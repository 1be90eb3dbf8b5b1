package reports

import (
	"bytes"
	"encoding/json"
	"strings"
	"unsafe"
)

// policyEntry reads an item of policies: a policy, its summary, its failures.
func (t *tlsReader) policyEntry() error {
	if len(t.report.Policies) == maxTLSPolicies {
		return exceeds("the number of policies of a TLS report", maxTLSPolicies, "policies")
	}
	if err := t.budget.charge(int(unsafe.Sizeof(TLSPolicy{}))); err != nil {
		return err
	}
	t.report.Policies = append(t.report.Policies, TLSPolicy{})
	t.policy = len(t.report.Policies)
	p := &t.report.Policies[t.policy-1]
	err := t.members(func(key string) error {
		switch key {
		case "policy":
			return t.object(func(key string) error { return t.policyMember(key, p) })
		case "summary":
			return t.object(func(key string) error { return t.summaryMember(key, p) })
		case "failure-details":
			return t.list(key, func() error { return t.failure(p) })
		}
		return t.skip()
	})
	if err != nil {
		return err
	}
	t.policy = 0
	return nil
}

// policyMember reads a member of a policy. Erratum 6241 makes mx-host a list; the
// RFC's own example and some reports have a string, or call it mx-host-pattern.
func (t *tlsReader) policyMember(key string, p *TLSPolicy) error {
	switch key {
	case "policy-type":
		return t.word(key, &p.PolicyType)
	case "policy-domain":
		return t.text(key, &p.PolicyDomain)
	case "policy-string":
		return t.texts(key, &p.PolicyString)
	case "mx-host":
		return t.texts(key, &p.MXHost)
	case "mx-host-pattern":
		t.warn.add(WarnDraft, t.place(key), "")
		return t.texts(key, &p.MXHost)
	}
	return t.skip()
}

func (t *tlsReader) summaryMember(key string, p *TLSPolicy) error {
	switch key {
	case "total-successful-session-count":
		return t.count(key, &p.Successful)
	case "total-failure-session-count":
		return t.count(key, &p.Failed)
	}
	return t.skip()
}

func (t *tlsReader) failure(p *TLSPolicy) error {
	if t.details == maxTLSDetails {
		return exceeds("the number of failure-details of a TLS report", maxTLSDetails, "entries")
	}
	if err := t.budget.charge(int(unsafe.Sizeof(TLSFailure{}))); err != nil {
		return err
	}
	t.details++
	p.FailureDetails = append(p.FailureDetails, TLSFailure{})
	f := &p.FailureDetails[len(p.FailureDetails)-1]
	return t.members(func(key string) error { return t.failureMember(key, f) })
}

func (t *tlsReader) failureMember(key string, f *TLSFailure) error {
	switch key {
	case "result-type":
		return t.word(key, &f.ResultType)
	case "sending-mta-ip":
		return t.ip(key, &f.SendingMTAIP)
	case "receiving-mx-hostname":
		return t.text(key, &f.ReceivingMXHostname)
	case "receiving-mx-helo":
		return t.text(key, &f.ReceivingMXHelo)
	case "receiving-ip":
		return t.ip(key, &f.ReceivingIP)
	case "failed-session-count":
		return t.count(key, &f.FailedSessionCount)
	case "additional-information":
		return t.text(key, &f.AdditionalInformation)
	case "failure-reason-code":
		return t.text(key, &f.FailureReasonCode)
	}
	return t.skip()
}

// text reads a string. A number or a truth value is taken as it is written, an
// object or a list not at all.
func (t *tlsReader) text(key string, field *string) error {
	var raw json.RawMessage
	if err := t.json.Decode(&raw); err != nil {
		return err
	}
	*field = t.plain(key, raw)
	return nil
}

// word reads a member of an enumerated word: RFC 8460 writes them in lower case, and
// its list of result types is open.
func (t *tlsReader) word(key string, field *string) error {
	if err := t.text(key, field); err != nil {
		return err
	}
	if lower := strings.ToLower(*field); lower != *field {
		t.warn.add(WarnWordCase, t.place(key), *field)
		*field = lower
	}
	return nil
}

// plain returns the text of a scalar value.
func (t *tlsReader) plain(key string, raw json.RawMessage) string {
	switch raw[0] {
	case '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			t.warn.add(WarnType, t.place(key), string(raw))
		}
		return text
	case 'n':
		return ""
	case '{', '[':
		t.warn.add(WarnType, t.place(key), string(raw))
		return ""
	}
	t.warn.add(WarnType, t.place(key), string(raw))
	return string(raw)
}

// texts reads a list of strings; a single one stands for a list of one.
func (t *tlsReader) texts(key string, field *[]string) error {
	var raw json.RawMessage
	if err := t.json.Decode(&raw); err != nil {
		return err
	}
	if raw[0] != '[' {
		if text := t.plain(key, raw); text != "" {
			t.warn.add(WarnType, t.place(key), text)
			*field = append(*field, text)
		}
		return nil
	}
	items := json.NewDecoder(bytes.NewReader(raw))
	if _, err := items.Token(); err != nil { // the bracket
		return err
	}
	for items.More() {
		if len(*field) == maxTLSStrings {
			return exceeds("the length of "+key, maxTLSStrings, "strings")
		}
		var item json.RawMessage
		if err := items.Decode(&item); err != nil {
			return err
		}
		if text := t.plain(key, item); text != "" {
			*field = append(*field, text)
		}
	}
	return nil
}

// count reads a number of sessions.
func (t *tlsReader) count(key string, field **int64) error {
	var text string
	var raw json.RawMessage
	if err := t.json.Decode(&raw); err != nil {
		return err
	}
	if raw[0] == '"' {
		t.warn.add(WarnType, t.place(key), string(raw))
	}
	text = strings.Trim(string(raw), `" `)
	if text == "null" || text == "" {
		return nil
	}
	n, odd, ok := readNumber(text)
	if odd || !ok {
		t.warn.add(WarnNumber, t.place(key), text)
	}
	if ok {
		*field = &n
	}
	return nil
}

// skip passes over a value.
func (t *tlsReader) skip() error {
	var raw json.RawMessage
	return t.json.Decode(&raw)
}

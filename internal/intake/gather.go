package intake

import (
	"context"
	"strings"
	"sync"

	"reportmx/internal/dmarcdns"
	"reportmx/internal/mailauth"
	"reportmx/reports"
	"reportmx/storage"
)

// gather finds out all that the judge has to know. What costs DNS is asked only
// where it can matter, within one budget for the whole message.
func (in *Intake) gather(ctx context.Context, m *message, found reports.Found) facts {
	f := facts{
		Source:     m.Facts.Source,
		ReceivedAt: m.Facts.ReceivedAt,
		Postmaster: anyPostmaster(m.Facts.Envelope.RcptTo),
		Retried:    m.held != nil,
	}
	f.Found = found
	m.Facts.Subject = f.Found.Header.Subject
	m.Facts.MessageID = strings.Trim(f.Found.Header.MessageID, "<>")
	f.Domains = in.served(f.Found.Reports)
	if !in.anythingKept(f) {
		return f
	}
	in.ask(ctx, m, &f)
	return f
}

// ask does what may cost DNS: who sent the message, beside whether they may. Who sent
// a held one was found out at receipt.
func (in *Intake) ask(ctx context.Context, m *message, f *facts) {
	budget := in.DNSBudget
	if m.large {
		budget = min(budget, largeDNS)
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	switch {
	case m.held != nil:
		f.Sender, f.SenderReason = mailauth.Verdict(m.Facts.Sender.Result), "as found at receipt"
		in.authorize(ctx, m, f.Domains)
	case !in.asksAuthorization(m):
		in.authenticate(ctx, m, f)
	default:
		var asking sync.WaitGroup
		asking.Go(func() { in.authenticate(ctx, m, f) })
		in.authorize(ctx, m, f.Domains)
		asking.Wait()
	}
}

// longestDomain is the longest name in DNS (RFC 1035 §2.3.4), in bytes. A longer one is
// nobody's domain, whatever it ends in: nothing remembers it or asks for it.
const longestDomain = 253

// served finds for each policy domain whether it is ours, and whether its authorization
// matters: TLS reports need none (RFC 8460).
func (in *Intake) served(found []reports.Report) map[string]domainFacts {
	targets := in.Targets()
	domains := make(map[string]domainFacts)
	for i := range found {
		for _, d := range found[i].PolicyDomains() {
			if len(d) > longestDomain {
				continue
			}
			known, seen := domains[d]
			if !seen {
				known = domainFacts{Authorization: dmarcdns.Unchecked}
				known.Target, known.Served = targets.Match(d)
			}
			known.Asked = known.Asked || known.Served && found[i].Kind != reports.KindTLS
			domains[d] = known
		}
	}
	return domains
}

// anythingKept tells whether anything of the message can end in the store, so that
// a stranger cannot make us ask DNS by sending what is refused anyway.
func (in *Intake) anythingKept(f facts) bool {
	if len(f.Found.Unreadable) > 0 {
		return true
	}
	for i := range f.Found.Reports {
		domains := f.Found.Reports[i].PolicyDomains()
		if _, ok := firstServed(domains, f.Domains); ok || len(domains) == 0 {
			return true
		}
	}
	return false
}

// authenticate fills the sender's facts. An imported bare document has no sender.
func (in *Intake) authenticate(ctx context.Context, m *message, f *facts) {
	if len(f.Found.Header.From) == 0 && m.Facts.Source == storage.SourceImport {
		return
	}
	r := in.Verifier.Verify(ctx, mailauth.Mail{
		ClientIP: m.ClientIP,
		Helo:     m.Facts.Envelope.Helo,
		MailFrom: m.Facts.Envelope.MailFrom,
		Message:  m.Body,
	})
	if r.Stack != nil {
		in.Metrics.panicked()
		in.Log.Error("panic in sender authentication", "id", m.ID, "error", r.Reason, "stack", string(r.Stack))
	}
	f.Sender = r.Verdict
	f.SenderReason = r.Reason
	m.Facts.Sender = storage.Sender{
		Domain: r.Domain,
		Result: string(r.Verdict),
		SPF:    storage.SPFResult{Domain: r.SPF.Domain, Scope: r.SPF.Scope, Result: r.SPF.Result},
	}
	for _, s := range r.DKIM {
		m.Facts.Sender.DKIM = append(m.Facts.Sender.DKIM, storage.DKIMResult{Domain: s.Domain, Selector: s.Selector, Result: s.Result})
	}
}

// authorize looks up each policy domain whose authorization matters. Before a report is
// refused for a missing record, DNS is asked again past the cache: the record may just have
// been published, and a reporting server that is told 550 does not come back.
func (in *Intake) authorize(ctx context.Context, m *message, domains map[string]domainFacts) {
	if !in.asksAuthorization(m) {
		return
	}
	for d, known := range domains {
		if !known.Asked {
			continue
		}
		known.Authorization, _ = dmarcdns.AtReceipt(ctx, in.DNS, d, in.Domain)
		if known.Authorization == dmarcdns.Missing && in.Policy.Authorization == Enforce {
			known.Authorization, _ = dmarcdns.AtReceipt(ctx, in.FreshDNS, d, in.Domain)
		}
		known.Record, _ = dmarcdns.RecordName(d, in.Domain) // "" when it would be too long
		domains[d] = known
	}
}

func (in *Intake) asksAuthorization(m *message) bool {
	return in.policy(m).Authorization != Off && m.Facts.Source != storage.SourceImport
}

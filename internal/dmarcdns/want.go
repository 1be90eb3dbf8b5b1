package dmarcdns

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Seen is what the DNS has of one kind at one name.
type Seen struct {
	Values  []string // texts, or values as in a zone file
	Unknown string   // why it could not be looked up, "" if it could
}

func seen(values []string, err error) Seen {
	if err != nil {
		return Seen{Unknown: err.Error()}
	}
	return Seen{Values: values}
}

// Own is what the report domain says about itself until now.
type Own struct {
	SPF    Seen
	Policy Seen
}

// LookOwn learns it. The error joins what could not be looked up; the result can be
// used all the same.
func LookOwn(ctx context.Context, r Resolver, reportDomain string) (Own, error) {
	spf, spfErr := lookupSPF(ctx, r, reportDomain)
	p, err := Lookup(ctx, r, reportDomain)
	return Own{SPF: seen(spf, spfErr), Policy: seen(p.Meant(), err)}, errors.Join(spfErr, err)
}

// lookupSPF gives the SPF records of a domain (RFC 7208 §4.5).
func lookupSPF(ctx context.Context, r TXTResolver, domain string) ([]string, error) {
	a, err := r.TXT(ctx, domain)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(a.TXT), func(s string) bool { return !strings.HasPrefix(strings.ToLower(s), "v=spf1") }), nil
}

// Wanted is what one target needs.
type Wanted struct {
	Target
	// PolicyDomain is where the record that governs the target stands, and so what
	// the authorization is about; "" is the target itself.
	PolicyDomain string
	Existing     []string // the texts there now, none if there are none or they are not known
	Unknown      string   // why the policy could not be looked up, "" if it could
	Alias        string   // where a CNAME in the record's place leads to, "" without one
	SPF, MX      Seen     // of a domain that never sends mail
}

// Want learns what a target has. A subdomain that is governed by a record above it
// needs no record of its own, unless it is to say that it never sends mail; a new
// one must not be weaker than what it takes over. The error joins what could not be
// looked up; the result can be used all the same, and says what that was.
func Want(ctx context.Context, r Resolver, target Target) (Wanted, error) {
	w := Wanted{Target: target}
	err := w.lookPolicy(ctx, r)
	if err != nil {
		w.Unknown = err.Error()
	}
	if target.SendsMail {
		return w, err
	}
	spf, spfErr := lookupSPF(ctx, r, target.Domain)
	a, mxErr := r.MX(ctx, target.Domain)
	var values []string
	for _, mx := range a.MX {
		values = append(values, mx.String())
	}
	w.SPF, w.MX = seen(spf, spfErr), seen(values, mxErr)
	return w, errors.Join(err, spfErr, mxErr)
}

func (w *Wanted) lookPolicy(ctx context.Context, r TXTResolver) error {
	here, err := Lookup(ctx, r, w.Domain)
	if err != nil {
		return err
	}
	w.Alias = here.Alias
	if w.Existing = here.Meant(); len(w.Existing) > 0 {
		return nil
	}
	found, err := Discover(ctx, r, w.Domain)
	switch {
	case err != nil:
		return err
	case found.PolicyDomain != "" && !found.FromSuffix() && w.SendsMail:
		w.PolicyDomain, w.Existing, w.Alias = found.PolicyDomain, []string{found.Record.Raw}, found.Alias
		return nil
	case found.PolicyDomain != "" && !found.FromSuffix():
		w.Existing = []string{inherited(found)}
		return nil
	}
	if _, txt, ok := misplaced(ctx, r, here.Domain); ok {
		w.Existing = []string{txt}
	} else if found.PolicyDomain != "" {
		w.Existing = []string{inherited(found)}
	}
	return nil
}

// inherited is a record for the domain itself that says what it takes over from the
// record above it, without the addresses.
func inherited(d Discovery) string {
	_, sp, _ := d.Record.Policies()
	return "v=DMARC1; p=" + string(sp)
}

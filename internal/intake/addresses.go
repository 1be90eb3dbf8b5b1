package intake

import (
	"slices"
	"strings"

	"reportmx/reports"
	"reportmx/smtpd"
)

// Addresses are the recipients that exist here. Local parts are compared without
// case, and "+tag" after one is allowed and kept.
type Addresses struct {
	domain   string // the report domain, A-label
	hostname string // our own host name: postmaster exists there, too
	expects  map[string][]reports.Kind
	listed   []string // for people, in the order of the configuration
}

// NewAddresses makes the set from the report domain, our host name, and the local
// parts for each kind. One local part may stand for several kinds.
func NewAddresses(domain, hostname string, locals map[reports.Kind][]string) Addresses {
	a := Addresses{
		domain:   reports.NormalDomain(domain),
		hostname: reports.NormalDomain(hostname),
		expects:  make(map[string][]reports.Kind),
	}
	for _, kind := range []reports.Kind{reports.KindAggregate, reports.KindFailure, reports.KindTLS} {
		for _, local := range locals[kind] {
			key := strings.ToLower(local)
			if len(a.expects[key]) == 0 {
				a.listed = append(a.listed, local+"@"+a.domain)
			}
			a.expects[key] = append(a.expects[key], kind)
		}
	}
	return a
}

// check gives the refusal for a recipient, nil for one of ours: never a relay,
// and postmaster always (RFC 5321 §4.5.1; abuse: RFC 2142 §4).
func (a Addresses) check(rcpt string) *smtpd.Reply {
	domain := reports.NormalDomain(rcpt[strings.LastIndexByte(rcpt, '@')+1:])
	if domain != a.domain && domain != a.hostname {
		no := replyRelay(a.domain)
		return &no
	}
	local := localPart(rcpt)
	if isPostmaster(local) || (domain == a.domain && len(a.expects[local]) > 0) {
		return nil
	}
	no := replyUnknownRecipient(strings.Join(a.listed, " or "))
	return &no
}

// mismatch gives the first recipient that is published for other kinds of report.
// The local part never decides what a report is; a wrong one is only a warning.
func (a Addresses) mismatch(rcpts []string, kind reports.Kind) string {
	for _, rcpt := range rcpts {
		if kinds := a.expects[localPart(rcpt)]; len(kinds) > 0 && !slices.Contains(kinds, kind) {
			return rcpt
		}
	}
	return ""
}

// anyPostmaster tells whether a person has to get the message, too.
func anyPostmaster(rcpts []string) bool {
	return slices.ContainsFunc(rcpts, func(rcpt string) bool { return isPostmaster(localPart(rcpt)) })
}

func isPostmaster(local string) bool { return local == "postmaster" || local == "abuse" }

// localPart gives the local part in lower case, without its +tag.
func localPart(addr string) string {
	local := addr
	if at := strings.LastIndexByte(addr, '@'); at >= 0 {
		local = addr[:at]
	}
	local, _, _ = strings.Cut(local, "+")
	return strings.ToLower(local)
}

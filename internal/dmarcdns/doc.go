// Package dmarcdns asks the DNS what DMARC says about a domain: its policy
// record, its organizational domain, and whether a report domain is allowed to
// receive reports about it.
//
//   - policy record: RFC 9989 §4.7 and RFC 7489 §6.3, see [ParseRecord]
//   - policy discovery and DNS tree walk: RFC 9989 §4.10, see [Discover]
//   - external authorization: RFC 9990 §4 and RFC 7489 §7.1, see [AtReceipt]
//     and [Authorize]
//   - what a domain owner should mend, and what to publish: see [Checker] and
//     [Records]
//
// [Client] is a stub resolver with a bounded cache: it needs a recursive
// resolver and trusts it, including its AD bit. It does no validation of its own.
//
// A failure that may pass (SERVFAIL, REFUSED, no answer) is an error that wraps
// [ErrTemporary] and is never cached and never reported as "missing". NXDOMAIN
// and NODATA are answers.
//
// At receipt of a report only [AtReceipt] may be used: one question in our own
// zone. Everything else asks zones that strangers control.
package dmarcdns

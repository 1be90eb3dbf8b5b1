// Package mailauth tells who sent the mail that carried a report: SPF (RFC 7208),
// DKIM (RFC 6376, RFC 8301, RFC 8463) and whether one of them is aligned with the
// Author Domain (RFC 9989 §4.4), on exactly the bytes that were received.
//
// It states facts and applies no policy. A mail passes when an aligned SPF or DKIM
// result passes, whatever policy the Author Domain publishes; its record is asked
// for only where its adkim, aspf or psd can change that.
//
//	message ─► header, body ─► Author Domain ─┬─► DKIM: at most 5 signatures ─┬─► alignment ─► verdict
//	                                          └─► SPF: client, HELO, MAIL FROM ┘
//
// Organizational domains come from the public suffix list (RFC 7489 §3.2) and not
// from a DNS tree walk (RFC 9989 §4.10.2): a session must not walk through zones
// that strangers control.
//
// Signatures are verified here and not by a library, so that a body is hashed once for
// all of them and a key is read once for many mails; tests compare with go-msgauth.
//
// The sender of a mail chooses what is computed here, so everything is bounded:
// see [MaxSignatures] and its neighbours. Whatever a bound forbids is named as the reason
// of its result. A failure of the DNS is always "temperror", never "fail".
//
// It does not evaluate ARC, Authentication-Results of others, or policies.
package mailauth

package intake

import (
	"fmt"

	"reportmx/smtpd"
)

// The replies that a sending server gets (RFC 5321 §4.2.3, enhanced codes of
// RFC 3463). Each is one sentence that a postmaster can act on.
var (
	replyStored     = smtpd.Reply{Code: 250, Enhanced: [3]int{2, 0, 0}, Text: "report stored"}
	replyKnown      = smtpd.Reply{Code: 250, Enhanced: [3]int{2, 0, 0}, Text: "already have it"}
	replyHeld       = smtpd.Reply{Code: 250, Enhanced: [3]int{2, 0, 0}, Text: "kept for inspection"}
	replyPostmaster = smtpd.Reply{Code: 250, Enhanced: [3]int{2, 0, 0}, Text: "delivered to the postmaster"}

	replyNoReport      = smtpd.Reply{Code: 554, Enhanced: [3]int{5, 6, 0}, Text: "no DMARC report in this message"}
	replyOtherFeedback = smtpd.Reply{Code: 554, Enhanced: [3]int{5, 6, 0}, Text: "not an authentication failure report"}
	replyLoop          = smtpd.Reply{Code: 554, Enhanced: [3]int{5, 4, 6}, Text: "too many Received lines, this message is in a loop"}
	replyTooBig        = smtpd.Reply{Code: 552, Enhanced: [3]int{5, 3, 4}, Text: "message is larger than this server takes"}

	replySenderFail = smtpd.Reply{Code: 550, Enhanced: [3]int{5, 7, 26}, Text: "reports are accepted only with an aligned SPF or DKIM pass (RFC 9990 section 3.5)"}
	replySenderTemp = smtpd.Reply{Code: 451, Enhanced: [3]int{4, 4, 3}, Text: "DNS gave no answer for the sender authentication, try again later"}

	replyOurFault = smtpd.Reply{Code: 451, Enhanced: [3]int{4, 3, 0}, Text: "the report could not be stored, try again later"}
	replyDiskLow  = smtpd.Reply{Code: 452, Enhanced: [3]int{4, 3, 1}, Text: "not enough disk space here, try again later"}
	replyHoldFull = smtpd.Reply{Code: 452, Enhanced: [3]int{4, 3, 1}, Text: "too many messages wait for inspection here, try again later"}
	replyBusy     = smtpd.Reply{Code: 452, Enhanced: [3]int{4, 3, 1}, Text: "too many messages at once here, try again later"}
	replyMailbox  = smtpd.Reply{Code: 452, Enhanced: [3]int{4, 2, 2}, Text: "the postmaster's mailbox is full, try again later"}
	replyCutShort = smtpd.Reply{Code: 451, Enhanced: [3]int{4, 4, 2}, Text: "the message did not arrive whole, send it again"}
)

// longestReply leaves room for the id behind it, within the 480 bytes that smtpd sends.
const longestReply = 440

// cut bounds what strangers wrote. The mark at the end says that there was more.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most-3] + "..."
}

func replyNotTarget(domain string) smtpd.Reply {
	return smtpd.Reply{Code: 550, Enhanced: [3]int{5, 7, 1}, Text: "reports about " + domain + " are not accepted here"}
}

func replyAuthorizationMissing(domain, record string) smtpd.Reply {
	return smtpd.Reply{Code: 550, Enhanced: [3]int{5, 7, 1}, Text: fmt.Sprintf("reports about %s are not authorized: there is no TXT record %s (RFC 9990 section 4)", domain, record)}
}

func replyNameTooLong(domain string) smtpd.Reply {
	return smtpd.Reply{Code: 550, Enhanced: [3]int{5, 7, 1}, Text: "reports about " + domain + " cannot be authorized: the name of the record would be too long (RFC 9990 section 4)"}
}

func replyAuthorizationUnknown(domain string) smtpd.Reply {
	return smtpd.Reply{Code: 451, Enhanced: [3]int{4, 4, 3}, Text: "DNS gave no answer whether reports about " + domain + " are authorized, try again later"}
}

func replyQuota(domain string) smtpd.Reply {
	return smtpd.Reply{Code: 451, Enhanced: [3]int{4, 7, 1}, Text: "too many reports about " + domain + " or domains like it for now, try again later"}
}

func replyUnknownRecipient(addresses string) smtpd.Reply {
	return smtpd.Reply{Code: 550, Enhanced: [3]int{5, 1, 1}, Text: "no such address here, reports go to " + addresses}
}

func replyRelay(domain string) smtpd.Reply {
	return smtpd.Reply{Code: 550, Enhanced: [3]int{5, 7, 1}, Text: "this server takes mail for " + domain + " only"}
}

package smtpd

import (
	"errors"
	"strings"

	"github.com/emersion/go-smtp"
)

// ErrTooLarge is what the handler reads where a message goes over the size limit.
var ErrTooLarge = errors.New("message is over the size limit")

// Other errors of the way in. They stay inside this package: the client gets the reply
// that belongs to each.
var (
	errShutdown = errors.New("server is stopping")
	errBytes    = errors.New("more bytes than one message may cost")
	errLine     = errors.New("command line is over the limit")
)

// Replies that are not the handler's.
var (
	replyNested   = Reply{503, [3]int{5, 5, 1}, "a message is under way already: send RSET first"}
	replyNoMail   = Reply{503, [3]int{5, 5, 1}, "no message is under way: send MAIL and RCPT first"}
	replySize     = Reply{552, [3]int{5, 3, 4}, "the message is larger than this server takes, see SIZE in the reply to EHLO"}
	replyLongLine = Reply{554, [3]int{5, 6, 0}, "the message has a line longer than this server takes"}
	replyPath     = Reply{501, [3]int{5, 1, 3}, "the address is longer than 320 bytes"}
	replyUTF8     = Reply{553, [3]int{5, 6, 7}, "an address with non-ASCII characters needs the SMTPUTF8 parameter of MAIL"}
	replyInternal = Reply{451, [3]int{4, 3, 0}, "an error on our side, try again later"}
	replyBroken   = Reply{451, [3]int{4, 4, 2}, "the message broke off and was not taken, send it again"}
	replyStalled  = Reply{421, [3]int{4, 4, 2}, "the message came too slowly and was not taken, send it again"}
	replyMessages = Reply{421, [3]int{4, 7, 0}, "enough messages in one session, open another"}
	replyRefused  = Reply{421, [3]int{4, 7, 0}, "too many refused recipients, closing"}
	replyErrors   = Reply{421, [3]int{4, 7, 0}, "too many errors, closing"}
	replyJunk     = Reply{421, [3]int{4, 7, 0}, "too many commands that lead to no message, closing"}
	replyBytes    = Reply{421, [3]int{4, 7, 0}, "far more bytes than a message may have, closing"}
	replyIdle     = Reply{421, [3]int{4, 4, 2}, "no command for too long, closing"}
	replySession  = Reply{421, [3]int{4, 4, 2}, "the session lasted too long, closing"}
	replyShutdown = Reply{421, [3]int{4, 3, 2}, "the server is stopping, try again later"}
	replyEarly    = Reply{554, [3]int{5, 5, 0}, "the client talked before its turn, closing"}
	replyLine     = Reply{500, [3]int{5, 5, 2}, "the command line is longer than 2048 bytes, closing"}
	replyControl  = Reply{500, [3]int{5, 5, 2}, "the command has a control character or is not UTF-8"}
	replyStartTLS = Reply{501, [3]int{5, 5, 4}, "STARTTLS takes no parameter"}
	replyReady    = Reply{220, [3]int{2, 0, 0}, "ready to start TLS"}
	replyProxy    = Reply{421, [3]int{4, 7, 0}, "this address must send a PROXY header"}
)

// refusal is what a client is told that is turned away with reason.
func refusal(reason string) Reply {
	switch reason {
	case EndAddress, EndRate:
		return Reply{421, [3]int{4, 7, 0}, "too many connections from your address, try again later"}
	case EndProxy:
		return replyProxy
	case EndSync:
		return replyEarly
	}
	return Reply{421, [3]int{4, 3, 2}, "too many connections, try again later"}
}

// smtpError is the form in which go-smtp takes a reply, 2xx included. The
// enhanced code gets the class of the code, the text becomes one line of ASCII. A
// code that cannot answer a command becomes 451.
func (r Reply) smtpError() *smtp.SMTPError {
	class := r.Code / 100
	if class != 2 && class != 4 && class != 5 {
		r, class = replyInternal, 4
	}
	return &smtp.SMTPError{
		Code:         r.Code,
		EnhancedCode: smtp.EnhancedCode{class, r.Enhanced[1], r.Enhanced[2]},
		Message:      replyText(r.Text),
	}
}

// replyText makes one line of printable ASCII that fits a reply line of 512 bytes
// (RFC 5321 §4.5.3.1.5). The mark at the end says that there was more.
func replyText(s string) string {
	const most = 480
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > most {
		s = s[:most-3] + "..."
	}
	return s
}

// bodyReply is the reply to a message that could not be read whole. Only what no
// retry can change is permanent.
func bodyReply(err error) Reply {
	var known *smtp.SMTPError
	switch {
	case errors.Is(err, ErrTooLarge):
		return replySize
	case errors.Is(err, smtp.ErrTooLongLine):
		return replyLongLine
	case errors.As(err, &known):
		return Reply{known.Code, [3]int(known.EnhancedCode), known.Message}
	}
	return replyBroken
}

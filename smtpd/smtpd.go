// Package smtpd is the SMTP server: RFC 5321 and the extensions SIZE, PIPELINING,
// 8BITMIME, SMTPUTF8, CHUNKING, ENHANCEDSTATUSCODES and STARTTLS, on go-smtp.
//
// It knows nothing of DMARC: a Handler decides which recipients exist and what
// becomes of a message, and its Reply is what the client is told. The server has
// no sending side and no authentication; it can never be a relay.
//
// Server says how the parts work together, Config has every limit with its default.
// What go-smtp leaves to its users is closed in conn, with TLS as without. What is left:
//
//   - A message whose last line ends in CR CR LF is never complete: like go-smtp's
//     reader, the guard does not take the dot behind it for the end. It times out
//     with 421 and the sender tries again.
//   - A line that begins with ". CR" loses the CR along with the dot, as in go-smtp.
//   - SIZE is announced one byte too high; a message of that size gets 552.
//   - SIZE=4294967296 and more is 501 instead of 552, a command out of order 502
//     instead of 503, and the texts of the 250 to MAIL and RCPT are go-smtp's.
package smtpd

import (
	"context"
	"fmt"
	"io"
	"net/netip"
)

// Handler decides on recipients and messages. Its methods are called from many
// sessions at once, within a session one after the other.
type Handler interface {
	// Mail is asked when a client begins a message of the announced size in
	// bytes, 0 when it announced none. nil accepts.
	Mail(ctx context.Context, env *Envelope, size int64) *Reply
	// Rcpt is asked for each recipient, before it is in env.RcptTo. nil accepts.
	Rcpt(ctx context.Context, env *Envelope, rcpt string) *Reply
	// Data takes the message. r yields the bytes as received, dots unstuffed; it
	// ends in an error when the message is over the size limit or the client is
	// gone, and then the returned reply may no longer be read by anyone. A reply
	// of 2xx means that the message is safe.
	Data(ctx context.Context, env *Envelope, r io.Reader) Reply
}

// Envelope is the SMTP facts of one message. It is replaced whole by RSET, HELO
// and the next MAIL, never reused.
type Envelope struct {
	Session  string // id of the session, as in the log
	ClientIP netip.Addr
	Helo     string // as given; a stranger wrote it
	Extended bool   // EHLO rather than HELO
	MailFrom string // "" for the null reverse path
	RcptTo   []string
	UTF8     bool   // SMTPUTF8 was asked for
	TLS      string // version and cipher suite, "" without TLS
}

// Reply is an SMTP reply: RFC 5321 §4.2 with the enhanced code of RFC 3463.
// Text is one sentence that a postmaster can act on.
type Reply struct {
	Code     int    // 250, 451, 550, …
	Enhanced [3]int // class equal to the first digit of Code
	Text     string
}

// OK tells whether the reply accepts.
func (r Reply) OK() bool { return r.Code/100 == 2 }

func (r Reply) String() string {
	return fmt.Sprintf("%d %d.%d.%d %s", r.Code, r.Enhanced[0], r.Enhanced[1], r.Enhanced[2], r.Text)
}

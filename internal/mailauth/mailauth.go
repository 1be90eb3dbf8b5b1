package mailauth

import (
	"context"
	"fmt"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"reportmx/internal/dmarcdns"
)

// Bounds of the work for one message. With MaxSignatures key look-ups and two
// look-ups of a policy record it makes at most 40 questions in all.
const (
	MaxSignatures = 5                // signatures verified, those that could align first
	MaxHashed     = 16 << 20         // octets of body hashed over all signatures; it is always hashed once
	MaxHeader     = 256 << 10        // octets of header
	MaxFields     = 1000             // header fields
	MaxQuestions  = 33               // DNS questions of SPF; A and AAAA are two
	MaxTime       = 10 * time.Second // for all DNS, beside the deadline of the caller's context

	maxFieldSize   = 64 << 10 // octets of a field that is signed, or of From
	maxFieldLines  = 1000     // lines of a field that is signed
	maxSignedNames = 100      // names in h=
	maxKeyRecord   = 4 << 10  // octets of TXT at a selector
	maxKeyBits     = 4096     // RSA
	minKeyBits     = 1024     // RSA (RFC 8301 §3.2)
)

// Resolver asks the DNS; *dmarcdns.Client is one. A question without an answer is
// an error, NXDOMAIN and NODATA are answers. It must be safe for concurrent use.
type Resolver interface {
	TXT(ctx context.Context, name string) (dmarcdns.Answer, error)
	MX(ctx context.Context, name string) (dmarcdns.Answer, error)
	A(ctx context.Context, name string) (dmarcdns.Answer, error)
	AAAA(ctx context.Context, name string) (dmarcdns.Answer, error)
	PTR(ctx context.Context, addr netip.Addr) (dmarcdns.Answer, error)
}

// Verdict is what sender authentication says about a message.
type Verdict string

// The verdicts.
const (
	Pass      Verdict = "pass"      // SPF or DKIM passes and is aligned
	Fail      Verdict = "fail"      // evaluated, and nothing aligned passes
	None      Verdict = "none"      // nothing to evaluate
	TempError Verdict = "temperror" // an answer that could have made it pass was not to be had
)

// Results of SPF and of one signature, beside the words of the verdicts
// (RFC 8601 §2.7.1 and §2.7.2). SPF has softfail and neutral as well.
const (
	resultPass      = "pass"
	resultFail      = "fail"
	resultNone      = "none"
	resultPolicy    = "policy" // it may be right, but a bound or a rule of ours keeps it from counting
	resultTempError = "temperror"
	resultPermError = "permerror"
)

// Mail is a message with what SMTP knows of it.
type Mail struct {
	ClientIP netip.Addr // invalid for an imported message: SPF is then not evaluated
	Helo     string     // as given
	MailFrom string     // without angle brackets; "" is the null reverse path
	Message  []byte     // exactly as received, with CRLF; only read
}

// Result is what is known of the sender.
type Result struct {
	Domain     string // Author Domain as A-label in lower case; "" without a usable From
	Verdict    Verdict
	SPF        SPF
	DKIM       []Signature // those that could align with the Author Domain first
	Unverified int         // signatures beyond MaxSignatures, not looked at
	Reason     string      // why the verdict is not pass; may hold text of strangers
	Stack      []byte      // of a panic, which made its part "temperror"; nil without one
}

// SPF is the result for one identity (RFC 7208 §2).
type SPF struct {
	Domain string // of MAIL FROM, or the HELO name for a null reverse path; "" if it is no domain name
	Scope  string // "mfrom" or "helo"
	Result string // RFC 7208 §2.6; "" when not evaluated
	Reason string
}

// Signature is the result of one DKIM-Signature field.
type Signature struct {
	Domain   string // d= as A-label in lower case; "" if it is no domain name
	Selector string // s=
	Result   string // RFC 8601 §2.7.1
	Reason   string // why it is not "pass"
}

// Verifier authenticates senders. It is safe for concurrent use.
type Verifier struct {
	dns  Resolver
	keys keyCache
}

// New returns a verifier that asks dns.
func New(dns Resolver) *Verifier {
	return &Verifier{dns: dns}
}

// Verify says who sent a message. It returns when ctx ends, or MaxTime after the
// call, with "temperror" for what was not known by then. A panic in a library
// becomes "temperror" too and leaves its stack in the result, for the log.
func (v *Verifier) Verify(ctx context.Context, m Mail) Result {
	if end, ok := ctx.Deadline(); !ok || time.Until(end) > MaxTime {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, MaxTime)
		defer cancel()
	}
	var r Result
	if c := guarded(func() { v.verify(ctx, m, &r) }); c != nil {
		r.Verdict, r.Reason, r.Stack = TempError, c.reason, c.stack
	}
	return r
}

func (v *Verifier) verify(ctx context.Context, m Mail, r *Result) {
	l, err := split(m.Message)
	if err != nil {
		r.Verdict, r.Reason = Fail, err.Error()
		return
	}
	if r.Domain, err = authorDomain(l.fields); err != nil {
		r.Verdict, r.Reason = fromVerdict(err), err.Error()
		return
	}
	if list := candidates(l.fields); len(list) == 0 {
		v.guardedSPF(ctx, m, r)
	} else {
		v.authenticate(ctx, m, l, list, r)
	}
	r.Verdict, r.Reason = v.judge(ctx, r)
}

// authenticate runs SPF beside DKIM: a slow zone of the one leaves time for the other.
func (v *Verifier) authenticate(ctx context.Context, m Mail, l letter, list []candidate, r *Result) {
	var beside Result
	var running sync.WaitGroup
	running.Go(func() { v.guardedSPF(ctx, m, &beside) })
	defer running.Wait() // also when this goroutine panics
	v.checkDKIM(ctx, l, list, r)
	running.Wait()
	r.SPF = beside.SPF
	if beside.Stack != nil {
		r.Stack = beside.Stack
	}
}

// guardedSPF fills SPF, and the stack when the library panics.
func (v *Verifier) guardedSPF(ctx context.Context, m Mail, r *Result) {
	if c := guarded(func() { v.checkSPF(ctx, m, &r.SPF) }); c != nil {
		r.SPF.Result, r.SPF.Reason, r.Stack = resultTempError, c.reason, c.stack
	}
}

// crash is a panic that was caught.
type crash struct {
	reason string
	stack  []byte
}

// guarded runs f and catches its panic; nil without one.
func guarded(f func()) (c *crash) {
	defer func() {
		if p := recover(); p != nil {
			c = &crash{reason: fmt.Sprintf("panic: %v", p), stack: debug.Stack()}
		}
	}()
	f()
	return nil
}

package faults

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ledger is what was sent and what was acknowledged, of one store.
type ledger struct {
	mu      sync.Mutex
	sent    map[string][sha256.Size]byte // report id → hash of its document
	acked   map[string]string            // report id → text of the 250
	replies map[int]int                  // how often each code came
	next    int
}

func newLedger() *ledger {
	return &ledger{sent: map[string][sha256.Size]byte{}, acked: map[string]string{}, replies: map[int]int{}}
}

// mail makes the next message, and notes what is in it.
func (l *ledger) mail(random *rand.Rand) (id string, message []byte) {
	l.mu.Lock()
	l.next++
	id = fmt.Sprintf("report-%d", l.next)
	l.mu.Unlock()
	document := aggregate(id, 1+random.IntN(12), random)
	l.mu.Lock()
	l.sent[id] = sha256.Sum256(document)
	l.mu.Unlock()
	return id, mailOf(id, document)
}

func (l *ledger) replied(id string, code int, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.replies[code]++
	if code == 250 {
		l.acked[id] = text
	}
}

// count is how many were acknowledged so far.
func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// times is how often a code was answered.
func (l *ledger) times(code int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.replies[code]
}

func aggregate(id string, records int, random *rand.Rand) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0"?><feedback><report_metadata><org_name>receiver.example</org_name><email>a@receiver.example</email>`+
		`<report_id>%s</report_id><date_range><begin>1767225600</begin><end>1767311999</end></date_range></report_metadata>`+
		`<policy_published><domain>example.com</domain><p>reject</p></policy_published>`, id)
	for range records {
		fmt.Fprintf(&b, `<record><row><source_ip>192.0.2.%d</source_ip><count>%d</count><policy_evaluated><disposition>none</disposition>`+
			`<dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.com</header_from></identifiers>`+
			`<auth_results><spf><domain>example.org</domain><result>fail</result></spf></auth_results></record>`, random.IntN(256), random.IntN(1e6)+1)
	}
	b.WriteString("</feedback>")
	return b.Bytes()
}

// zips are kept, because a new one costs more than all the rest of a message.
var zips = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func mailOf(id string, document []byte) []byte {
	var packed, b bytes.Buffer
	zip := zips.Get().(*gzip.Writer)
	zip.Reset(&packed)
	zip.Write(document)
	zip.Close()
	zips.Put(zip)
	fmt.Fprintf(&b, "From: a@receiver.example\r\nTo: dmarc@reports.example.net\r\nSubject: Report Domain: example.com Report-ID: <%s>\r\n"+
		"Message-ID: <%s@receiver.example>\r\nDate: Fri, 02 Jan 2026 00:30:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: application/gzip\r\n"+
		"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"receiver.example!example.com!1767225600!1767311999.xml.gz\"\r\n\r\n", id, id)
	text := base64.StdEncoding.EncodeToString(packed.Bytes())
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
	return b.Bytes()
}

// load is clients that send as fast as they are answered.
type load struct {
	addr   string
	ledger *ledger
	over   atomic.Bool
	conns  sync.Map
	group  sync.WaitGroup
}

// startLoad starts n clients; every second one sends in chunks.
func startLoad(addr string, l *ledger, n int) *load {
	o := &load{addr: addr, ledger: l}
	seed := uint64(l.count())
	for i := range n {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		o.group.Go(func() {
			for !o.over.Load() {
				o.session(random, i%2 == 0)
			}
		})
	}
	return o
}

// stop ends the clients. What the server has said by then is still read, unless it
// says nothing for a while.
func (o *load) stop() {
	o.over.Store(true)
	o.conns.Range(func(c, _ any) bool {
		c.(net.Conn).SetDeadline(time.Now().Add(200 * time.Millisecond))
		return true
	})
	o.group.Wait()
}

// perSession is how many messages one connection may bring.
const perSession = 100

func (o *load) session(random *rand.Rand, chunks bool) {
	raw, err := net.Dial("tcp", o.addr)
	if err != nil {
		return
	}
	defer raw.Close()
	o.conns.Store(raw, nil)
	defer o.conns.Delete(raw)
	raw.SetDeadline(time.Now().Add(patience))
	if o.over.Load() {
		return
	}
	c := textproto.NewConn(raw)
	if _, _, err := c.ReadResponse(220); err != nil {
		return
	}
	if err := c.PrintfLine("EHLO [192.0.2.1]"); err != nil {
		return
	}
	if _, _, err := c.ReadResponse(250); err != nil {
		return
	}
	for range perSession {
		id, message := o.ledger.mail(random)
		code, text, err := deliver(c, message, chunks)
		if err != nil {
			return
		}
		o.ledger.replied(id, code, text)
		if o.over.Load() {
			return
		}
	}
}

// deliver sends one message and gives the reply to it, or that to the command that
// was refused.
func deliver(c *textproto.Conn, message []byte, chunks bool) (code int, text string, err error) {
	group := "MAIL FROM:<>\r\nRCPT TO:<dmarc@reports.example.net>\r\n"
	last := "DATA\r\n"
	if chunks {
		last = fmt.Sprintf("BDAT %d LAST\r\n%s", len(message), message)
	}
	c.W.WriteString(group + last)
	if err := c.W.Flush(); err != nil {
		return 0, "", err
	}
	refusal, refusalText := 0, ""
	for range 2 {
		if code, text, err = c.ReadResponse(0); err != nil {
			return 0, "", err
		}
		if code != 250 && refusal == 0 {
			refusal, refusalText = code, text
		}
	}
	if code, text, err = c.ReadResponse(0); err != nil {
		return 0, "", err
	}
	if code == 354 {
		c.W.Write(message)
		c.W.WriteString(".\r\n")
		if err := c.W.Flush(); err != nil {
			return 0, "", err
		}
		if code, text, err = c.ReadResponse(0); err != nil {
			return 0, "", err
		}
	}
	if refusal == 0 {
		return code, text, nil
	}
	if err := c.PrintfLine("RSET"); err != nil {
		return 0, "", err
	}
	if _, _, err := c.ReadResponse(0); err != nil {
		return 0, "", err
	}
	return refusal, refusalText, nil
}

// idOf is the id that the server gave a message: "report stored (id X)".
func idOf(text string) string {
	_, id, _ := strings.Cut(text, "(id ")
	id, _, _ = strings.Cut(id, ")")
	return id
}

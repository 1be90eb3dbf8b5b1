package crowd

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"net"
	"net/textproto"
	"slices"
	"sync"
	"time"
)

// report is an aggregate report as XML.
func report(id, domain string, records int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0"?><feedback><report_metadata><org_name>receiver.example</org_name><email>a@receiver.example</email>`+
		`<report_id>%s</report_id><date_range><begin>1767225600</begin><end>1767311999</end></date_range></report_metadata>`+
		`<policy_published><domain>%s</domain><p>reject</p></policy_published>`, id, domain)
	for n := range records {
		fmt.Fprintf(&b, `<record><row><source_ip>192.0.2.%d</source_ip><count>%d</count><policy_evaluated><disposition>none</disposition>`+
			`<dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.com</header_from></identifiers>`+
			`<auth_results><spf><domain>example.org</domain><result>fail</result></spf></auth_results></record>`, n%256, n+1)
	}
	b.WriteString("</feedback>")
	return b.Bytes()
}

// zips are kept, because a new one costs more than all the rest of a message.
var zips = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// packed compresses.
func packed(b []byte) []byte {
	var out bytes.Buffer
	w := zips.Get().(*gzip.Writer)
	defer zips.Put(w)
	w.Reset(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// mail is a message with one attachment.
func mail(id string, attachment []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: a@receiver.example\r\nTo: dmarc@reports.example.net\r\nSubject: Report Domain: example.com Report-ID: <%s>\r\n"+
		"Message-ID: <%s@receiver.example>\r\nDate: Fri, 02 Jan 2026 00:30:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: application/gzip\r\n"+
		"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"receiver.example!example.com!1767225600!1767311999.xml.gz\"\r\n\r\n", id, id)
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(attachment)), 76) {
		b.Write(append(line, "\r\n"...))
	}
	return b.Bytes()
}

// dial connects from one of our many addresses.
func dial(from, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return d.Dial("tcp", addr)
}

// session is an SMTP session in which EHLO is answered already.
type session struct {
	net.Conn
	text *textproto.Conn
}

func open(from, addr string) (*session, error) {
	c, err := dial(from, addr)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(patience))
	s := &session{c, textproto.NewConn(c)}
	if _, _, err = s.text.ReadResponse(220); err == nil {
		_, err = s.say(250, "EHLO [192.0.2.1]")
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return s, nil
}

// say sends a line and wants a code, 0 for any; it gives the text of the reply.
func (s *session) say(code int, line string) (string, error) {
	if err := s.text.PrintfLine("%s", line); err != nil {
		return "", err
	}
	got, text, err := s.text.ReadResponse(code)
	return fmt.Sprint(got, " ", text), err
}

// send delivers one message, and gives the reply to it or to the command that was
// refused; err is of the connection.
func (s *session) send(message []byte) (reply string, err error) {
	s.SetDeadline(time.Now().Add(2 * patience)) // a large message waits for its turn as long as one
	for _, line := range []string{"MAIL FROM:<>", "RCPT TO:<dmarc@reports.example.net>", "DATA"} {
		if reply, err = s.say(0, line); err != nil || reply[0] > '3' {
			return reply, err
		}
	}
	s.text.W.Write(message)
	return s.say(0, ".")
}

// quit ends the session as it should end.
func (s *session) quit() {
	s.say(221, "QUIT")
	s.Close()
}

// sender is an honest one: a new connection and one report, again and again.
type sender struct {
	from, addr string
	every      time.Duration

	mu     sync.Mutex
	took   []time.Duration // from the connection to 250
	failed []string
}

// run sends until ctx ends, then waits for what is under way.
func (o *sender) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	for n := 0; ; n++ {
		running.Go(func() { o.once(fmt.Sprintf("%s-%d", o.from, n)) })
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (o *sender) once(id string) {
	message := mail(id, packed(report(id, "example.com", 10)))
	begun := time.Now()
	reply, err := o.deliver(message)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil || reply[:3] != "250" {
		o.failed = append(o.failed, fmt.Sprintf("%s: %q, %v", id, reply, err))
		return
	}
	o.took = append(o.took, time.Since(begun))
}

func (o *sender) deliver(message []byte) (string, error) {
	s, err := open(o.from, o.addr)
	if err != nil {
		return "", err
	}
	defer s.quit()
	return s.send(message)
}

// outcome says how it went, and when the slowest but one in a hundred was through.
func (o *sender) outcome() (text string, p99 time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p99 = quantile(o.took, 0.99)
	return fmt.Sprintf("%d of %d through; median %s, p99 %s, slowest %s", len(o.took), len(o.took)+len(o.failed),
		round(quantile(o.took, 0.5)), round(p99), round(quantile(o.took, 1))), p99
}

// quantile gives the smallest value that so large a part of all is not above.
func quantile(list []time.Duration, part float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[max(0, int(math.Ceil(part*float64(len(sorted))))-1)]
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

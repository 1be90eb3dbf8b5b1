package command

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/smtp"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"reportmx/internal/config"
	"reportmx/internal/dmarcdns"
	"reportmx/internal/intake"
)

// ownSide looks at what a reporting mail server would meet: DNS, port, certificate,
// recipient; and at what only we can see: disk and clock.
type ownSide struct {
	cfg      *config.Config
	dns      *dmarcdns.Client
	port     uint16
	findings []dmarcdns.Finding
}

const (
	probeTimeout  = 10 * time.Second    // for one connection to our own port
	renewalNotice = 14 * 24 * time.Hour // before a certificate's end
)

func (o *ownSide) add(code string, s dmarcdns.Severity, what, why, publish string) {
	o.findings = append(o.findings, dmarcdns.Finding{Code: code, Severity: s, What: what, Why: why, Publish: publish})
}

func (o *ownSide) check(ctx context.Context) []dmarcdns.Finding {
	o.findings = append([]dmarcdns.Finding{}, dmarcdns.CheckOwn(ctx, o.dns, o.cfg.Report.Domain, hostOf(o.cfg))...)
	if answer, err := o.dns.Addrs(ctx, o.cfg.SMTP.Hostname); err == nil { // CheckOwn has told of an error
		for _, addr := range answer.Addrs {
			o.probe(ctx, addr)
		}
	}
	o.disk()
	o.clock()
	return o.findings
}

// probe talks to our port the way a reporting mail server does.
func (o *ownSide) probe(ctx context.Context, addr netip.Addr) {
	at := net.JoinHostPort(addr.String(), strconv.Itoa(int(o.port)))
	conn, err := (&net.Dialer{Timeout: probeTimeout}).DialContext(ctx, "tcp", at)
	if err != nil {
		o.add("own_port", dmarcdns.Wrong, "nothing answers at "+at+": "+err.Error(), "mail servers cannot connect; is the server running, and the port open in the firewall?", "")
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(probeTimeout))
	if err := o.dialogue(conn, at); err != nil {
		o.add("own_dialogue", dmarcdns.Wrong, "the SMTP dialogue at "+at+" breaks off: "+err.Error(), "reports cannot be delivered", "")
	}
}

func (o *ownSide) dialogue(conn net.Conn, at string) error {
	c, err := smtp.NewClient(conn, o.cfg.SMTP.Hostname)
	if err != nil {
		return err
	}
	if err := c.Hello(o.cfg.SMTP.Hostname); err != nil {
		return err
	}
	if ok, _ := c.Extension("STARTTLS"); ok {
		// The certificate is judged below, with a finding instead of an error.
		if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true, ServerName: o.cfg.SMTP.Hostname}); err != nil {
			return fmt.Errorf("STARTTLS: %w", err)
		}
		state, _ := c.TLSConnectionState()
		o.certificate(state.PeerCertificates)
	} else {
		o.add("own_starttls", dmarcdns.Warning, at+" does not offer STARTTLS", "reports travel in plain text (RFC 9990 §3.5 asks for TLS); set smtp.certificate and smtp.key", "")
	}
	if err := c.Mail(""); err != nil {
		return err
	}
	rcpt := ourAddresses(o.cfg).Address(dmarcdns.TagAggregate)
	if err := c.Rcpt(rcpt); err != nil {
		o.add("own_recipient", dmarcdns.Wrong, fmt.Sprintf("%s refuses %s: %v", at, rcpt, err), "reports to the address that we publish are turned away", "")
	}
	return c.Quit()
}

// certificate judges what STARTTLS showed. Senders of reports seldom look closely,
// so only what breaks for those who do is worth a word.
func (o *ownSide) certificate(chain []*x509.Certificate) {
	if len(chain) == 0 {
		return
	}
	leaf, host := chain[0], o.cfg.SMTP.Hostname
	left := time.Until(leaf.NotAfter)
	switch {
	case left < 0:
		o.add("own_certificate_expired", dmarcdns.Wrong, "the certificate expired on "+leaf.NotAfter.UTC().Format(time.DateOnly), "mail servers that look at it do not deliver", "")
	case left < renewalNotice:
		o.add("own_certificate_expires", dmarcdns.Warning, "the certificate expires on "+leaf.NotAfter.UTC().Format(time.DateOnly), "its renewal seems to be overdue", "")
	}
	if err := leaf.VerifyHostname(host); err != nil {
		o.add("own_certificate_name", dmarcdns.Warning, "the certificate is not for "+host, "mail servers that look at it (MTA-STS, DANE) do not deliver", "")
	}
}

// disk looks where the store is, or will be.
func (o *ownSide) disk() {
	free, err := freeSpace(o.cfg.Storage.Dir)
	if errors.Is(err, unix.ENOENT) {
		return // the server has never run here
	}
	if err != nil {
		o.add("own_disk", dmarcdns.Wrong, err.Error(), "reports cannot be stored", "")
		return
	}
	if least := intake.LeastFree(int64(o.cfg.Limits.Message)); free < least {
		o.add("own_disk_low", dmarcdns.Wrong, fmt.Sprintf("%d MiB are free in %s, less than %d", free>>20, o.cfg.Storage.Dir, least>>20), "new mail is answered with 452", "")
	}
}

// clock asks the kernel. Where it cannot tell, in some containers, nothing is said.
func (o *ownSide) clock() {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err == nil && state == unix.TIME_ERROR {
		o.add("own_clock", dmarcdns.Warning, "the kernel says that the clock is not synchronized", "reports look as if they came from the future or the past; run an NTP client", "")
	}
}

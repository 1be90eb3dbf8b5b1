package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"
)

// packer makes mails of documents and reuses its buffers.
type packer struct {
	xml  []byte
	zip  bytes.Buffer
	gzip *gzip.Writer
}

// mail packs the document, half of them by gzip and half by zip (RFC 9990 §3.5.2),
// and puts it into a mail with some 3 KB of the fields that large senders add.
func (p *packer) mail(r *mathrand.Rand, o origin) ([]byte, error) {
	name := fmt.Sprintf("%s!%s!%d!%d", o.org, o.domain, o.begin.Unix(), o.begin.Unix()+86_399)
	kind, ending := "application/gzip", ".xml.gz"
	pack := p.packGzip
	if r.IntN(2) == 0 {
		kind, ending = "application/zip", ".zip"
		pack = p.packZip
	}
	if err := pack(name + ".xml"); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	header(&b, r, o)
	boundary := fmt.Sprintf("b%016x", r.Uint64())
	fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n", boundary)
	fmt.Fprintf(&b, "--%s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", boundary)
	fmt.Fprintf(&b, "This is an aggregate report of %s about mail that used the name %s.\r\n", o.org, o.domain)
	b.WriteString(strings.Repeat("It was made by a program; nobody reads answers to this address.\r\n", 6))
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: %s; name=\"%s%s\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n filename=\"%s%s\"\r\n\r\n",
		boundary, kind, name, ending, name, ending)
	base64Lines(&b, p.zip.Bytes())
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return b.Bytes(), nil
}

func header(b *bytes.Buffer, r *mathrand.Rand, o origin) {
	date := o.begin.Add(30 * time.Hour).Format(time.RFC1123Z)
	for hop := range 3 {
		fmt.Fprintf(b, "Received: from out%d.%s (out%d.%s [192.0.2.%d])\r\n\tby relay%d.%s with ESMTPS id %016x\r\n\t(version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128);\r\n\t%s\r\n",
			hop, o.org, hop, o.org, r.IntN(256), hop+1, o.org, r.Uint64(), date)
	}
	fmt.Fprintf(b, "From: DMARC reports <noreply-dmarc@%s>\r\nTo: %s\r\n", o.org, recipient)
	fmt.Fprintf(b, "Subject: Report domain: %s Submitter: %s Report-ID: <%s>\r\n", o.domain, o.org, o.reportID)
	fmt.Fprintf(b, "Message-ID: <%s.%016x@%s>\r\nDate: %s\r\nMIME-Version: 1.0\r\n", o.reportID, r.Uint64(), o.org, date)
	for i := range 10 {
		fmt.Fprintf(b, "X-Example-Trace-%d: %016x%016x%016x\r\n\t%016x%016x%016x%016x\r\n",
			i, r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
	}
}

func (p *packer) packGzip(name string) error {
	p.zip.Reset()
	if p.gzip == nil {
		p.gzip = gzip.NewWriter(&p.zip)
	}
	p.gzip.Reset(&p.zip)
	p.gzip.Name = name
	if _, err := p.gzip.Write(p.xml); err != nil {
		return err
	}
	return p.gzip.Close()
}

func (p *packer) packZip(name string) error {
	p.zip.Reset()
	archive := zip.NewWriter(&p.zip)
	w, err := archive.Create(name)
	if err != nil {
		return err
	}
	if _, err := w.Write(p.xml); err != nil {
		return err
	}
	return archive.Close()
}

// base64Lines writes lines of 76 characters (RFC 2045 §6.8).
func base64Lines(b *bytes.Buffer, data []byte) {
	const octets = 57
	for len(data) > 0 {
		n := min(octets, len(data))
		b.Write(base64.StdEncoding.AppendEncode(b.AvailableBuffer(), data[:n]))
		b.WriteString("\r\n")
		data = data[n:]
	}
}

// keys signs for every organization with one RSA-2048 key. The key is made anew
// for each run: signatures are not part of what the seed determines.
type keys struct{ private *rsa.PrivateKey }

const selector = "bench"

func newKeys() (*keys, error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return &keys{k}, nil
}

// record is the key record at selector._domainkey (RFC 6376 §3.6.1).
func (k *keys) record() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(&k.private.PublicKey)
	if err != nil {
		return "", fmt.Errorf("write the key record: %w", err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
}

func (k *keys) sign(message []byte, domain string) ([]byte, error) {
	var out bytes.Buffer
	err := dkim.Sign(&out, bytes.NewReader(message), &dkim.SignOptions{
		Domain:                 domain,
		Selector:               selector,
		Signer:                 k.private,
		Hash:                   crypto.SHA256,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed,
		BodyCanonicalization:   dkim.CanonicalizationRelaxed,
		HeaderKeys:             []string{"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"},
	})
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return io.ReadAll(&out)
}

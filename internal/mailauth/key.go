package mailauth

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"

	"reportmx/internal/dmarcdns"
)

// errLimit marks what a bound of ours forbids.
var errLimit = errors.New("over the limit")

// keyRecords asks for the texts at a selector (RFC 6376 §3.6.2) and refuses keys
// that are costly before any work is done with them.
func (v *Verifier) keyRecords(ctx context.Context, name string) ([]string, error) {
	a, err := v.dns.TXT(ctx, name)
	if err != nil {
		return nil, dnsError(name, err)
	}
	size := 0
	for _, txt := range a.TXT {
		size += len(txt)
	}
	if size > maxKeyRecord {
		return nil, fmt.Errorf("%w: key record of %d octets, at most %d", errLimit, size, maxKeyRecord)
	}
	for _, txt := range a.TXT {
		if bits := keyBits(txt); bits > maxKeyBits {
			return nil, fmt.Errorf("%w: RSA key of %d bits, at most %d", errLimit, bits, maxKeyBits)
		}
	}
	return a.TXT, nil
}

// keyBits is the size of the RSA key in a record, 0 if there is none that could be
// read: the library then says why.
func keyBits(record string) int {
	t, err := parseTags(record)
	if err != nil {
		return 0
	}
	der, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(t["p"], " ", ""))
	if err != nil {
		return 0
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		key, err = x509.ParsePKCS1PublicKey(der)
	}
	if pub, ok := key.(*rsa.PublicKey); ok && err == nil {
		return pub.N.BitLen()
	}
	return 0
}

// dnsError speaks of a question without an answer in the way both libraries read:
// a name that cannot be one does not exist, everything else may pass.
func dnsError(name string, err error) error {
	e := &net.DNSError{Err: err.Error(), Name: name}
	if errors.Is(err, dmarcdns.ErrName) || errors.Is(err, dmarcdns.ErrNameTooLong) {
		e.IsNotFound = true
	} else {
		e.IsTemporary = true
	}
	return e
}

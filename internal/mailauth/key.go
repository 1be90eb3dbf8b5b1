package mailauth

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"reportmx/internal/dmarcdns"
)

// errLimit marks what a bound of ours forbids.
var errLimit = errors.New("over the limit")

// publicKey is a key record (RFC 6376 §3.6.1) that can be used, or why it cannot.
type publicKey struct {
	rsa      *rsa.PublicKey
	ed25519  ed25519.PublicKey // instead of rsa
	hashes   string            // h=, "" for any
	limited  bool              // h= is there
	services string            // s=, "" for any
	refused  *verdictOf
}

// key asks for the key of a signature (RFC 6376 §3.6.2).
func (v *Verifier) key(ctx context.Context, c *candidate) (*publicKey, *verdictOf) {
	name := c.Selector + "._domainkey." + c.Domain
	a, err := v.dns.TXT(ctx, name)
	switch {
	case errors.Is(err, dmarcdns.ErrName), errors.Is(err, dmarcdns.ErrNameTooLong):
		return nil, permError("no key for signature: %v", err)
	case err != nil:
		return nil, &verdictOf{resultTempError, fmt.Sprintf("key unavailable: %v", err)}
	}
	size := 0
	for _, txt := range a.TXT {
		size += len(txt)
	}
	switch {
	case size > maxKeyRecord:
		return nil, &verdictOf{resultPolicy, fmt.Sprintf("%v: key record of %d octets, at most %d", errLimit, size, maxKeyRecord)}
	case len(a.TXT) == 0:
		return nil, permError("no valid key found")
	case len(a.TXT) > 1:
		return nil, permError("multiple TXT records found for key")
	}
	k := v.keys.of(a.TXT[0])
	return k, k.refused
}

// keyCache remembers records that were read: the same few keys sign most mail. It
// forgets everything when it is full.
type keyCache struct {
	mu    sync.Mutex
	known map[string]*publicKey
}

// maxKeys bounds the records that are remembered, each of at most maxKeyRecord octets.
const maxKeys = 256

func (kc *keyCache) of(record string) *publicKey {
	kc.mu.Lock()
	k := kc.known[record]
	kc.mu.Unlock()
	if k != nil {
		return k
	}
	k = parseKey(record)
	kc.mu.Lock()
	defer kc.mu.Unlock()
	if kc.known == nil || len(kc.known) >= maxKeys {
		kc.known = make(map[string]*publicKey)
	}
	kc.known[record] = k
	return k
}

func parseKey(record string) *publicKey {
	k := &publicKey{}
	k.refused = k.read(record)
	return k
}

func (k *publicKey) read(record string) *verdictOf {
	t, err := parseTags(record)
	if err != nil {
		return permError("key record error: %v", err)
	}
	if version, ok := t["v"]; ok && version != "DKIM1" {
		return permError("incompatible public key version")
	}
	p, ok := t["p"]
	switch {
	case !ok:
		return permError("key syntax error: missing public key data")
	case p == "":
		return permError("key revoked")
	}
	data, err := decode(p)
	if err != nil {
		return permError("key syntax error: %v", err)
	}
	k.hashes, k.limited = t["h"]
	if services, ok := t["s"]; ok && !listed(services, "*") {
		k.services = services + ":" // never empty
	}
	switch t["k"] {
	case "", "rsa":
		return k.readRSA(data)
	case "ed25519":
		if len(data) != ed25519.PublicKeySize {
			return permError("invalid Ed25519 public key size: %d bytes", len(data))
		}
		k.ed25519 = data
		return nil
	}
	return permError("unsupported key algorithm")
}

// readRSA takes both forms that RFC 6376 can be read to mean (erratum 3017), and
// refuses keys that are costly before any work is done with them.
func (k *publicKey) readRSA(der []byte) *verdictOf {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		key, err = x509.ParsePKCS1PublicKey(der)
	}
	if err != nil {
		return permError("key syntax error: %v", err)
	}
	pub, ok := key.(*rsa.PublicKey)
	if !ok {
		return permError("key syntax error: not an RSA public key")
	}
	bits := pub.N.BitLen()
	switch {
	case bits > maxKeyBits:
		return &verdictOf{resultPolicy, fmt.Sprintf("%v: RSA key of %d bits, at most %d", errLimit, bits, maxKeyBits)}
	case pub.Size()*8 < minKeyBits:
		return permError("key is too short: want %d bits, has %d bits", minKeyBits, bits)
	}
	k.rsa = pub
	return nil
}

// allows tells why the key is not for an algorithm, nil if it is (RFC 6376 §6.1.2).
func (k *publicKey) allows(algorithm string) *verdictOf {
	kind, hash, ok := strings.Cut(algorithm, "-")
	own := "rsa"
	if k.ed25519 != nil {
		own = "ed25519"
	}
	switch {
	case !ok:
		return permError("malformed algorithm name")
	case k.limited && !listed(k.hashes, hash):
		return permError("inappropriate hash algorithm")
	case hash == "sha1": // RFC 8301 §3.1
		return permError("hash algorithm too weak: sha1")
	case hash != "sha256":
		return permError("unsupported hash algorithm")
	case kind != own:
		return permError("inappropriate key algorithm")
	case k.services != "" && !listed(k.services, "email") && !listed(k.services, "tlsrpt"): // RFC 8460 §3
		return permError("inappropriate service")
	}
	return nil
}

// verify checks the signature of a SHA-256 (RFC 8301 §3.1, RFC 8463 §3).
func (k *publicKey) verify(hashed, signature []byte) error {
	if k.rsa != nil {
		return rsa.VerifyPKCS1v15(k.rsa, crypto.SHA256, hashed, signature)
	}
	if !ed25519.Verify(k.ed25519, hashed, signature) {
		return errors.New("invalid Ed25519 signature")
	}
	return nil
}

// dnsError speaks of a question without an answer in the way the SPF library reads:
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

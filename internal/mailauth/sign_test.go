package mailauth

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// edKey signs most test mails: making it and signing with it costs nothing.
var edKey = sync.OnceValue(func() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
})

// edRecord is the key record of edKey.
func edRecord() string {
	return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(edKey().Public().(ed25519.PublicKey))
}

// rsaKey is a new key of 2048 bits with its record.
func rsaKey(t testing.TB) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
}

// rsaRecord is the record of a key of that many bits; nobody can sign
// with it.
func rsaRecord(bits int) string {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits))
	n.Sub(n, big.NewInt(1))
	der := x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: n, E: 65537})
	return "v=DKIM1; p=" + base64.StdEncoding.EncodeToString(der)
}

// sign puts a signature of domain with selector "s" on top of a mail.
func sign(t testing.TB, mail, domain string, key crypto.Signer, headers ...string) string {
	t.Helper()
	return signAs(t, mail, domain, key, dkim.CanonicalizationRelaxed, headers...)
}

// signAs is sign with another canonicalization, of header and body.
func signAs(t testing.TB, mail, domain string, key crypto.Signer, c dkim.Canonicalization, headers ...string) string {
	t.Helper()
	var out bytes.Buffer
	err := dkim.Sign(&out, strings.NewReader(mail), &dkim.SignOptions{
		Domain: domain, Selector: "s", Signer: key, HeaderKeys: headers,
		HeaderCanonicalization: c, BodyCanonicalization: c,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// plain is an unsigned mail with this From field.
func plain(from string) string {
	return "From: " + from + "\r\nTo: dmarc@reports.example.net\r\nSubject: Report\r\n\r\nThe report.\r\n"
}

package smtpd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writePair makes a self-signed pair for a name in dir.
func writePair(t testing.TB, dir, name string, notAfter time.Time) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		NotBefore:    notAfter.Add(-48 * time.Hour),
		NotAfter:     notAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeFile(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	writeFile(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	return cert, key
}

func writeFile(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func testCertificate(t testing.TB) *Certificate {
	t.Helper()
	cert, key := writePair(t, t.TempDir(), "mx.example.net", time.Now().Add(24*time.Hour))
	c, err := LoadCertificate(cert, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// served connects and gives the name in the certificate that it was shown.
func served(t *testing.T, addr string) string {
	t.Helper()
	c := dial(t, addr)
	defer c.Close()
	c.want("220 ")
	c.say("EHLO client.example", "250-")
	s := c.startTLS()
	s.say("EHLO client.example", "250-", "QUIT", "221 ")
	return s.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
}

// again makes the next handshake look at the files without waiting.
func (c *Certificate) again() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checked = time.Time{}
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, "one.example.net", time.Now().Add(24*time.Hour))
	cert, err := LoadCertificate(certFile, keyFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, Config{Certificate: cert}, &sink{})
	steps := []struct {
		name   string
		change func()
		want   string
	}{
		{"as loaded", func() {}, "one.example.net"},
		{"certificate is garbage", func() { writeFile(t, certFile, []byte("garbage")) }, "one.example.net"},
		{"files are away", func() { os.Remove(certFile); os.Remove(keyFile) }, "one.example.net"},
		{"new pair, expired", func() { writePair(t, dir, "longer-two.example.net", time.Now().Add(-time.Hour)) }, "longer-two.example.net"},
	}
	for _, step := range steps {
		step.change()
		cert.again()
		if got := served(t, b.addr); got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
	}
	if !cert.NotAfter().Before(time.Now()) {
		t.Errorf("not after: got %v, want the past", cert.NotAfter())
	}
	os.Remove(keyFile)
	if err := cert.Reload(); err == nil {
		t.Error("reload without key: got no error")
	}
	if _, err := LoadCertificate(certFile, keyFile, nil); err == nil {
		t.Error("load without key: got no error")
	}
}

func TestTLSVersionsAndSuites(t *testing.T) {
	b := start(t, Config{Certificate: testCertificate(t)}, &sink{})
	tests := []struct {
		name   string
		config *tls.Config
		ok     bool
	}{
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11}, false},
		{"TLS 1.2 with CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		{"TLS 1.2 with GCM", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, true},
		{"TLS 1.3", &tls.Config{MinVersion: tls.VersionTLS13}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := dial(t, b.addr)
			c.want("220 ")
			c.say("EHLO client.example", "250-", "STARTTLS", "220 ")
			test.config.InsecureSkipVerify = true
			s := tls.Client(c.Conn, test.config)
			if err := s.Handshake(); (err == nil) != test.ok {
				t.Fatalf("handshake: got %v, want success %v", err, test.ok)
			}
			if !test.ok {
				newClient(t, c.Conn).want("") // closed, not on in plaintext
			}
		})
	}
}

package config

import "testing"

// What systemd hands to the service is not there for other commands, nor before the
// first start.
func TestCredentialsMayBeMissing(t *testing.T) {
	const tls = `
[smtp]
certificate = "/run/credentials/none.service/certificate.pem"
key = "/run/credentials/none.service/key.pem"
`
	if _, err := parse([]byte(least+tls), "test"); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	if _, err := parse([]byte(least+`
[smtp]
certificate = "/nonexistent/certificate.pem"
key = "/nonexistent/key.pem"
`), "test"); err == nil {
		t.Error("got no error for files elsewhere that do not exist")
	}
}

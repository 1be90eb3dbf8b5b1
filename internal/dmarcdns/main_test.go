package dmarcdns

import (
	"testing"

	"go.uber.org/goleak"

	"reportmx/internal/dmarcdns/dnstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newClient asks one test server; one short try, so that silence costs little.
func newClient(t *testing.T, srv *dnstest.Server) *Client {
	t.Helper()
	c, err := New(Config{Servers: []string{srv.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

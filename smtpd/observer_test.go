package smtpd

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReplied: each reply is told once, the last word of the server too.
func TestReplied(t *testing.T) {
	b := start(t, Config{MaxJunk: 2}, &sink{})
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, conn)
	c.want("220 ")
	c.say("EHLO client.example", "250-", "NOPE", "500 ", "NOOP", "250 ", "NOOP", "250 ")
	c.want("421 ")
	b.ends(t)
	want := []int{220, 250, 500, 250, 250, 421}
	if d := cmp.Diff(b.seen.codes, want); d != "" {
		t.Errorf("codes: got (-) want (+):\n%s", d)
	}
}

package peers

import (
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// cutter stands between a sender and our server and breaks two of three connections
// off, somewhere, without a word: the sender's bytes end, or the replies to it do.
type cutter struct {
	addr string
	cuts atomic.Int64
}

func startCutter(t *testing.T, to string, span int) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &cutter{addr: l.Addr().String()}
	random := rand.New(rand.NewPCG(3, 4))
	go func() {
		for i := 0; ; i++ {
			in, err := l.Accept()
			if err != nil {
				return
			}
			up, down := int64(1<<40), int64(1<<40)
			switch i % 3 {
			case 0:
				up = random.Int64N(int64(span))
			case 1:
				down = random.Int64N(3000) // greeting, EHLO, handshake, replies
			}
			go c.join(in, to, up, down)
		}
	}()
	return c
}

// join copies at most up bytes to the server and down bytes back, then ends both.
func (c *cutter) join(in net.Conn, to string, up, down int64) {
	defer in.Close()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	ended := make(chan bool, 2)
	pass := func(dst io.Writer, src io.Reader, n int64) {
		copied, _ := io.CopyN(dst, src, n)
		ended <- copied == n
	}
	go pass(out, in, up)
	go pass(in, out, down)
	if <-ended {
		c.cuts.Add(1)
	}
}

// TestCutConnections: what Postfix (DATA), Exim (BDAT) and OpenSMTPD (DATA) bring
// over TLS breaks off again and again; in the end each mail is stored once and
// whole, and nothing was taken for whole that was not.
func TestCutConnections(t *testing.T) {
	together(t)
	if !havePostfix(t) || mode() == "deep" && !deep(t, "exim4", "smtpd") {
		return
	}
	starts := map[string]func(*testing.T, string) *relay{
		"Postfix":   func(t *testing.T, dst string) *relay { return startPostfix(t, dst) },
		"Exim":      startExim,
		"OpenSMTPD": startOpenSMTPD,
	}
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			if name != "Postfix" && !deep(t) {
				return
			}
			const records = 400 // about 110 kB: many TLS records, of which a cut leaves some
			mails := size(15, 100)
			m := newMX(t)
			c := startCutter(t, m.addr, len(mail("cut-100", records))+4000)
			r := start(t, c.addr)
			r.fill(t, "cut", 0, mails, records)
			r.settle(t, 5*time.Minute)
			known := strings.Count(m.logText(t), " verdict=known ")
			t.Logf("%s: %d connections cut, %d mails came again that were stored already", r.name, c.cuts.Load(), known)
			if c.cuts.Load() == 0 {
				t.Error("nothing was cut")
			}
			m.wantOnce(t, "cut", mails, records)
			if t.Failed() {
				t.Logf("%s's log:\n%s", r.name, r.log(t))
			}
		})
	}
}

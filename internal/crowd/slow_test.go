package crowd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The bounds of the campaigns, asserted in their deep form.
const (
	slowGone   = 90 * time.Second       // after which no slow client is left
	slowP99    = time.Second            // of an honest sender among them
	floodP99   = 200 * time.Millisecond // of one beside a flood from another address
	crowdBytes = 256                    // MiB of memory at most
)

// TestSlow has thousands of clients that never come to an end beside an honest sender,
// then one address that floods beside another one.
func TestSlow(t *testing.T) {
	together(t)
	begun := time.Now()
	var figures []string
	t.Run("slow clients", func(t *testing.T) { figures = append(figures, slowCampaign(t)...) })
	t.Run("one address", func(t *testing.T) { figures = append(figures, floodCampaign(t)...) })
	record(t, "slow", begun, figures)
}

// slowKind is one way to be slow: what it says, waiting for each reply, what it sends
// after that without one, and what it drips from then on. It ends when the server has
// hung up.
type slowKind struct {
	name  string
	lines []string
	then  string
	drip  string
	deaf  bool // it never reads
}

// slowKinds: a server that waits for any of them for ever is lost.
var slowKinds = []slowKind{
	{name: "silent"},
	{name: "drips its first command", drip: "EHLO " + strings.Repeat("a", 300)},
	{name: "silent after EHLO", lines: []string{"EHLO client.example"}},
	{name: "drips MAIL", lines: []string{"EHLO client.example"}, drip: "MAIL FROM:<" + strings.Repeat("a", 300) + "@client.example>\r\n"},
	{name: "stalls in DATA", lines: toData, then: "Subject: x\r\n"},
	{name: "drips DATA", lines: toData, drip: strings.Repeat("x", 70) + "\r\n"},
	{name: "drips a chunk", lines: toData[:3], then: "BDAT 100000 LAST\r\n", drip: "x"},
	{name: "opens a handshake", lines: []string{"EHLO client.example", "STARTTLS"}},
	{name: "drips a handshake", lines: []string{"EHLO client.example", "STARTTLS"}, drip: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("r", 500)},
	{name: "reads no replies", then: "EHLO client.example\r\n" + strings.Repeat("MAIL FROM:<>\r\nRCPT TO:<dmarc@reports.example.net>\r\nBDAT 6 LAST\r\nnone\r\n", 90), deaf: true},
}

var toData = []string{"EHLO client.example", "MAIL FROM:<>", "RCPT TO:<dmarc@reports.example.net>", "DATA"}

// begin goes to where the kind is slow.
func (k slowKind) begin(c net.Conn) error {
	buf := make([]byte, 4096)
	for _, line := range k.lines {
		if _, err := c.Read(buf); err != nil {
			return err
		}
		if _, err := io.WriteString(c, line+"\r\n"); err != nil {
			return err
		}
	}
	if k.deaf { // with room for few replies
		if err := c.(*net.TCPConn).SetReadBuffer(1); err != nil {
			return err
		}
	} else if _, err := c.Read(buf); err != nil {
		return err
	}
	_, err := io.WriteString(c, k.then)
	return err
}

// dripEvery is the time between two bytes.
const dripEvery = time.Second

// run is slow until the server hangs up, or for a deaf one, which cannot know, until
// ctx ends. It gives the last words of the server.
func (k slowKind) run(ctx context.Context, c net.Conn) (last string, err error) {
	c.SetDeadline(time.Now().Add(2 * slowGone))
	if err := k.begin(c); err != nil {
		return "", err
	}
	if k.deaf {
		<-ctx.Done()
		return "", nil
	}
	buf := make([]byte, 4096)
	for n := 0; ; n++ {
		until := 2 * slowGone
		if k.drip != "" {
			c.Write([]byte{k.drip[n%len(k.drip)]}) // what came back says more than its error
			until = dripEvery
		}
		c.SetReadDeadline(time.Now().Add(until))
		got, err := c.Read(buf)
		if got > 0 {
			last = string(buf[:got])
		}
		if err != nil && !(k.drip != "" && errors.Is(err, os.ErrDeadlineExceeded)) {
			return last, err
		}
	}
}

// slowTally is what became of the slow clients, by kind.
type slowTally struct {
	arrived atomic.Int64

	mu     sync.Mutex
	failed []string
	stayed map[string][]time.Duration
}

func (y *slowTally) add(kind string, stayed time.Duration, err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset by peer") && !strings.Contains(err.Error(), "broken pipe") {
		y.failed = append(y.failed, fmt.Sprintf("%s: %v", kind, err))
	}
	y.stayed[kind] = append(y.stayed[kind], stayed)
}

func slowCampaign(t *testing.T) []string {
	clients, addresses := size(300, 2000), size(15, 100)
	s := startServer(t, shortLimits()...)
	tally := &slowTally{stayed: map[string][]time.Duration{}}
	over, stop := context.WithCancel(context.Background())
	var slow, fast sync.WaitGroup
	honest := &sender{from: "127.2.0.1", addr: s.addr, every: 500 * time.Millisecond}
	fast.Go(func() { honest.run(over) })
	begun := time.Now()
	for n := range clients {
		slow.Go(func() { tally.one(over, s, n, addresses) })
	}
	most, gone, err := s.watch(begun, func() bool { return tally.arrived.Load() == int64(clients) })
	if err != nil {
		t.Error(err)
	}
	stop()
	slow.Wait()
	fast.Wait()
	for _, failure := range slices.Concat(tally.failed, honest.failed) {
		t.Error(failure)
	}
	text, p99 := honest.outcome()
	memory, err := s.memory("VmHWM")
	if err != nil {
		t.Error(err)
	}
	if least := float64(clients) * 0.9; *deep && most < least {
		t.Errorf("got %.0f sessions at once, want %.0f at least", most, least)
	}
	if *deep && (p99 > slowP99 || gone > slowGone || memory > crowdBytes) {
		t.Errorf("got p99 %s, gone after %s, %.0f MiB; want %s, %s, %d MiB at most", p99, gone, memory, slowP99, slowGone, crowdBytes)
	}
	return append([]string{
		fmt.Sprintf("slow clients: %d from %d addresses, %d kinds; %.0f sessions open at once", clients, addresses, len(slowKinds), most),
		"an honest sender, every 0.5 s: " + text,
		fmt.Sprintf("the slow ones were gone after %s; largest memory of the server %.0f MiB", gone.Round(100*time.Millisecond), memory),
		"how long each kind stayed, at most:",
	}, tally.lines()...)
}

// shortLimits makes the server give up early, for the short form.
func shortLimits() []string {
	if *deep {
		return nil
	}
	return []string{"REPORTMX_LIMITS_IDLE=5s", "REPORTMX_LIMITS_SESSION=15s"}
}

// one is one slow client from its connection to its end.
func (y *slowTally) one(ctx context.Context, s *server, n, addresses int) {
	kind := slowKinds[n%len(slowKinds)]
	raw, err := dial(fmt.Sprintf("127.1.%d.1", n%addresses), s.addr)
	y.arrived.Add(1)
	if err != nil {
		y.add(kind.name, 0, err)
		return
	}
	defer raw.Close()
	begun := time.Now()
	last, err := kind.run(ctx, raw)
	if strings.HasPrefix(last, "421 4.7.0") {
		err = fmt.Errorf("turned away: %q", last)
	}
	y.add(kind.name, time.Since(begun), err)
}

func (y *slowTally) lines() []string {
	var lines []string
	for _, k := range slowKinds {
		if k.deaf {
			continue // it cannot know
		}
		lines = append(lines, fmt.Sprintf("  %s: %s (%d clients)", k.name, quantile(y.stayed[k.name], 1).Round(100*time.Millisecond), len(y.stayed[k.name])))
	}
	return lines
}

// watch counts sessions until none is left but one of the honest sender; it gives the
// most there were, and how long it took.
func (s *server) watch(begun time.Time, arrived func() bool) (most float64, gone time.Duration, err error) {
	for time.Since(begun) < 2*slowGone {
		m, err := s.metrics()
		if err != nil {
			return most, 0, err
		}
		n := m["reportmx_smtpd_sessions"]
		if most = max(most, n); n <= 1 && arrived() {
			return most, time.Since(begun), nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return most, 0, fmt.Errorf("slow clients were still there after %s", time.Since(begun))
}

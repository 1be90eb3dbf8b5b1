package dmarcdns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"reportmx/internal/dmarcdns/dnstest"
)

const clientZone = `
example.com 300 TXT "v=spf1 -all"
split.example.com 300 TXT "v=DM" "ARC1; p=none"
two.example.com 300 TXT "a"
two.example.com 300 TXT "b"
quoted.example.com 300 TXT "a\"b\\c\200"
alias.example.com 30 CNAME alias2.example.com
alias2.example.com 300 CNAME split.example.com
loop1.example.com CNAME loop2.example.com
loop2.example.com CNAME loop1.example.com
servfail.example.com SERVFAIL
refused.example.com REFUSED
cut.example.com TRUNCATE
cut.example.com 300 TXT "over tcp"
signed.example.com AD
signed.example.com 300 TXT "signed"
example.com SOA ns.example.com hostmaster.example.com 1 7200 900 1209600 20
example.com 300 MX 20 mx2.example.com
example.com 300 MX 10 MX1.example.com
null.example.com 300 MX 0 .
mx1.example.com 300 A 192.0.2.1
mx1.example.com 300 AAAA 2001:db8::1
four.example.com 300 A 192.0.2.4
half.example.com 300 A 192.0.2.5
1.2.0.192.in-addr.arpa 300 PTR mx1.example.com
`

func TestTXT(t *testing.T) {
	c := newClient(t, dnstest.Start(t, clientZone))
	tests := []struct {
		name, ask string
		want      Answer
		err       error
	}{
		{"one", "example.com", Answer{Kind: Found, TXT: []string{"v=spf1 -all"}, TTL: 300 * time.Second}, nil},
		{"upper case and final dot", "EXAMPLE.com.", Answer{Kind: Found, TXT: []string{"v=spf1 -all"}, TTL: 300 * time.Second}, nil},
		{"strings joined", "split.example.com", Answer{Kind: Found, TXT: []string{"v=DMARC1; p=none"}, TTL: 300 * time.Second}, nil},
		{"two records", "two.example.com", Answer{Kind: Found, TXT: []string{"a", "b"}, TTL: 300 * time.Second}, nil},
		{"escapes", "quoted.example.com", Answer{Kind: Found, TXT: []string{"a\"b\\c\xc8"}, TTL: 300 * time.Second}, nil},
		{"aliases", "alias.example.com", Answer{
			Kind: Found, TXT: []string{"v=DMARC1; p=none"}, TTL: 30 * time.Second,
			Aliases: []string{"alias2.example.com", "split.example.com"},
		}, nil},
		{"alias loop", "loop1.example.com", Answer{}, ErrTemporary},
		{"no data", "four.example.com", Answer{Kind: NoData, TTL: 20 * time.Second}, nil},
		{"no such name", "none.example.com", Answer{Kind: NXDomain, TTL: 20 * time.Second}, nil},
		{"servfail", "servfail.example.com", Answer{}, ErrTemporary},
		{"refused", "refused.example.com", Answer{}, ErrTemporary},
		{"cut", "cut.example.com", Answer{Kind: Found, TXT: []string{"over tcp"}, TTL: 300 * time.Second}, nil},
		{"AD bit", "signed.example.com", Answer{Kind: Found, TXT: []string{"signed"}, TTL: 300 * time.Second, AD: true}, nil},
		{"odd octets", "a+b=c@d.example.com", Answer{Kind: NXDomain, TTL: 20 * time.Second}, nil},
		{"empty label", "a..example.com", Answer{}, ErrName},
		{"long label", strings.Repeat("a", 64) + ".example.com", Answer{}, ErrName},
		{"long name", strings.Repeat("a.", 127) + "example.com", Answer{}, ErrNameTooLong},
		{"space", "a b.example.com", Answer{}, ErrName},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.TXT(t.Context(), tt.ask)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if d := cmp.Diff(got, tt.want); d != "" {
				t.Errorf("answer differs (-got +want):\n%s", d)
			}
		})
	}
}

func TestOtherTypes(t *testing.T) {
	c := newClient(t, dnstest.Start(t, clientZone))
	tests := []struct {
		name string
		ask  func(context.Context) (Answer, error)
		want Answer
	}{
		{"mx in order", func(ctx context.Context) (Answer, error) { return c.MX(ctx, "example.com") },
			Answer{Kind: Found, MX: []MX{{10, "mx1.example.com"}, {20, "mx2.example.com"}}}},
		{"null mx", func(ctx context.Context) (Answer, error) { return c.MX(ctx, "null.example.com") },
			Answer{Kind: Found, MX: []MX{{0, "."}}}},
		{"both families", func(ctx context.Context) (Answer, error) { return c.Addrs(ctx, "mx1.example.com") },
			Answer{Kind: Found, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}}},
		{"one family", func(ctx context.Context) (Answer, error) { return c.Addrs(ctx, "four.example.com") },
			Answer{Kind: Found, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.4")}}},
		{"no address", func(ctx context.Context) (Answer, error) { return c.Addrs(ctx, "two.example.com") },
			Answer{Kind: NoData}},
		{"ptr", func(ctx context.Context) (Answer, error) { return c.PTR(ctx, netip.MustParseAddr("::ffff:192.0.2.1")) },
			Answer{Kind: Found, Names: []string{"mx1.example.com"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.ask(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(got, tt.want, cmpopts.IgnoreFields(Answer{}, "TTL"), cmpopts.EquateComparable(netip.Addr{})); d != "" {
				t.Errorf("answer differs (-got +want):\n%s", d)
			}
		})
	}
}

func TestLargeAnswers(t *testing.T) {
	var zone strings.Builder
	for i := range 60 {
		fmt.Fprintf(&zone, "big.example.com TXT \"%d%s\"\n", i, strings.Repeat("x", 200))
	}
	for i := range 100 {
		fmt.Fprintf(&zone, "huge.example.com TXT \"%d%s\"\n", i, strings.Repeat("x", 200))
	}
	srv := dnstest.Start(t, zone.String())
	c := newClient(t, srv)
	a, err := c.TXT(t.Context(), "big.example.com")
	if err != nil || len(a.TXT) != 60 {
		t.Errorf("got %d records, %v, want 60 over TCP", len(a.TXT), err)
	}
	if _, err = c.TXT(t.Context(), "huge.example.com"); err == nil || !strings.Contains(err.Error(), "16384 octets of TXT") {
		t.Errorf("got %v, want an error that names the bound", err)
	}
}

func TestSecondServer(t *testing.T) {
	broken := dnstest.Start(t, "example.com SERVFAIL")
	good := dnstest.Start(t, clientZone)
	c, err := New(Config{Servers: []string{broken.Addr, good.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := c.TXT(t.Context(), "example.com"); err != nil || a.Kind != Found {
		t.Errorf("got %v, %v, want the second server's answer", a, err)
	}
}

// A server that only names others has said nothing, so the next one is asked.
func TestReferral(t *testing.T) {
	q := question{name: "example.com.", qtype: dns.TypeTXT}
	ns, _ := dns.NewRR("example.com. NS ns.example.com.")
	soa, _ := dns.NewRR("example.com. SOA ns.example.com. hostmaster.example.com. 1 7200 900 1209600 20")
	tests := []struct {
		name  string
		reply dns.Msg
		want  Kind // "" for an error
	}{
		{"referral", dns.Msg{Ns: []dns.RR{ns}}, ""},
		{"nothing at all", dns.Msg{}, ""},
		{"authoritative", dns.Msg{MsgHdr: dns.MsgHdr{Authoritative: true}, Ns: []dns.RR{ns}}, NoData},
		{"resolver", dns.Msg{MsgHdr: dns.MsgHdr{RecursionAvailable: true}, Ns: []dns.RR{ns}}, NoData},
		{"with SOA", dns.Msg{Ns: []dns.RR{soa}}, NoData},
		{"no such name", dns.Msg{MsgHdr: dns.MsgHdr{Rcode: dns.RcodeNameError}}, NXDomain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := readAnswer(q, &tt.reply)
			if a.Kind != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v, want %q", a.Kind, err, tt.want)
			}
		})
	}
}

func TestServers(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	c, err := New(Config{ResolvConf: conf})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.TXT(t.Context(), "example.com"); !errors.Is(err, ErrTemporary) {
		t.Errorf("without the file: got %v, want ErrTemporary", err)
	}
	for _, step := range []struct {
		text string
		want []string
	}{
		{"nameserver 192.0.2.53\n", []string{"192.0.2.53:53"}},
		{"nameserver 2001:db8::53\nnameserver 192.0.2.54\n", []string{"[2001:db8::53]:53", "192.0.2.54:53"}},
		{"search example.com\n", nil},
	} {
		if err := os.WriteFile(conf, []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, _ := c.servers.current()
		if d := cmp.Diff(got, step.want); d != "" {
			t.Errorf("after %q (-got +want):\n%s", step.text, d)
		}
	}
	if _, err := New(Config{Servers: []string{"dns.example.com"}}); err == nil {
		t.Error("a host name as server: got no error")
	}
}

func TestSilence(t *testing.T) {
	srv := dnstest.Start(t, "example.com STALL")
	c, err := New(Config{Servers: []string{srv.Addr}, Try: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.TXT(t.Context(), "example.com"); !errors.Is(err, ErrTemporary) {
		t.Errorf("got %v, want ErrTemporary", err)
	}
	if n := len(srv.Queries()); n != 2 {
		t.Errorf("%d tries, want 2", n)
	}
	if n := len(c.cache.entries); n != 0 {
		t.Errorf("%d entries after a failure, want none", n)
	}
}

// A caller's deadline ends its wait, and the query with it: no slot stays taken.
func TestDeadline(t *testing.T) {
	srv := dnstest.Start(t, "example.com STALL\nexample.net TXT \"x\"")
	c, err := New(Config{Servers: []string{srv.Addr}, Try: time.Hour, InFlight: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := c.TXT(ctx, "example.com"); !errors.Is(err, ErrTemporary) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want ErrTemporary and the deadline", err)
	}
	next, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if a, err := c.TXT(next, "example.net"); err != nil || a.Kind != Found {
		t.Errorf("next question: got %v, %v", a, err)
	}
}

// Slow DNS and many senders: each caller gets its answer, or its deadline, and no
// slot or goroutine stays behind.
func TestManyCallersSlowDNS(t *testing.T) {
	srv := dnstest.Start(t, "*.example.com TXT \"x\"")
	srv.Delay(time.Hour)
	c := newClient(t, srv)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if _, err := c.TXT(ctx, fmt.Sprintf("%d.example.com", i)); !errors.Is(err, ErrTemporary) {
				t.Errorf("got %v, want ErrTemporary", err)
			}
		})
	}
	wg.Wait()
	srv.Delay(0)
	if a, err := c.TXT(t.Context(), "1.example.com"); err != nil || a.Kind != Found {
		t.Errorf("after that: got %v, %v", a, err)
	}
}

func TestSameQuestionOnce(t *testing.T) {
	srv := dnstest.Start(t, clientZone)
	srv.Delay(50 * time.Millisecond)
	c := newClient(t, srv)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if a, err := c.TXT(t.Context(), "example.com"); err != nil || a.Kind != Found {
				t.Errorf("got %v, %v", a, err)
			}
		})
	}
	wg.Wait()
	if n := len(srv.Queries()); n != 1 {
		t.Errorf("%d queries, want 1", n)
	}
}

// One caller that gives up does not take the answer from the others.
func TestSharedQueryOutlivesFirst(t *testing.T) {
	f := flights{running: make(map[question]*flight)}
	q := question{name: "example.com.", qtype: 16}
	release := make(chan struct{})
	slow := func(ctx context.Context) (Answer, error) {
		select {
		case <-release:
			return Answer{Kind: Found}, nil
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
	}
	waiting := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		if fl := f.running[q]; fl != nil {
			return fl.waiting
		}
		return 0
	}
	first, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { f.do(first, q, slow) })
	wg.Go(func() {
		if a, err := f.do(t.Context(), q, slow); err != nil || a.Kind != Found {
			t.Errorf("second caller: got %v, %v", a, err)
		}
	})
	for waiting() != 2 {
		runtime.Gosched()
	}
	leave()
	for waiting() != 1 {
		runtime.Gosched()
	}
	close(release)
	wg.Wait()
}

// A panic in the DNS library is an answer that is not to be had, for all who wait.
func TestPanic(t *testing.T) {
	f := flights{running: make(map[question]*flight)}
	q := question{name: "example.com.", qtype: dns.TypeTXT}
	_, err := f.do(t.Context(), q, func(context.Context) (Answer, error) { panic("boom") })
	if !errors.Is(err, ErrTemporary) || !strings.Contains(err.Error(), "boom") {
		t.Errorf("got %v, want ErrTemporary with the panic", err)
	}
	if len(f.running) != 0 {
		t.Error("the question counts as under way still")
	}
}

func TestFresh(t *testing.T) {
	srv := dnstest.Start(t, clientZone)
	c := newClient(t, srv)
	if a, _ := c.TXT(t.Context(), "new.example.com"); a.Kind != NXDomain {
		t.Fatalf("got %v", a)
	}
	srv.Set(t, clientZone+`new.example.com TXT "now"`)
	if a, _ := c.TXT(t.Context(), "new.example.com"); a.Kind != NXDomain {
		t.Errorf("within the negative TTL: got %v, want the cached answer", a)
	}
	if a, _ := c.Fresh().TXT(t.Context(), "new.example.com"); a.Kind != Found {
		t.Errorf("fresh: got %v, want the new record", a)
	}
	if a, _ := c.TXT(t.Context(), "new.example.com"); a.Kind != Found {
		t.Errorf("after fresh: got %v, want the new record in the cache", a)
	}
}

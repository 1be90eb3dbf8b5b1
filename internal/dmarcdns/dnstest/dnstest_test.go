package dnstest

import (
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The example of RFC 4592 §2.2.1, in small.
const wildcards = `
example. SOA ns.example. hostmaster.example. 1 7200 900 1209600 30
*.example. TXT "wildcard"
sub.*.example. TXT "below the wildcard"
host1.example. A 192.0.2.1
_ssh._tcp.host1.example. TXT "ssh"
alias.example. CNAME host1.example.
`

func TestWildcards(t *testing.T) {
	srv := Start(t, wildcards)
	tests := []struct {
		name, ask string
		qtype     uint16
		answers   int
		rcode     int
	}{
		{"synthesised", "host3.example.", dns.TypeTXT, 1, dns.RcodeSuccess},
		{"synthesised over two labels", "foo.bar.example.", dns.TypeTXT, 1, dns.RcodeSuccess},
		{"synthesised without this type", "host3.example.", dns.TypeA, 0, dns.RcodeSuccess},
		{"explicit name shadows", "host1.example.", dns.TypeTXT, 0, dns.RcodeSuccess},
		{"empty non-terminal shadows", "_tcp.host1.example.", dns.TypeTXT, 0, dns.RcodeSuccess},
		{"below an empty non-terminal", "_telnet._tcp.host1.example.", dns.TypeTXT, 0, dns.RcodeNameError},
		{"the wildcard itself", "*.example.", dns.TypeTXT, 1, dns.RcodeSuccess},
		{"a wildcard below the wildcard", "ghost.*.example.", dns.TypeTXT, 0, dns.RcodeNameError},
		{"alias with target", "alias.example.", dns.TypeA, 2, dns.RcodeSuccess},
		{"outside", "example.com.", dns.TypeA, 0, dns.RcodeNameError},
	}
	for _, network := range []string{"udp", "tcp"} {
		for _, tt := range tests {
			t.Run(network+" "+tt.name, func(t *testing.T) {
				client := dns.Client{Net: network}
				reply, _, err := client.Exchange(new(dns.Msg).SetQuestion(tt.ask, tt.qtype), srv.Addr)
				if err != nil {
					t.Fatal(err)
				}
				if len(reply.Answer) != tt.answers || reply.Rcode != tt.rcode {
					t.Errorf("got %d answers, %s, want %d, %s", len(reply.Answer), dns.RcodeToString[reply.Rcode],
						tt.answers, dns.RcodeToString[tt.rcode])
				}
				if tt.answers == 0 && len(reply.Ns) != 1 {
					t.Errorf("negative answer with %d SOA", len(reply.Ns))
				}
			})
		}
	}
}

func TestBadZone(t *testing.T) {
	for _, bad := range []string{"example.com", "example.com NONSENSE x", "example.com A nowhere"} {
		if _, err := parseZone(bad); err == nil {
			t.Errorf("zone %q: no error", bad)
		}
	}
}

package dmarcdns

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reportmx/internal/dmarcdns/dnstest"
)

const ownZone = `reports.example.net MX 10 mx.example.net
mx.example.net A 192.0.2.25
mx.example.net AAAA 2001:db8::25
25.2.0.192.in-addr.arpa PTR mx.example.net
5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR mx.example.net
_dmarc.reports.example.net TXT "v=DMARC1; p=reject"
`

func TestCheckOwn(t *testing.T) {
	const mx = "publish: reports.example.net. MX 10 mx.example.net."
	tests := []struct {
		name, old, new string // a change to ownZone
		want           []string
	}{
		{"clean", "", "", nil},
		{"no MX", "reports.example.net MX 10 mx.example.net", "", []string{"wrong: reports.example.net has no MX: mail servers then try its address records, if any, and reports may not arrive; " + mx}},
		{"null MX", "MX 10 mx.example.net", "MX 0 .", []string{"wrong: reports.example.net has a null MX: it says that the domain takes no mail (RFC 7505), so no report is sent; " + mx}},
		{"MX elsewhere", "MX 10 mx.example.net", "MX 10 mail.example.org", []string{"wrong: the MX of reports.example.net is mail.example.org, not mx.example.net: reports go to another server; " + mx}},
		{"MX here and elsewhere", "MX 10 mx.example.net", "MX 10 mx.example.net\nreports.example.net MX 5 mail.example.org",
			[]string{"warning: the MX of reports.example.net is mail.example.org, mx.example.net: what another server takes does not come here; " + mx}},
		{"MX leads to an alias", "mx.example.net A 192.0.2.25\nmx.example.net AAAA 2001:db8::25", "mx.example.net CNAME h.example.net\nh.example.net A 192.0.2.25\nh.example.net AAAA 2001:db8::25",
			[]string{"wrong: mx.example.net is an alias of h.example.net: an MX must not lead to an alias (RFC 5321 §5.1), and some mail servers refuse it; publish: mx.example.net. A 192.0.2.25 and mx.example.net. AAAA 2001:db8::25"}},
		{"report domain is an alias", "reports.example.net MX 10 mx.example.net", "reports.example.net CNAME r.example.org\nr.example.org MX 10 mx.example.net",
			[]string{"warning: reports.example.net is an alias of r.example.org: some mail servers rewrite the recipient's domain to the alias's target, which is refused here; " + mx + " and no CNAME at that name"}},
		{"no address", "mx.example.net A 192.0.2.25\nmx.example.net AAAA 2001:db8::25", "",
			[]string{"wrong: mx.example.net has no address: no mail server can connect to it; publish: mx.example.net. A 192.0.2.25 and mx.example.net. AAAA 2001:db8::25"}},
		{"other address", "mx.example.net A 192.0.2.25", "mx.example.net A 192.0.2.26\n26.2.0.192.in-addr.arpa PTR mx.example.net",
			[]string{"wrong: mx.example.net has the addresses [192.0.2.26 2001:db8::25], and this server has [192.0.2.25 2001:db8::25]: mail servers connect to another machine, or to none; publish: mx.example.net. A 192.0.2.25 and mx.example.net. AAAA 2001:db8::25"}},
		{"no reverse name", "25.2.0.192.in-addr.arpa PTR mx.example.net", "",
			[]string{"warning: 192.0.2.25 has no reverse name: people who look for the server's owner find nothing; mail still arrives, as this server never sends; publish: 25.2.0.192.in-addr.arpa. PTR mx.example.net."}},
		{"other reverse name", "ip6.arpa PTR mx.example.net", "ip6.arpa PTR host.example.org",
			[]string{"warning: the reverse name of 2001:db8::25 is host.example.org, not mx.example.net: people who look for the server's owner find nothing; mail still arrives, as this server never sends; publish: 5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mx.example.net."}},
		{"psd", "p=reject", "p=reject; psd=n",
			[]string{"warning: _dmarc.reports.example.net says psd=n: it parts reports.example.net from example.net for organizations that walk the DNS tree, so targets below example.net need an authorization record as well; publish: _dmarc.reports.example.net. TXT \"v=DMARC1; p=reject\""}},
		{"no answer", "reports.example.net MX 10 mx.example.net", "reports.example.net SERVFAIL",
			[]string{"unknown: could not learn the MX of reports.example.net: the DNS gave no answer (\"MX reports.example.net.: no answer from the DNS: server ADDR: servfail\"); publish: nothing yet: see that the zone's name servers answer, then check again"}},
	}
	host := Host{Name: "mx.example.net", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.25"), netip.MustParseAddr("2001:db8::25")}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := dnstest.Start(t, strings.Replace(ownZone, tt.old, tt.new, 1))
			var got []string
			for _, f := range CheckOwn(t.Context(), newClient(t, srv), "reports.example.net", host) {
				got = append(got, strings.ReplaceAll(f.String(), srv.Addr, "ADDR"))
			}
			if d := cmp.Diff(got, tt.want); d != "" {
				t.Errorf("findings differ (-got +want):\n%s", d)
			}
		})
	}
}

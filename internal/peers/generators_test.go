package peers

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"reportmx/internal/dmarcdns/dnstest"
)

// internet is the DNS of the generators' tests. Three receivers report about
// example.com: mail of receiver.example is signed, that of allowed.example comes from
// where its SPF record says, that of denied.example from elsewhere.
func internet(dkim string) string {
	return authorization + `
reports.example.net MX 10 mx.example.net.
mx.example.net A 127.0.0.2
1.0.0.127.in-addr.arpa PTR relay.example.
relay.example A 127.0.0.1
example.com A 192.0.2.80
example.com TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.example.com TXT "v=DMARC1; p=none; fo=1; rua=mailto:dmarc@reports.example.net; ruf=mailto:ruf@reports.example.net"
receiver.example A 127.0.0.1
receiver.example TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.receiver.example TXT "v=DMARC1; p=reject"
s1._domainkey.receiver.example TXT ` + quoted("v=DKIM1; k=rsa; p="+dkim) + `
allowed.example A 127.0.0.1
allowed.example TXT "v=spf1 ip4:127.0.0.1 -all"
denied.example A 127.0.0.1
denied.example TXT "v=spf1 ip4:192.0.2.1 -all"
`
}

// quoted is a TXT value in strings of at most 255 bytes (RFC 1035 §3.3).
func quoted(text string) string {
	var list []string
	for len(text) > 0 {
		n := min(len(text), 200)
		list, text = append(list, `"`+text[:n]+`"`), text[n:]
	}
	return strings.Join(list, " ")
}

// signingKey writes a private key and gives the public one as DNS has it.
func signingKey(t *testing.T, dir string) (file, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return write(t, string(text), dir, "dkim.key"), base64.StdEncoding.EncodeToString(der)
}

// newInternet starts a server at port 25, to which DNS leads. A Postfix at 127.0.0.1
// would take that address for itself.
func newInternet(t *testing.T, dkim string) *mx {
	t.Helper()
	return newMXAt(t, "127.0.0.2:25", dnstest.StartAt(t, "127.0.0.1:53", internet(dkim)))
}

// startSubmission runs a Postfix as a generator has one beside it: it brings mail to
// where the MX record says.
func startSubmission(t *testing.T) *relay {
	t.Helper()
	return startPostfix(t, "127.0.0.2:25", "disable_dns_lookups = no", "relay_domains =", "transport_maps =", "default_transport = smtp")
}

// wantReport compares the only stored report of a kind with where it came from.
func wantReport(t *testing.T, m *mx, kind, sender, result string) stored {
	t.Helper()
	m.wantHeld(t, 0)
	list := m.export(t, kind)
	if len(list) != 1 {
		t.Fatalf("got %d %s reports, want 1", len(list), kind)
	}
	s := list[0]
	t.Logf("exported: %s", s.raw)
	if s.Sender.Domain != sender || s.Sender.Result != result || s.Authorization != "authorized" {
		t.Errorf("got a report of %s, sender authentication %s, external authorization %s; want %s, %s, authorized",
			s.Sender.Domain, s.Sender.Result, s.Authorization, sender, result)
	}
	return s
}

// wantAggregate is wantReport for the aggregate report about the mails from 192.0.2.1.
func wantAggregate(t *testing.T, m *mx, org, sender, result string, count int) stored {
	t.Helper()
	s := wantReport(t, m, "aggregate", sender, result)
	got := 0
	for _, r := range s.Report.Records {
		if r.SourceIP == "192.0.2.1" {
			got += r.Count
		}
	}
	if s.Report.OrgName != org || s.Report.PolicyPublished.Domain != "example.com" || s.Report.PolicyPublished.P != "none" || got != count {
		t.Errorf("got org_name %q, policy domain %q, p=%s, %d mails; want %q, example.com, none, %d",
			s.Report.OrgName, s.Report.PolicyPublished.Domain, s.Report.PolicyPublished.P, got, org, count)
	}
	return s
}

// runIn runs a program in a folder and logs what it wrote.
func runIn(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	t.Logf("$ %s %s\n%s", name, strings.Join(args, " "), out)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(out)
}

// suffixes is the public suffix list with the one more that these tests live under:
// Mail::DMARC takes no other names.
func suffixes(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadFile("/usr/share/publicsuffix/public_suffix_list.dat")
	if err != nil {
		t.Fatal(err)
	}
	return write(t, string(list)+"\nexample\n", dir, "suffixes")
}

// TestMailDMARC: Mail::DMARC judges two mails of yesterday, finds our MX and brings a
// report that is signed.
func TestMailDMARC(t *testing.T) {
	if !deep(t, "dmarc_send_reports", "faketime", "perl") {
		return
	}
	dir := openDir(t)
	key, public := signingKey(t, dir)
	m := newInternet(t, public)
	config := write(t, `[organization]
domain = receiver.example
org_name = Receiver
email = reports@receiver.example
extra_contact_info = https://receiver.example/
[report_store]
backend = SQL
dsn = dbi:SQLite:dbname=`+filepath.Join(dir, "reports.sqlite")+`
user =
pass =
auto_save = 0
[report_sign]
algorithm = rsa-sha256
method = relaxed
domain = receiver.example
selector = s1
keyfile = `+key+`
[report_sending]
[dmarc]
backend = perl
[dns]
timeout = 5
public_suffix_list = `+suffixes(t, dir)+`
[smtp]
hostname = mail.receiver.example
cc =
whitelist =
smarthost =
`, dir, "mail-dmarc.ini")
	judge := write(t, `use Mail::DMARC::PurePerl;
for (1, 2) {
	my $d = Mail::DMARC::PurePerl->new;
	$d->source_ip('192.0.2.1');
	$d->envelope_to('receiver.example');
	$d->envelope_from('example.com');
	$d->header_from('example.com');
	$d->dkim([{ domain => 'example.com', selector => 's', result => 'pass', human_result => 'pass' }]);
	$d->spf([{ domain => 'example.com', scope => 'mfrom', result => 'pass' }]);
	print $d->validate->result, "\n";
	$d->save_aggregate;
}
`, dir, "judge.pl")
	env := []string{"MAIL_DMARC_CONFIG_FILE=" + config}
	runIn(t, dir, env, "faketime", "-f", "-2d", "perl", judge)
	runIn(t, dir, env, "dmarc_send_reports", "--verbose", "--delay", "0")
	s := wantAggregate(t, m, "Receiver", "receiver.example", "pass", 2)
	if len(s.Sender.DKIM) != 1 || s.Sender.DKIM[0].Result != "pass" || s.Sender.DKIM[0].Selector != "s1" {
		t.Errorf("got signatures %+v, want one of s1 that passes", s.Sender.DKIM)
	}
}

package enrich

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"reportmx/export"
	"reportmx/internal/dmarcdns"
	"reportmx/internal/dmarcdns/dnstest"
	"reportmx/reports"
	"reportmx/storage"
)

// writeDatabase writes a file in MaxMind's format: what it says of each network.
func writeDatabase(t *testing.T, name string, networks map[string]mmdbtype.Map) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test", IncludeReservedNetworks: true, DisableIPv4Aliasing: true, RecordSize: 24})
	if err != nil {
		t.Fatal(err)
	}
	for network, record := range networks {
		_, prefix, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(prefix, record); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func country(code string) mmdbtype.Map {
	return mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code), "names": mmdbtype.Map{"en": mmdbtype.String("Somewhere")}}}
}

// TestDatabases reads the records of the makers that people have.
func TestDatabases(t *testing.T) {
	city := writeDatabase(t, "city.mmdb", map[string]mmdbtype.Map{
		"192.0.2.0/24":    country("NZ"),
		"2001:db8::/32":   country("FR"),
		"198.51.100.0/24": {"registered_country": mmdbtype.Map{"iso_code": mmdbtype.String("DE")}},
	})
	asn := writeDatabase(t, "asn.mmdb", map[string]mmdbtype.Map{
		"192.0.2.0/25": {"autonomous_system_number": mmdbtype.Uint32(64496), "autonomous_system_organization": mmdbtype.String("Bulk Networks")},
	})
	ipinfo := writeDatabase(t, "lite.mmdb", map[string]mmdbtype.Map{
		"192.0.2.0/24": {
			"country": mmdbtype.String("Wonderland"), "country_code": mmdbtype.String("WL"), "asn": mmdbtype.String("AS64511"),
			"as_name": mmdbtype.String("Other Networks"), "as_domain": mmdbtype.String("other.example"),
		},
		"203.0.113.0/24": {"country": mmdbtype.String("SE")},
	})
	own := writeDatabase(t, "own.mmdb", map[string]mmdbtype.Map{
		"192.0.2.7/32": {"name": mmdbtype.String("Newsletter"), "type": mmdbtype.String("Marketing")},
	})
	enterprise := writeDatabase(t, "enterprise.mmdb", map[string]mmdbtype.Map{
		"192.0.2.0/24": {
			"country": mmdbtype.Map{"iso_code": mmdbtype.String("NZ")},
			"traits":  mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(64497), "isp": mmdbtype.String("Provider")},
		},
	})
	tests := map[string]struct {
		databases []string
		ip        string
		want      export.Source
	}{
		"country":            {[]string{city}, "2001:db8::9", export.Source{Country: "FR"}},
		"registered country": {[]string{city}, "198.51.100.1", export.Source{Country: "DE"}},
		"mapped address":     {[]string{city}, "::ffff:192.0.2.1", export.Source{Country: "NZ"}},
		"country and network": {[]string{city, asn}, "192.0.2.1",
			export.Source{Country: "NZ", Name: "Bulk Networks", ASN: 64496, ASName: "Bulk Networks"}},
		"the first one goes before": {[]string{asn, ipinfo}, "192.0.2.1",
			export.Source{Country: "WL", Name: "Bulk Networks", ASN: 64496, ASName: "Bulk Networks", ASDomain: "other.example"}},
		"IPinfo": {[]string{ipinfo}, "192.0.2.200",
			export.Source{Country: "WL", Name: "Other Networks", ASN: 64511, ASName: "Other Networks", ASDomain: "other.example"}},
		"country as text": {[]string{ipinfo}, "203.0.113.1", export.Source{Country: "SE"}},
		"one's own":       {[]string{own}, "192.0.2.7", export.Source{Name: "Newsletter", Type: "Marketing"}},
		"enterprise":      {[]string{enterprise}, "192.0.2.7", export.Source{Country: "NZ", Name: "Provider", ASN: 64497}},
		"not in it":       {[]string{own}, "192.0.2.8", export.Source{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run, err := New(Config{Databases: test.databases}).Open()
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second is remembered
				if d := cmp.Diff(run.Enrich(netip.MustParseAddr(test.ip)), test.want); d != "" {
					t.Errorf("got (-) want (+):\n%s", d)
				}
			}
			if err := run.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDatabaseErrors: each is one of the export, and names the file.
func TestDatabaseErrors(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.mmdb")
	if err := os.WriteFile(text, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := writeDatabase(t, "good.mmdb", map[string]mmdbtype.Map{"192.0.2.0/24": country("NZ")})
	for name, path := range map[string]string{"missing": filepath.Join(dir, "none.mmdb"), "not one": text, "a folder": dir} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Config{Databases: []string{good, path}}).Open()
			if err == nil || !strings.HasPrefix(err.Error(), "open database: ") || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want an error that names %s", err, path)
			}
		})
	}
	if _, err := New(Config{}).Open(); !errors.Is(err, ErrNothing) {
		t.Errorf("without anything: got %v, want %v", err, ErrNothing)
	}
}

// TestDatabaseDamage damages what a run has open. The run goes on without it, and
// its end tells.
func TestDatabaseDamage(t *testing.T) {
	damage := map[string]func(file []byte) []byte{
		"overwritten": func(file []byte) []byte {
			copy(file, strings.Repeat("\xff", len(file)))
			return file
		},
		"cut to nothing": func([]byte) []byte { return nil },
	}
	for name, change := range damage {
		t.Run(name, func(t *testing.T) {
			path := writeDatabase(t, "a.mmdb", map[string]mmdbtype.Map{"192.0.2.0/24": country("NZ"), "2001:db8::/32": country("FR")})
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			run, err := New(Config{Databases: []string{path}}).Open()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, change(file), 0o600); err != nil { // in place, under the map
				t.Fatal(err)
			}
			if got := run.Enrich(netip.MustParseAddr("192.0.2.1")); got != (export.Source{}) {
				t.Errorf("got %+v from a damaged database", got)
			}
			if err := run.Close(); err == nil || !strings.HasPrefix(err.Error(), "read database: "+path) {
				t.Errorf("got %v, want an error that names %s", err, path)
			}
		})
	}
}

const reverseZone = `
1.2.0.192.in-addr.arpa PTR out.Bulk.example.
2.2.0.192.in-addr.arpa PTR b.bulk.example.
2.2.0.192.in-addr.arpa PTR a.bulk.example.
3.2.0.192.in-addr.arpa PTR bad!name.bulk.example.
4.2.0.192.in-addr.arpa SERVFAIL
9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR six.example.org.
`

func aggregate(ips ...string) *storage.Report {
	a := &reports.Aggregate{}
	for _, ip := range ips {
		addr, _ := netip.ParseAddr(ip)
		a.Records = append(a.Records, reports.Record{SourceIP: addr})
	}
	return &storage.Report{Last: true, Report: reports.Report{Kind: reports.KindAggregate, Aggregate: a}}
}

func sequence(list ...*storage.Report) iter.Seq2[*storage.Report, error] {
	return func(yield func(*storage.Report, error) bool) {
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// drain reads to the end and gives the name of every address on its way.
func drain(t *testing.T, run *Run, seq iter.Seq2[*storage.Report, error]) []string {
	t.Helper()
	var got []string
	for r, err := range run.Ahead(t.Context(), seq) {
		if err != nil {
			t.Fatal(err)
		}
		for _, ip := range addresses([]*storage.Report{r}) {
			s := run.Enrich(ip)
			got = append(got, strings.TrimSpace(s.ReverseDNS+" "+s.BaseDomain))
		}
	}
	return got
}

func TestReverseDNS(t *testing.T) {
	srv := dnstest.Start(t, reverseZone)
	dns, err := dmarcdns.New(dmarcdns.Config{Servers: []string{srv.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	source := New(Config{Resolver: dns, Budget: time.Minute})
	run, err := source.Open()
	if err != nil {
		t.Fatal(err)
	}
	failure := &storage.Report{Last: true, Report: reports.Report{Kind: reports.KindFailure, Failure: &reports.Failure{SourceIP: netip.MustParseAddr("2001:db8::9")}}}
	tls := &storage.Report{Last: true, Report: reports.Report{Kind: reports.KindTLS, TLS: &reports.TLS{}}}
	got := drain(t, run, sequence(
		aggregate("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "127.0.0.1", "", "192.0.2.1", "::ffff:192.0.2.1"),
		tls, failure, aggregate("192.0.2.4")))
	want := []string{"out.bulk.example bulk.example", "a.bulk.example bulk.example", "", "", "", "", "", "out.bulk.example bulk.example", "out.bulk.example bulk.example", "six.example.org example.org", ""}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("got (-) want (+):\n%s", d)
	}
	asked := make(map[string]int)
	for _, q := range srv.Queries() {
		asked[q]++
	}
	if n := asked["udp PTR 1.2.0.192.in-addr.arpa."]; n != 1 {
		t.Errorf("asked %d times about one address, want once", n)
	}
	if n := asked["udp PTR 1.0.0.127.in-addr.arpa."]; n != 0 {
		t.Error("asked about loopback")
	}
	if got, want := run.Note(), "the DNS gave no answer about 1 addresses"; got != want {
		t.Errorf("got the note %q, want %q", got, want)
	}
}

// slow answers when it is let, and sees how many ask at the same time.
type slow struct {
	mu            sync.Mutex
	now, most, in int
	answer        chan struct{} // closed: at once
}

func (s *slow) PTR(ctx context.Context, _ netip.Addr) (dmarcdns.Answer, error) {
	s.mu.Lock()
	s.in++
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.now--; s.mu.Unlock() }()
	select {
	case <-s.answer:
		return dmarcdns.Answer{Kind: dmarcdns.Found, Names: []string{"a.example"}}, nil
	case <-ctx.Done():
		return dmarcdns.Answer{}, ctx.Err()
	}
}

func manyAddresses(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("198.51.%d.%d", i/250, i%250+1))
	}
	return list
}

// TestBounds: the DNS never answers, and the export comes to its end.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &slow{answer: make(chan struct{})}
		run, err := New(Config{Resolver: dns, Budget: 25 * time.Second, OneTime: 10 * time.Second}).Open()
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		got := drain(t, run, sequence(aggregate(manyAddresses(400)...), aggregate(manyAddresses(500)...)))
		if n := len(got); n != 900 {
			t.Errorf("got %d addresses, want 900", n)
		}
		if took := time.Since(begun); took != 25*time.Second {
			t.Errorf("it took %v, want 25s", took)
		}
		if dns.most != AtOnce || dns.in != 3*AtOnce {
			t.Errorf("%d look-ups, %d at the same time, want three rounds of %d", dns.in, dns.most, AtOnce)
		}
		want := `the time for all look-ups, enrich.budget = "25s", was up: 468 addresses have no reverse DNS; the DNS gave no answer about 32 addresses`
		if got := run.Note(); got != want {
			t.Errorf("got the note %q, want %q", got, want)
		}
	})
}

// TestRemembers: a bounded number of addresses, also those without an answer.
func TestRemembers(t *testing.T) {
	dns := &slow{answer: make(chan struct{})}
	close(dns.answer)
	run, err := New(Config{Resolver: dns, Budget: time.Minute, Remembered: 3}).Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		ip    string
		asked int
	}{{"192.0.2.1", 1}, {"192.0.2.2", 2}, {"192.0.2.3", 3}, {"192.0.2.1", 3}, {"192.0.2.4", 4}, {"192.0.2.1", 4}, {"192.0.2.2", 5}} {
		drain(t, run, sequence(aggregate(step.ip)))
		if dns.in != step.asked {
			t.Errorf("after %s: %d look-ups, want %d", step.ip, dns.in, step.asked)
		}
		if n := len(run.known.entries); n > 3 {
			t.Errorf("%d addresses are remembered, want 3", n)
		}
	}
}

// TestAhead: order, errors and an early end are those of the sequence itself.
func TestAhead(t *testing.T) {
	dns := &slow{answer: make(chan struct{})}
	close(dns.answer)
	run, err := New(Config{Resolver: dns, Budget: time.Minute}).Open()
	if err != nil {
		t.Fatal(err)
	}
	disk := errors.New("disk on fire")
	read := 0
	seq := func(yield func(*storage.Report, error) bool) {
		for i := range 2500 {
			r := aggregate("192.0.2.1")
			r.Seq, read = uint64(i), read+1
			if !yield(r, nil) {
				return
			}
		}
		yield(nil, disk)
	}
	var got []uint64
	var failed error
	for r, err := range run.Ahead(t.Context(), seq) {
		if err != nil {
			failed = err
			break
		}
		got = append(got, r.Seq)
	}
	if len(got) != 2500 || got[2499] != 2499 || !errors.Is(failed, disk) {
		t.Errorf("got %d reports and %v, want 2500 and %v", len(got), failed, disk)
	}
	read = 0
	for range run.Ahead(t.Context(), seq) {
		break
	}
	if read > windowWeight {
		t.Errorf("read %d reports ahead of the first, want at most %d", read, windowWeight)
	}
	if dns.in != 1 {
		t.Errorf("asked %d times about one address", dns.in)
	}
}

package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"reportmx/internal/dmarcdns/dnstest"
)

// writeCountry writes a database that puts 192.0.2.0/24 into a country.
func writeCountry(t *testing.T, path, code string) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test-Country", IncludeReservedNetworks: true, RecordSize: 24})
	if err != nil {
		t.Fatal(err)
	}
	network := &net.IPNet{IP: net.IPv4(192, 0, 2, 0).To4(), Mask: net.CIDRMask(24, 32)}
	if err := tree.Insert(network, mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code)}}); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := tree.WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

const (
	enrichConfig  = "[enrich]\nreverse_dns = true\ndatabases = [\"country.mmdb\"]\n[[schedule]]\nname = \"daily\"\ndir = \"out\"\nenrich = true\n[dns]\nservers = [\"%s\"]"
	enrichZone    = "1.2.0.192.in-addr.arpa PTR out.bulk.example"
	enrichQuery   = "udp PTR 1.2.0.192.in-addr.arpa."
	enrichColumns = ",source_country,source_reverse_dns,source_base_domain,source_name,source_type,source_asn,source_as_name,source_as_domain\r\n"
	enrichCells   = ",NZ,out.bulk.example,bulk.example,,,,,\r\n"
)

// TestStoryEnrich: an export tells where its sources are, with and without a server;
// what breaks of that is the export's own trouble.
func TestStoryEnrich(t *testing.T) {
	dns := dnstest.Start(t, enrichZone)
	s := newServer(t, dns, enrichConfig) // which starts without the database
	s.takes(t, "1")
	s.says(t, 1, "open database: open country.mmdb: no such file", "export", "aggregate", "--enrich", "--output", "a.csv")
	s.says(t, 1, "open database: open country.mmdb: no such file", "export", "--scheduled", "all")
	s.says(t, 0, "spf_human_results\r\n", "export", "aggregate")
	s.says(t, 64, "TLS reports name no source", "export", "tls", "--enrich")

	writeCountry(t, filepath.Join(s.dir, "country.mmdb"), "NZ")
	dns.Set(t, "1.2.0.192.in-addr.arpa SERVFAIL")
	s.says(t, 0, "reportmx: the DNS gave no answer about 1 addresses", "export", "aggregate", "--enrich")
	dns.Set(t, enrichZone)
	s.says(t, 0, "out/daily-1-1.csv", "export", "--scheduled", "all")
	written, err := os.ReadFile(filepath.Join(s.dir, "out", "daily-1-1.csv"))
	if err != nil || !strings.Contains(string(written), enrichColumns) || !strings.HasSuffix(string(written), enrichCells) {
		t.Errorf("the schedule wrote %q (%v)", written, err)
	}
	enriched := func() {
		s.says(t, 0, enrichColumns, "export", "aggregate", "--enrich")
		s.says(t, 0, enrichCells, "export", "aggregate", "--enrich")
		s.says(t, 0, `"source":{"country":"NZ","reverse_dns":"out.bulk.example"`, "export", "aggregate", "--enrich", "--format", "json")
		s.says(t, 0, ",192.0.2.1,NZ,out.bulk.example,bulk.example,,,,,,1,", "export", "aggregate", "--enrich", "--format", "parsedmarc-csv")
	}
	enriched()
	if _, err := s.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	enriched()
}

// TestStoryEnrichIsInNobodysWay: while an export waits for the DNS, mail is taken.
func TestStoryEnrichIsInNobodysWay(t *testing.T) {
	dns := dnstest.Start(t, "1.2.0.192.in-addr.arpa STALL")
	s := newServer(t, dns, enrichConfig)
	writeCountry(t, filepath.Join(s.dir, "country.mmdb"), "NZ")
	s.takes(t, "1")
	export := exec.Command("reportmx", "export", "aggregate", "--enrich", "--config", s.config)
	export.Dir = s.dir
	var stderr bytes.Buffer
	export.Stderr = &stderr
	if err := export.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- export.Wait() }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !slices.Contains(dns.Queries(), enrichQuery) {
		select {
		case err := <-done:
			t.Fatalf("the export ended without a question: %v, %s", err, stderr.String())
		case <-tick.C:
		}
	}
	for _, id := range []string{"2", "3", "4"} {
		s.takes(t, id)
	}
	select {
	case err := <-done:
		t.Errorf("the export did not wait for the DNS: %v, %s", err, stderr.String())
		return
	default:
	}
	if err := <-done; err != nil || !strings.Contains(stderr.String(), "no answer about 1 addresses") {
		t.Errorf("got %v and %q, want an export that tells what is missing", err, stderr.String())
	}
}

// takes sends a report that the server must take.
func (s *server) takes(t *testing.T, id string) {
	t.Helper()
	reply, err := s.send("reports@receiver.example", "dmarc@reports.example.net", reportAbout("authorized.example", id))
	if err != nil || !strings.HasPrefix(reply, "250 2.0.0 report stored") {
		t.Fatalf("got %q (%v), want it stored", reply, err)
	}
}

// says runs a command whose exit code, and a part of whose output, are known.
func (s *server) says(t *testing.T, code int, want string, args ...string) {
	t.Helper()
	out, stderr, got := s.run(t, args...)
	if got != code || !strings.Contains(out+stderr, want) {
		t.Errorf("%s: got exit code %d, want %d and %q in\n%s%s", strings.Join(args, " "), got, code, want, out, stderr)
	}
}

package export

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reportmx/reports"
)

// TestEnriched holds our own formats: with an enricher there is more behind all
// else, and nothing else changes.
func TestEnriched(t *testing.T) {
	known := knownSource{netip.MustParseAddr("198.51.100.7")}
	const (
		cells   = "XX,out.bulk.example,bulk.example,\"Bulk, Inc.\",Email Provider,64496,Bulk Networks,bulk.example"
		members = `"source":{"country":"XX","reverse_dns":"out.bulk.example","base_domain":"bulk.example","name":"Bulk, Inc.",` +
			`"type":"Email Provider","asn":64496,"as_name":"Bulk Networks","as_domain":"bulk.example"}`
		flat = `"source_country":"XX","source_reverse_dns":"out.bulk.example","source_base_domain":"bulk.example","source_name":"Bulk, Inc.",` +
			`"source_type":"Email Provider","source_asn":64496,"source_as_name":"Bulk Networks","source_as_domain":"bulk.example"`
		noMembers = `"source":{"country":"","reverse_dns":"","base_domain":"","name":"","type":"","asn":null,"as_name":"","as_domain":""}`
		noFlat    = `"source_country":"","source_reverse_dns":"","source_base_domain":"","source_name":"","source_type":"","source_asn":null,"source_as_name":"","source_as_domain":""`
		header    = "source_country,source_reverse_dns,source_base_domain,source_name,source_type,source_asn,source_as_name,source_as_domain"
	)
	added := map[Format][]string{ // in order
		FormatCSV:        {"," + header, "," + cells, ",,,,,,,,"},
		FormatNDJSONFlat: {"," + flat, "," + noFlat},
		FormatNDJSON:     {"," + members, "," + noMembers},
		FormatJSON:       {"," + members, "," + noMembers},
	}
	for format, pieces := range added {
		t.Run(string(format), func(t *testing.T) {
			plain := written(t, reports.KindAggregate, Options{Format: format}, sampleAggregate())
			got := written(t, reports.KindAggregate, Options{Format: format, Enricher: known}, sampleAggregate())
			for _, piece := range pieces {
				if !strings.Contains(got, piece) {
					t.Fatalf("%s is not in %s", piece, got)
				}
				if format == FormatCSV {
					piece += "\r\n"
				}
				got = strings.Replace(got, piece, strings.TrimPrefix(piece, strings.TrimSuffix(piece, "\r\n")), 1)
			}
			if d := cmp.Diff(plain, got); d != "" {
				t.Errorf("without the columns (-plain +enriched):\n%s", d)
			}
		})
	}
}

func TestEnrichedFailure(t *testing.T) {
	o := Options{Format: FormatJSON, Enricher: knownSource{netip.MustParseAddr("203.0.113.9")}}
	var list []struct {
		Report struct {
			Source struct {
				ASN int64 `json:"asn"`
			} `json:"source"`
		} `json:"report"`
	}
	text := written(t, reports.KindFailure, o, sampleFailure())
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	if got := list[0].Report.Source.ASN; got != 64496 {
		t.Errorf("got the network %d in %s", got, text)
	}
	o.Format = FormatCSV
	rows := readCSV(t, written(t, reports.KindFailure, o, sampleFailure()))
	if n := len(rows[1]); rows[0][n-3] != "source_asn" || rows[1][n-3] != "64496" {
		t.Errorf("got the cell %s = %s", rows[0][n-3], rows[1][n-3])
	}
	tls := written(t, reports.KindTLS, Options{Format: FormatCSV}, sampleTLS())
	if got := written(t, reports.KindTLS, Options{Format: FormatCSV, Enricher: o.Enricher}, sampleTLS()); got != tls {
		t.Errorf("a TLS report has no source, got %s", got)
	}
}

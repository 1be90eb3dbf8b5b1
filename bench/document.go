package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"
)

// origin is who made a report about whom, and when.
type origin struct {
	org      string // domain of the reporting organization
	domain   string // policy domain
	reportID string
	begin    time.Time
}

// document writes the XML of an aggregate report as RFC 7489 appendix C has it,
// which is what most organizations still send.
type document struct {
	b     []byte
	depth int
	dense bool // no white space between elements
}

// appendDocument appends a report of n records to b; dense ones take some 330
// bytes a record, others some 690.
func appendDocument(b []byte, r *rand.Rand, o origin, n int, layout layout) []byte {
	d := &document{b: b, dense: layout == dense}
	d.b = append(d.b, `<?xml version="1.0" encoding="UTF-8" ?>`...)
	d.open("feedback")
	d.leaf("version", "1.0")
	d.open("report_metadata")
	d.leaf("org_name", o.org)
	d.leaf("email", "noreply-dmarc@"+o.org)
	d.leaf("extra_contact_info", "https://"+o.org+"/dmarc")
	d.leaf("report_id", o.reportID)
	d.open("date_range")
	d.leaf("begin", strconv.FormatInt(o.begin.Unix(), 10))
	d.leaf("end", strconv.FormatInt(o.begin.Unix()+86_399, 10))
	d.shut("date_range")
	d.shut("report_metadata")
	d.open("policy_published")
	d.leaf("domain", o.domain)
	d.leaf("adkim", "r")
	d.leaf("aspf", "r")
	d.leaf("p", "reject")
	d.leaf("sp", "reject")
	d.leaf("pct", "100")
	d.leaf("fo", "0")
	d.shut("policy_published")
	for range n {
		d.record(r, o)
	}
	d.shut("feedback")
	return append(d.b, '\n')
}

// record writes one row: most pass, some are forwarded, a few are forged.
func (d *document) record(r *rand.Rand, o origin) {
	kind := r.IntN(10)
	dkim, spf, disposition := "pass", "pass", "none"
	switch {
	case kind == 0:
		dkim, spf, disposition = "fail", "fail", "reject"
	case kind < 4:
		spf = "fail"
	}
	bounce := fmt.Sprintf("bounce%d.sender%d.example", r.IntN(40), r.IntN(200))
	d.open("record")
	d.open("row")
	d.leaf("source_ip", address(r).String())
	d.leaf("count", strconv.Itoa(1+r.IntN(1+r.IntN(300))))
	d.open("policy_evaluated")
	d.leaf("disposition", disposition)
	d.leaf("dkim", dkim)
	d.leaf("spf", spf)
	d.shut("policy_evaluated")
	d.shut("row")
	d.open("identifiers")
	if !d.dense {
		d.leaf("envelope_from", bounce)
	}
	d.leaf("header_from", o.domain)
	d.shut("identifiers")
	d.open("auth_results")
	if !d.dense {
		d.open("dkim")
		d.leaf("domain", o.domain)
		d.leaf("selector", "s"+strconv.Itoa(r.IntN(9)))
		d.leaf("result", dkim)
		d.shut("dkim")
	}
	d.open("spf")
	d.leaf("domain", bounce)
	d.leaf("result", spf)
	d.shut("spf")
	d.shut("auth_results")
	d.shut("record")
}

// address takes IPv4 from the block for benchmarks (RFC 2544), as the blocks for
// documentation are too small, and IPv6 from that for documentation (RFC 3849).
func address(r *rand.Rand) netip.Addr {
	if r.IntN(5) > 0 {
		return netip.AddrFrom4([4]byte{198, byte(18 + r.IntN(2)), byte(r.IntN(256)), byte(r.IntN(256))})
	}
	a := [16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 15: byte(r.IntN(256))}
	a[5], a[7] = byte(r.IntN(256)), byte(r.IntN(256))
	return netip.AddrFrom16(a)
}

func (d *document) open(name string) {
	d.line()
	d.depth++
	d.b = append(d.b, '<')
	d.b = append(d.b, name...)
	d.b = append(d.b, '>')
}

func (d *document) shut(name string) {
	d.depth--
	d.line()
	d.end(name)
}

func (d *document) leaf(name, value string) {
	d.open(name)
	d.depth--
	d.b = append(d.b, value...)
	d.end(name)
}

func (d *document) end(name string) {
	d.b = append(d.b, '<', '/')
	d.b = append(d.b, name...)
	d.b = append(d.b, '>')
}

func (d *document) line() {
	if d.dense {
		return
	}
	d.b = append(d.b, '\n')
	for range d.depth {
		d.b = append(d.b, "  "...)
	}
}

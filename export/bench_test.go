package export

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// benchReports are 200 reports of 50 records each, in memory.
func benchReports() []*storage.Report {
	var list []*storage.Report
	for i := range 200 {
		r := sampleAggregate()
		r.Seq = uint64(i)
		r.Aggregate.ReportID = fmt.Sprintf("20261119-%d", i)
		var records []reports.Record
		for len(records) < 50 {
			rec := sampleRecords()[len(records)%2]
			rec.SourceIP = netip.AddrFrom4([4]byte{198, 51, byte(i), byte(len(records))})
			records = append(records, rec)
		}
		r.Aggregate.Records = records
		list = append(list, r)
	}
	return list
}

// contest runs ours and the rival in turn over the same records, and reports
// what each does in a second and how many times faster ours is.
func contest(b *testing.B, records int, ours, rival func() error) {
	b.Helper()
	var own, other time.Duration
	rounds := 0
	for b.Loop() {
		start := time.Now()
		if err := ours(); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if err := rival(); err != nil {
			b.Fatal(err)
		}
		own += middle.Sub(start)
		other += time.Since(middle)
		rounds++
	}
	total := float64(records * rounds)
	b.ReportMetric(total/own.Seconds(), "records/s")
	b.ReportMetric(total/other.Seconds(), "rival-records/s")
	b.ReportMetric(float64(other)/float64(own), "ratio")
}

func BenchmarkCSV(b *testing.B) {
	list := benchReports()
	contest(b, 200*50, func() error {
		_, err := Write(io.Discard, reports.KindAggregate, Options{Format: FormatCSV}, sequence(list...))
		return err
	}, func() error {
		w := csv.NewWriter(io.Discard)
		for _, r := range list {
			head := reportCells(r)
			for i := range r.Aggregate.Records {
				if err := w.Write(append(head[:len(head):len(head)], recordCells(&r.Aggregate.Records[i])...)); err != nil {
					return err
				}
			}
		}
		w.Flush()
		return w.Error()
	})
}

func BenchmarkNDJSON(b *testing.B) {
	list := benchReports()
	mirrors := make([]jsonAggregate, len(list))
	for i, r := range list {
		mirrors[i] = mirrorAggregate(r)
	}
	contest(b, 200*50, func() error {
		_, err := Write(io.Discard, reports.KindAggregate, Options{Format: FormatNDJSON}, sequence(list...))
		return err
	}, func() error {
		enc := json.NewEncoder(io.Discard)
		for i := range mirrors {
			if err := enc.Encode(&mirrors[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func BenchmarkFlat(b *testing.B) {
	list := benchReports()
	for b.Loop() {
		if _, err := Write(io.Discard, reports.KindAggregate, Options{Format: FormatNDJSONFlat}, sequence(list...)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(200*50*b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkSummary(b *testing.B) {
	list := benchReports()
	for _, by := range []By{ByTarget, BySource, ByOrg, ByDay} {
		b.Run(string(by), func(b *testing.B) {
			for b.Loop() {
				summed(b, SummaryOptions{By: by}, list...)
			}
			b.ReportMetric(float64(200*50*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkSources sums up a million records, ten of a report, of so many sources, and
// writes what they sum up to. All of a million is more than MaxGroups.
func BenchmarkSources(b *testing.B) {
	const records, rows = 1_000_000, 10
	for _, sources := range []uint32{10_000, 200_000, records} {
		b.Run(fmt.Sprint(sources), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := Summarize(SummaryOptions{By: BySource}, manySources(records/rows, rows, sources))
				if err == nil {
					err = s.Write(io.Discard, Options{Format: FormatCSV})
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(records*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// manySources gives digests whose rows go through the sources in no order.
func manySources(count, rows int, sources uint32) iter.Seq2[*storage.Digest, error] {
	return func(yield func(*storage.Digest, error) bool) {
		d := storage.Digest{Begin: unix(1_795_132_800), PolicyDomain: "example.com", Last: true, Rows: make([]storage.DigestRow, rows)}
		next := uint32(0)
		for range count {
			d.Seq++
			for i := range d.Rows {
				next += 2_654_435_761
				at := next % sources
				d.Rows[i] = storage.DigestRow{SourceIP: netip.AddrFrom4([4]byte{10, byte(at >> 16), byte(at >> 8), byte(at)}), Count: int64(1 + at%7), DKIM: true}
			}
			if !yield(&d, nil) {
				return
			}
		}
	}
}

// TestRivalCells: the rival of the benchmark writes the same table, so that the
// comparison is fair and the columns are held by a second hand.
func TestRivalCells(t *testing.T) {
	r := sampleAggregate()
	rows := readCSV(t, written(t, r.Kind, Options{Format: FormatCSV}, r))
	for i := range r.Aggregate.Records {
		cells := append(reportCells(r), recordCells(&r.Aggregate.Records[i])...)
		if len(cells) != len(rows[0]) {
			t.Fatalf("got %d cells, want %d", len(cells), len(rows[0]))
		}
		for k, cell := range cells {
			if got := rows[i+1][k]; got != cell && !strings.ContainsAny(cell, "=") {
				t.Errorf("row %d: %s = %q, want %q", i+1, rows[0][k], got, cell)
			}
		}
	}
}

func reportCells(r *storage.Report) []string {
	m, a := &r.Message, r.Aggregate
	p := &a.PolicyPublished
	var dkim [3][]string
	for _, d := range m.Sender.DKIM {
		dkim[0], dkim[1], dkim[2] = append(dkim[0], d.Domain), append(dkim[1], d.Selector), append(dkim[2], d.Result)
	}
	var warnings []string
	for _, w := range r.Warnings {
		warnings = append(warnings, w.Code)
	}
	return []string{
		strconv.FormatUint(r.Seq, 10), m.ReceivedAt.Format(time.RFC3339), string(m.Source),
		m.Envelope.ClientIP, m.Envelope.Helo, m.Envelope.MailFrom, strings.Join(m.Envelope.RcptTo, ";"), m.Envelope.TLS,
		m.MessageID, m.Subject, m.Sender.Domain, m.Sender.Result, m.Sender.SPF.Domain, m.Sender.SPF.Scope, m.Sender.SPF.Result,
		strings.Join(dkim[0], ";"), strings.Join(dkim[1], ";"), strings.Join(dkim[2], ";"), m.Sender.Contact,
		r.Authorization, strconv.FormatBool(r.Conflict), strconv.FormatBool(r.Implausible), strings.Join(warnings, ";"),
		a.OrgName, a.Email, a.ExtraContactInfo, a.ReportID, a.Begin.Format(time.RFC3339), a.End.Format(time.RFC3339),
		strings.Join(a.Errors, ";"), a.Generator, string(a.Schema), p.Domain, p.P, p.SP, p.NP, p.ADKIM, p.ASPF,
		strconv.Itoa(*p.PCT), p.FO, p.Testing, p.DiscoveryMethod,
	}
}

func recordCells(r *reports.Record) []string {
	e, ids := &r.PolicyEvaluated, &r.Identifiers
	var reasons [2][]string
	for _, x := range e.Reasons {
		reasons[0], reasons[1] = append(reasons[0], x.Type), append(reasons[1], x.Comment)
	}
	var dkim, spf [4][]string
	for _, d := range r.AuthResults.DKIM {
		dkim[0], dkim[1] = append(dkim[0], d.Domain), append(dkim[1], d.Selector)
		dkim[2], dkim[3] = append(dkim[2], d.Result), append(dkim[3], d.HumanResult)
	}
	for _, s := range r.AuthResults.SPF {
		spf[0], spf[1] = append(spf[0], s.Domain), append(spf[1], s.Scope)
		spf[2], spf[3] = append(spf[2], s.Result), append(spf[3], s.HumanResult)
	}
	cells := []string{
		r.SourceIP.String(), strconv.FormatInt(r.Count, 10), e.Disposition, e.DKIM, e.SPF, dmarcResult(r),
		strings.Join(reasons[0], ";"), strings.Join(reasons[1], ";"), ids.HeaderFrom, ids.EnvelopeFrom, ids.EnvelopeTo,
	}
	for _, list := range [][]string{dkim[0], dkim[1], dkim[2], dkim[3], spf[0], spf[1], spf[2], spf[3]} {
		cells = append(cells, strings.Join(list, ";"))
	}
	return cells
}

// BenchmarkParsedmarc tells what the formats of parsedmarc cost.
func BenchmarkParsedmarc(b *testing.B) {
	list := benchReports()
	for _, format := range []Format{FormatParsedmarcCSV, FormatParsedmarcJSON} {
		b.Run(string(format), func(b *testing.B) {
			for b.Loop() {
				if _, err := Write(io.Discard, reports.KindAggregate, Options{Format: format}, sequence(list...)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(200*50*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

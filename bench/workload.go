package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// layout is how the XML of a report is laid out.
type layout int

// The layouts.
const (
	indented layout = iota // one element a line
	dense                  // no white space
)

// sender is how the mails of a workload present themselves.
type sender int

// The senders.
const (
	quiet  sender = iota // null reverse path, HELO an address: nothing for SPF or DKIM to look at
	named                // a reverse path whose domain SPF asks about
	signed               // the same, with an RSA-2048 DKIM signature
)

// The size of the world that the reports are about.
const (
	organizations = 60
	policyDomains = 2000
	longest       = 5000 // records
)

// mail is one mail of the workload, ready to be sent.
type mail struct {
	from    string // reverse path
	content []byte // what follows DATA, with the final dot
	records int
}

// message is the mail as a server receives it. No line of the workload begins with
// a dot, so nothing was stuffed.
func (m *mail) message() []byte { return m.content[:len(m.content)-len(finalDot)] }

const finalDot = ".\r\n"

// workload is a list of mails that its seed determines wholly.
type workload struct {
	seed   uint64
	sender sender
	keys   *keys // for signed
}

// mails makes the mails first to first+n-1.
func (w workload) mails(first, n int) ([]mail, error) {
	list := make([]mail, n)
	errs := make([]error, runtime.GOMAXPROCS(0))
	var next atomic.Int64
	var group sync.WaitGroup
	for worker := range errs {
		group.Go(func() {
			var p packer
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if list[i], errs[worker] = w.mail(&p, first+int(i)); errs[worker] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("make mails: %w", err)
		}
	}
	return list, nil
}

func (w workload) mail(p *packer, i int) (mail, error) {
	r := rand.New(rand.NewPCG(w.seed, uint64(i)))
	n := recordCount(r, i)
	o := origin{
		org:    fmt.Sprintf("org%d.example", int(rand.NewZipf(r, 1.2, 4, organizations-1).Uint64())),
		domain: policyDomain(int(rand.NewZipf(r, 1.1, 20, policyDomains-1).Uint64())),
		begin:  time.Date(2024, 11, 1+r.IntN(365), 0, 0, 0, 0, time.UTC),
	}
	o.reportID = fmt.Sprintf("%d.%016x", i, r.Uint64())
	p.xml = appendDocument(p.xml[:0], r, o, n, indented)
	return w.wrap(p, r, o, n)
}

// wrap makes a mail of the document that p holds.
func (w workload) wrap(p *packer, r *rand.Rand, o origin, records int) (mail, error) {
	content, err := p.mail(r, o)
	if err != nil {
		return mail{}, err
	}
	m := mail{records: records}
	if w.sender != quiet {
		m.from = "bounce@" + o.org
	}
	if w.sender == signed {
		if content, err = w.keys.sign(content, o.org); err != nil {
			return mail{}, err
		}
	}
	m.content = append(content, finalDot...)
	return m, nil
}

// large makes one mail with a report of n records without white space.
func (w workload) large(n int) (mail, error) {
	r := rand.New(rand.NewPCG(w.seed, math.MaxUint64))
	o := origin{org: "org0.example", domain: policyDomain(0), reportID: "large", begin: time.Date(2024, 11, 1, 0, 0, 0, 0, time.UTC)}
	var p packer
	p.xml = appendDocument(nil, r, o, n, dense)
	return w.wrap(&p, r, o, n)
}

// recordCount: half of all reports have 3 records or fewer, one in 100 has some
// hundred, and one in 5,000 has 5,000.
func recordCount(r *rand.Rand, i int) int {
	if i%longest == longest-1 {
		return longest
	}
	n := math.Round(3 * math.Exp(1.45*r.NormFloat64()))
	return int(min(max(n, 1), longest))
}

func policyDomain(i int) string {
	return fmt.Sprintf("target%d.%s", i, []string{"example.com", "example.net", "example.org"}[i%3])
}

// facts describes a workload in one line.
func facts(list []mail) string {
	var bytes, records int
	sizes := make([]int, len(list))
	counts := make([]int, len(list))
	for i := range list {
		sizes[i], counts[i] = len(list[i].message()), list[i].records
		bytes += sizes[i]
		records += counts[i]
	}
	slices.Sort(sizes)
	slices.Sort(counts)
	return fmt.Sprintf("%d mails, %.1f MB, median %d bytes; %d records, median %d, largest %d",
		len(list), float64(bytes)/1e6, sizes[len(sizes)/2], records, counts[len(counts)/2], counts[len(counts)-1])
}

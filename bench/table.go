package main

import (
	"fmt"
	"time"
)

// aim is one line of the last table.
type aim struct {
	what, aim, reached string
	met                verdict
}

// verdict is whether an aim was met.
type verdict string

// The verdicts.
const (
	met    verdict = "met"
	missed verdict = "not met"
)

func judged(ok bool) verdict {
	if ok {
		return met
	}
	return missed
}

// aims holds what was measured to what was aimed at.
func (b *bench) aims() []aim {
	var list []aim
	for _, p := range b.pairs {
		least := map[perConnection]float64{many: 0.70, one: 0.85}[p.shape.per]
		if p.shape.sessions < 50 {
			continue
		}
		list = append(list, aim{fmt.Sprintf("messages/s against the discarding server, %s, %d sessions", p.shape.per, p.shape.sessions),
			fmt.Sprintf("≥ %.2f", least), fmt.Sprintf("%.2f", p.ratio()), judged(p.ratio() >= least)})
	}
	list = append(list, b.costAims()...)
	return append(list, b.storeAims()...)
}

func (b *bench) costAims() []aim {
	var quiet pair
	var peak int64
	for _, p := range b.pairs {
		if p.shape == (shape{sessions: 50, per: many}) {
			quiet = p
		}
		if p.shape.sessions == 200 {
			peak = max(peak, p.ours.peak)
		}
	}
	ratio := float64(b.dataMedian) / float64(b.syncMedian)
	return []aim{
		costAim("CPU per report above the discarding server, raw not kept", 45, b.rawless),
		costAim("the same, raw kept, nothing to authenticate", 60, quiet),
		costAim("the same with DKIM (RSA-2048) and SPF, DNS cached", 150, b.signed),
		{"reading mails against mox dmarcrpt", "≥ 8 ×", fmt.Sprintf("%.1f ×", b.readRatio), judged(b.readRatio >= 8)},
		{"one session: DATA to 250 against fsync, medians", "≤ 2 ×", fmt.Sprintf("%.1f ×", ratio), judged(ratio <= 2)},
		{"anonymous memory at 200 sessions", "≤ 128 MiB", fmt.Sprintf("%.0f MiB", mib(peak)), judged(peak <= 128<<20)},
		{"anonymous memory, 150,000 records received and exported", "≤ 128 MiB", fmt.Sprintf("%.0f MiB", mib(b.largePeak)), judged(b.largePeak <= 128<<20)},
	}
}

// receiving is what the discarding server costs per message where the aims were set, in
// µs. Machines differ more than what storing costs beside it.
const receiving = 55

func costAim(what string, micros float64, p pair) aim {
	most := micros / receiving
	return aim{what, fmt.Sprintf("≤ %.0f µs, %.1f ×", micros, most), p.cost(), judged(p.times() <= most)}
}

// manyRecords is the store that the aims of the summaries speak of.
const manyRecords = 10_000_000

func (b *bench) storeAims() []aim {
	scale := manyRecords / float64(b.records)
	all := time.Duration(float64(b.summary) * scale)
	target := time.Duration(float64(b.targetSummary) * scale)
	list := []aim{
		{"file size against stored value + compressed raw message", "≤ 1.5 ×", fmt.Sprintf("%.2f ×", b.fileShare), judged(b.fileShare <= 1.5)},
		{"export CSV against encoding/csv from memory", "≥ 0.80", fmt.Sprintf("%.2f", b.csvShare), judged(b.csvShare >= 0.8)},
		{"export NDJSON against encoding/json from memory", "≥ 0.80", fmt.Sprintf("%.2f", b.jsonShare), judged(b.jsonShare >= 0.8)},
		{"summary of one target, 10 million records (extrapolated)", "≤ 1 s", fmt.Sprintf("%.1f s", target.Seconds()), judged(target <= time.Second)},
		{"summary over everything, 10 million records (extrapolated)", "≤ 10 s", fmt.Sprintf("%.1f s", all.Seconds()), judged(all <= 10*time.Second)},
	}
	if len(b.growthCPU) > 1 {
		last := float64(b.growthCPU[len(b.growthCPU)-1]) / float64(b.growthCPU[0])
		list = append(list, aim{fmt.Sprintf("cost per report as the store grows to %d reports", b.sizes[len(b.sizes)-1]), "≤ 1.3 ×", fmt.Sprintf("%.2f ×", last), judged(last <= 1.3)})
	}
	return list
}

func (b *bench) table() {
	b.section("aims")
	b.printf("%-62s %-16s %-28s %s\n", "what", "aim", "reached", "")
	for _, a := range b.aims() {
		b.printf("%-62s %-16s %-28s %s\n", a.what, a.aim, a.reached, a.met)
	}
}

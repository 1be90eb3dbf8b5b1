package export

import (
	"math/bits"
	"time"

	"reportmx/reports"
)

// The periods that parsedmarc shares out among days: longer than one day. More
// than maxDays are left whole, so that a report of three lines cannot become
// millions of rows.
const (
	oneDay  = 24 * time.Hour
	maxDays = 31
)

// stretch is a part of a report's period, and the messages that fall to it.
type stretch struct {
	begin, end time.Time
	count      int64
}

// spansDays tells whether the records of a report are shared out among days.
func spansDays(a *reports.Aggregate) bool {
	return longerThanDay(a) && a.End.Sub(a.Begin) <= maxDays*oneDay
}

func longerThanDay(a *reports.Aggregate) bool {
	return !a.Begin.IsZero() && a.End.Sub(a.Begin) > oneDay
}

// appendDays shares count out among the UTC days of a period, by how much of it
// lies in each: whole messages by the largest remainder, of equal ones to the
// earlier day. The counts add up to count; a day without any is left out.
func appendDays(list []stretch, begin, end time.Time, count int64) []stretch {
	begin, end = begin.UTC().Truncate(time.Second), end.UTC().Truncate(time.Second)
	whole := uint64(end.Sub(begin) / time.Second)
	if count <= 0 || whole == 0 {
		return append(list, stretch{begin, end, count})
	}
	var days []stretch
	var remainders []uint64
	left := count
	for at := begin; at.Before(end); {
		next := at.Truncate(oneDay).Add(oneDay)
		if next.After(end) {
			next = end
		}
		high, low := bits.Mul64(uint64(count), uint64(next.Sub(at)/time.Second))
		share, remainder := bits.Div64(high, low, whole)
		days = append(days, stretch{at, next, int64(share)})
		remainders = append(remainders, remainder)
		left -= int64(share)
		at = next
	}
	for ; left > 0; left-- {
		most := 0
		for i, r := range remainders {
			if r > remainders[most] {
				most = i
			}
		}
		days[most].count++
		remainders[most] = 0
	}
	for _, d := range days {
		if d.count > 0 {
			list = append(list, d)
		}
	}
	return list
}

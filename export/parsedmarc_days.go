package export

import (
	"math/bits"
	"slices"
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
// lies in each. The counts add up to count; a day without any is left out.
func appendDays(list []stretch, begin, end time.Time, count int64) []stretch {
	begin, end = begin.UTC().Truncate(time.Second), end.UTC().Truncate(time.Second)
	if count <= 0 || !begin.Before(end) {
		return append(list, stretch{begin, end, count})
	}
	first := len(list)
	for at := begin; at.Before(end); {
		next := at.Truncate(oneDay).Add(oneDay)
		if next.After(end) {
			next = end
		}
		list = append(list, stretch{begin: at, end: next})
		at = next
	}
	share(list[first:], end.Sub(begin), count)
	return append(list[:first], slices.DeleteFunc(list[first:], func(d stretch) bool { return d.count == 0 })...)
}

// share gives each day its part of count, in whole messages by the largest
// remainder; of equal ones to the earlier day. The days make up the whole time.
func share(days []stretch, whole time.Duration, count int64) {
	remainders := make([]uint64, len(days))
	left := count
	for i, d := range days {
		high, low := bits.Mul64(uint64(count), uint64(d.end.Sub(d.begin)/time.Second))
		part, remainder := bits.Div64(high, low, uint64(whole/time.Second))
		days[i].count, remainders[i] = int64(part), remainder
		left -= int64(part)
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
}

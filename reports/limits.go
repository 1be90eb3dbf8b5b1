package reports

// Limits bounds what one message may make us do. A zero field means the default.
// Passing a bound is an error that names it; nothing is ever cut silently.
type Limits struct {
	// Unpacked is the sum of all bytes that decompression yields in one message
	// (reliability: zip and gzip bombs). Default 128 MiB.
	Unpacked int64
	// Records is the most records one message may hold. Default 1,000,000.
	Records int
}

// The defaults of Limits. The largest honest documents seen are some 60 MB with
// a million records.
const (
	defaultUnpacked = 128 << 20
	defaultRecords  = 1_000_000
)

func (l Limits) withDefaults() Limits {
	if l.Unpacked == 0 {
		l.Unpacked = defaultUnpacked
	}
	if l.Records == 0 {
		l.Records = defaultRecords
	}
	return l
}

// maxOpened is the most members of archives that are opened in one message.
// Reporting organizations send one; some mails bundle a handful.
const maxOpened = 100

package reports

import "fmt"

// Limits bounds what one message may make us do. A zero field means the default.
// Passing a bound is an error that names it; nothing is ever cut silently.
type Limits struct {
	// Unpacked is the sum of all bytes that decompression yields in one message
	// (reliability: zip and gzip bombs). Default 128 MiB.
	Unpacked int64
	// Records is the most records one message may hold. Default 250,000: one
	// takes some 300 bytes once read, and the largest honest report known of has
	// 150,000.
	Records int
	// Memory is the most bytes that all reports of one message may take once they
	// are read. Default 64 MiB; 150,000 records take 48 MiB.
	Memory int64
	// Reserve is asked for each piece of that memory before it is taken, in steps of
	// some 16 KiB; nil grants everything. After an error nothing more of the message
	// is read, and Found.Denied says so.
	Reserve func(bytes int64) error
}

const (
	defaultUnpacked = 128 << 20
	defaultRecords  = 250_000
	defaultMemory   = 64 << 20

	memoryStep = 16 << 10 // what Reserve is asked for at once
)

// The bounds of archives. Reporting organizations send one archive with one
// member; some mails bundle a handful.
const (
	maxNesting    = 3        // archive in archive in archive: a .gz.gz in a .zip has been seen
	maxOpened     = 100      // members opened in one message
	maxZipEntries = 1000     // a longer directory costs memory before a member is opened
	maxArchive    = 64 << 20 // bytes of a zip, which must be held whole to be read
	maxMembers    = 100      // of one gzip stream; a million empty ones fit into a mail
	maxPlace      = 255      // bytes of a member's name in Report.Part
)

// The bounds of an XML document. They are what keeps a few kilobytes from
// becoming gigabytes (RFC 9990 §8.1: XML bombs). Honest reports stay below a
// tenth of each.
const (
	maxToken      = 64 << 10  // bytes of one tag, comment or stretch of text
	maxXMLDepth   = 32        // nested elements; the schema has 6
	maxAttributes = 32        // of one element
	maxNamespaces = 64        // declared at one place; each name is looked up among them
	maxMarkup     = 4_000_000 // start tags, attributes, comments and the like in one message; 150,000 records have 3 million
	maxExtension  = 64 << 10  // bytes of one extension element that is kept
	maxExtensions = 1 << 20   // bytes of all of them in one document
	maxErrors     = 1000      // error elements in report_metadata
	maxResults    = 1000      // DKIM or SPF results, or reasons, in one record; RFC 9990 §3.1.3 has 100
)

// The bounds of a TLS report.
const (
	maxTLSBytes    = 8 << 20 // unpacked; a day of a large organization has some 100 KB
	maxTLSPolicies = 10_000
	maxTLSDetails  = 50_000 // failure-details in all policies together
	maxTLSStrings  = 1000   // items of one policy-string or mx-host
)

func (l Limits) withDefaults() Limits {
	if l.Unpacked == 0 {
		l.Unpacked = defaultUnpacked
	}
	if l.Records == 0 {
		l.Records = defaultRecords
	}
	if l.Memory == 0 {
		l.Memory = defaultMemory
	}
	return l
}

// limitError says which bound was passed. It makes an Unreadable of CodeLimit.
type limitError string

func (e limitError) Error() string { return string(e) }

func exceeds(what string, bound int64, unit string) error {
	return limitError(fmt.Sprintf("%s exceeds the bound of %d %s", what, bound, unit))
}

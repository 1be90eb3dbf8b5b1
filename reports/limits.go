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

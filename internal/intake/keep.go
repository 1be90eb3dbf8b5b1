package intake

import (
	"bytes"

	"reportmx/reports"
)

// Keep says how much of the failed message in a failure report is kept: it is
// somebody's mail (RFC 9991 §7).
type Keep string

// The values of failure.keep.
const (
	KeepNone    Keep = "none"
	KeepHeaders Keep = "headers"
	KeepFull    Keep = "full"
)

// apply removes from a failure report what is not to be kept.
func (k Keep) apply(f *reports.Failure) {
	if k == KeepFull {
		return
	}
	f.DKIMCanonicalizedBody = ""
	if k == KeepNone {
		f.DKIMCanonicalizedHeader = ""
		f.Sample = reports.Sample{ContentType: f.Sample.ContentType, HeadersOnly: f.Sample.HeadersOnly}
		return
	}
	f.Sample.Raw = headerOf(f.Sample.Raw)
}

// headerOf cuts a message after its header, whatever its line ends.
func headerOf(raw []byte) []byte {
	end := len(raw)
	for _, blank := range []string{"\r\n\r\n", "\n\n", "\r\r"} {
		if i := bytes.Index(raw[:end], []byte(blank)); i >= 0 {
			end = i + len(blank)/2
		}
	}
	return raw[:end]
}

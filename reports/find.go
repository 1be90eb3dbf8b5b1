package reports

// Found is what a message holds.
type Found struct {
	Reports    []Report
	Unreadable []Unreadable
	// OtherFeedback are the feedback types of ARF parts that are no failure
	// reports of DMARC: abuse, opt-out, ….
	OtherFeedback []string
}

// Unreadable is a part that looks like a report and could not be read, or one
// that people have to look at. The message belongs in the hold.
type Unreadable struct {
	Kind   string // a Kind, or "" when the part did not get as far as to tell
	Code   string // from the closed set in unreadable.go: what is wrong, for metrics
	Part   string // as in Report
	Reason string // one sentence: what is wrong and where, naming the bound if one was passed
}

package reports

import (
	"fmt"
	"strings"
)

// The codes of Warning.Code for archives, XML and JSON; those of failure reports
// stand in warnings_failure.go. The set is closed, so that it may be a label of a
// metric.
const (
	WarnCharset      = "charset"       // the declared character set is unknown or contradicts the bytes
	WarnInvalidUTF8  = "invalid_utf8"  // bytes that are no UTF-8 became U+FFFD
	WarnDoctype      = "doctype"       // a DOCTYPE was passed over
	WarnBeforeRoot   = "before_root"   // text or an element stands around or before the report
	WarnTrailing     = "trailing"      // something follows the end of the document
	WarnArchiveTail  = "archive_tail"  // the archive is damaged or cut behind the complete document
	WarnMarkup       = "markup"        // a raw "<" or "&" was read as text
	WarnStrayText    = "stray_text"    // text between elements was passed over
	WarnUnknown      = "unknown"       // an element that the schema does not know
	WarnExtension    = "extension"     // an extension too long to be kept
	WarnDraft        = "draft"         // a spelling of an early draft
	WarnRepeated     = "repeated"      // given more than once; the first counts
	WarnMissing      = "missing"       // required, and absent or empty
	WarnUnknownWord  = "unknown_word"  // a word outside of the enumeration, kept
	WarnWordCase     = "word_case"     // an enumerated word in another case
	WarnNumber       = "number"        // a number that cannot be read, or that is spelled oddly
	WarnTime         = "time"          // a time that cannot be read, or that is spelled oddly
	WarnIP           = "ip"            // an IP address that cannot be read, or that is spelled oddly
	WarnType         = "type"          // a JSON value of another type than RFC 8460 §4.4 gives it
	WarnMoreWarnings = "more_warnings" // there were more warnings than are kept
)

// maxWarnings is the most warnings that are kept of one document. A report that
// is odd is mostly odd in the same way in each record.
const maxWarnings = 100

// warnings collects the warnings of one document.
type warnings struct {
	list []Warning
	more int // those past maxWarnings
}

func (w *warnings) add(code, where, text string) {
	if w.full() {
		w.more++
		return
	}
	w.list = append(w.list, Warning{Code: code, Where: where, Text: excerpt(text)})
}

// full tells whether another warning would only be counted.
func (w *warnings) full() bool { return len(w.list) == maxWarnings }

// all returns the warnings; past maxWarnings it ends with one that counts the rest.
func (w *warnings) all() []Warning {
	if w.more == 0 {
		return w.list
	}
	return append(w.list, Warning{Code: WarnMoreWarnings, Text: fmt.Sprintf("%d more", w.more)})
}

// excerpt cuts a stranger's text to what a warning or a reason shows of it.
func excerpt(text string) string {
	return shorten(validText(strings.TrimSpace(text)), maxWarningText)
}

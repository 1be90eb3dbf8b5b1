package reports

import (
	"bytes"
	"strings"
)

// readSample reads the third part of a failure report from its decoded bytes:
// the failed message, or its header (RFC 6522 §3, §4).
func readSample(r *Report, e *entity, raw []byte) error {
	headersOnly := strings.Contains(e.contentType.value, "header")
	head, body, interrupted, err := readSampleHeader(trimBlankLines(raw), headersOnly)
	if err != nil {
		return err
	}
	if interrupted {
		r.warn(WarnBlankLine, "sample", "")
	}
	r.Failure.Sample = Sample{
		ContentType: e.contentType.value,
		HeadersOnly: headersOnly || len(bytes.TrimSpace(body)) == 0,
		From:        decodeWords(head.Get("From")),
		To:          decodeWords(head.Get("To")),
		Subject:     decodeWords(head.Get("Subject")),
		MessageID:   head.Get("Message-Id"),
		Date:        head.Get("Date"),
		Interrupted: interrupted,
		Raw:         bytes.Clone(raw),
	}
	return nil
}

// readSampleHeader reads the header of a sample. Some reporters leave a blank
// line inside of it: what follows is read as header all the same, if the part is
// all header, or if it is all fields and brings one that was missing.
func readSampleHeader(raw []byte, headersOnly bool) (h header, body []byte, interrupted bool, err error) {
	if headersOnly {
		h, interrupted, err = readAllFields(raw)
		return h, nil, interrupted, err
	}
	h, body, err = readHeader(raw)
	for err == nil {
		more, rest, ok := continuesHeader(&h, trimBlankLines(body))
		if !ok {
			break
		}
		interrupted, body = true, rest
		h, err = joinHeaders([]header{h, more})
	}
	return h, body, interrupted, err
}

// essential are the fields that nearly every message has (RFC 5322 §3.6); a
// header without one of them may go on behind a blank line.
var essential = []string{"From", "To", "Date", "Subject", "Message-Id"}

// continuesHeader tells whether text behind a header is more of it, and reads it.
func continuesHeader(h *header, text []byte) (more header, rest []byte, ok bool) {
	if line, _ := cutLine(text); !isField(line) {
		return header{}, nil, false
	}
	more, rest, err := readHeader(text)
	if err != nil || more.recovered {
		return header{}, nil, false
	}
	for _, name := range essential {
		if !h.Has(name) && more.Has(name) {
			return more, rest, true
		}
	}
	return header{}, nil, false
}

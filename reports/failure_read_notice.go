package reports

import (
	"fmt"
	"io"
	"strings"
)

// noticeBytes is how much of a text is looked at for a notice, which begins with
// what it has to say.
const noticeBytes = 64 << 10

// text is a part that could be a notice.
type text struct {
	body     []byte // as sent
	encoding string // as transferEncoding tells it
	part     string // as in Report
}

// firstNotice returns the first of the texts that is a notice, or nil.
func firstNotice(texts []text) *Unreadable {
	for _, t := range texts {
		if u := readNotice(newTransferReader(t.body, t.encoding), min(len(t.body), noticeBytes), t.part); u != nil {
			return u
		}
	}
	return nil
}

// readNotice looks whether a text is about a DMARC failure although no program
// can read it: the notice of Exim and of gateways made with it, or an error
// report (RFC 7489 §7.2.2). It returns nil if it is neither. People have to look
// at both. size is how much of it to look at.
func readNotice(r io.Reader, size int, part string) *Unreadable {
	start := make([]byte, size)
	n, _ := io.ReadFull(r, start) // decoded, the text is shorter
	text := strings.ToLower(strings.ToValidUTF8(string(start[:n]), ""))
	if u := readErrorReport(text, part); u != nil {
		return u
	}
	words := strings.Join(strings.Fields(text), " ")
	isNotice := strings.Contains(words, "failed the published dmarc policy") ||
		strings.Contains(words, "dmarc") && strings.Contains(words, "sender domain:") &&
			strings.Contains(words, "sender ip address:")
	if !isNotice {
		return nil
	}
	return &Unreadable{
		Kind: string(KindFailure),
		Code: CodeFailureNotice,
		Part: part,
		Reason: fmt.Sprintf("the text says that a message from %s, sent by %s, failed DMARC; a part that programs read is missing",
			orUnknown(lineValue(text, "sender domain")), orUnknown(lineValue(text, "sender ip address"))),
	}
}

// readErrorReport recognises an error report by the fields that RFC 7489 §7.2.2
// demands: a reporting organization could not deliver a report to us.
func readErrorReport(text, part string) *Unreadable {
	domain, id := lineValue(text, "report-domain"), lineValue(text, "report-id")
	if domain == "" || id == "" || lineValue(text, "submitter") == "" && lineValue(text, "submitting-uri") == "" {
		return nil
	}
	return &Unreadable{
		Kind: string(KindAggregate),
		Code: CodeErrorReport,
		Part: part,
		Reason: fmt.Sprintf("error report: %s could not deliver report %s about %s (size %s) to %s",
			orUnknown(lineValue(text, "submitter")), id, domain,
			orUnknown(lineValue(text, "report-size")), orUnknown(lineValue(text, "submitting-uri"))),
	}
}

// lineValue returns what stands behind "name:" at the start of a line of text,
// or "". The text and the name are in lower case.
func lineValue(text, name string) string {
	for rest := text; ; {
		_, behind, found := strings.Cut(rest, name+":")
		if !found {
			return ""
		}
		before := strings.TrimRight(rest[:len(rest)-len(behind)-len(name)-1], " \t")
		if before == "" || strings.HasSuffix(before, "\n") || strings.HasSuffix(before, "\r") {
			end := strings.IndexAny(behind+"\n", "\r\n")
			return shorten(strings.TrimSpace(behind[:end]), maxLabel)
		}
		rest = behind
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "(not told)"
	}
	return s
}

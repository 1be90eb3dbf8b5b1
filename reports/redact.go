package reports

import (
	"bytes"
	"regexp"
	"strings"
)

// Redact replaces the local parts of the addresses in a failure report by what
// token makes of them (RFC 6590 §2 to §4); it changes no report of another kind.
// Token gets a local part in lower case, without quotes; the same one gives the same
// token, so that what concerns one mailbox can still be seen to belong together.
//
// It goes through everything in the report that a stranger wrote: the fields of the
// feedback part, the sample's header with its encoded words, and its body as text;
// warnings, too. A word before an "@" that is followed by a domain is a local part, and
// so is what stands before "%40", "=40" and "&#64;". Too much is replaced rather than
// too little.
//
// Deliberately these stay: names beside addresses, Message-ID and the fields that
// point to one, which name mails and no mailboxes, local parts without a domain in
// running text, and parts of a body that are base64.
//
// ContentHash, FeedbackType, PolicyDomain and alignment are those of the report as it was sent.
func (r *Report) Redact(token func(local string) string) {
	if r.Kind != KindFailure {
		return
	}
	d := redactor{token: token}
	d.failure(r.Failure)
	r.Part = d.text(r.Part)
	for i := range r.Warnings {
		w := &r.Warnings[i]
		w.Where, w.Text = d.text(w.Where), d.address(w.Text)
	}
}

// RedactText replaces the local parts of addresses in running text.
func RedactText(text string, token func(local string) string) string {
	return redactor{token: token}.text(text)
}

type redactor struct {
	token func(local string) string
}

func (d redactor) failure(f *Failure) {
	for _, address := range []*string{&f.OriginalMailFrom, &f.DKIMIdentity} {
		*address = d.mailbox(*address)
	}
	for i := range f.OriginalRcptTo {
		f.OriginalRcptTo[i] = d.mailbox(f.OriginalRcptTo[i])
	}
	for _, text := range []*string{
		&f.UserAgent, &f.Version, &f.AuthFailure, &f.DeliveryResult, &f.OriginalEnvelopeID, &f.ArrivalDateText, &f.ReportingMTA, &f.SourceIPText,
		&f.DKIMDomain, &f.DKIMSelector, &f.DKIMSelectorDNS, &f.DKIMADSPDNS, &f.Sample.ContentType, &f.Sample.From, &f.Sample.To, &f.Sample.Subject, &f.Sample.Date,
	} {
		*text = d.address(*text)
	}
	for _, list := range [][]string{f.AuthenticationResults, f.ReportedDomains, f.ReportedURIs, f.IdentityAlignment, f.SPFDNS} {
		for i := range list {
			list[i] = d.text(list[i])
		}
	}
	for i := range f.OtherFields {
		field := &f.OtherFields[i]
		if !namesMail(field.Name) {
			field.Value = d.field(field.Name, field.Value)
		}
		field.Name = d.text(field.Name)
	}
	f.DKIMCanonicalizedHeader = string(d.header([]byte(f.DKIMCanonicalizedHeader)))
	f.DKIMCanonicalizedBody = string(d.body([]byte(f.DKIMCanonicalizedBody)))
	f.Sample.Raw = d.sample(f.Sample.Raw, f.Sample.HeadersOnly)
}

// sample goes through a failed message. One that is all header may have blank lines
// inside of it.
func (d redactor) sample(raw []byte, headersOnly bool) []byte {
	if len(raw) == 0 {
		return raw
	}
	end := len(raw)
	for rest := trimBlankLines(raw); !headersOnly && len(rest) > 0; {
		line, after := cutLine(rest)
		if len(line) == 0 {
			end = len(raw) - len(rest)
			break
		}
		rest = after
	}
	return append(d.header(raw[:end]), d.body(raw[end:])...)
}

// header goes through a header block, field by field with the lines that continue it.
func (d redactor) header(block []byte) []byte {
	var out []byte
	for len(block) > 0 {
		field, rest := cutField(block)
		content := bytes.TrimRight(field, "\r\n")
		name, value, _ := strings.Cut(string(content), ":")
		switch {
		case !isField(content):
			out = append(out, d.line(string(content))...)
		case namesMail(name):
			out = append(out, content...)
		default:
			out = append(append(append(out, d.text(name)...), ':'), d.field(name, value)...)
		}
		out = append(out, field[len(content):]...)
		block = rest
	}
	return out
}

// cutField cuts a field from a header block, with its line ends.
func cutField(block []byte) (field, rest []byte) {
	_, rest = cutLine(block)
	for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		_, rest = cutLine(rest)
	}
	return block[:len(block)-len(rest)], rest
}

// maxJoined is about the most of a text that body takes for one line.
const maxJoined = 64 << 10

// body goes through a text line by line. Lines that quoted-printable broke are one; that
// they stay when there is an address in it.
func (d redactor) body(text []byte) []byte {
	var out, joined []byte
	for len(text) > 0 {
		line, rest := cutLine(text)
		end := len(line)
		joined = append(joined[:0], line...)
		for n := softBreak(line); n > 0 && len(rest) > 0 && len(joined) < maxJoined; n = softBreak(line) {
			end = len(text) - len(rest)
			line, rest = cutLine(rest)
			end += len(line)
			joined = append(joined[:len(joined)-n], line...)
		}
		if redacted := d.line(string(joined)); redacted != string(joined) {
			out = append(out, redacted...)
		} else {
			out = append(out, text[:end]...)
		}
		out = append(out, text[end:len(text)-len(rest)]...)
		text = rest
	}
	return out
}

// softBreak is the length of what stands at the end of a line that goes on in the next
// one (RFC 2045 §6.7), 0 without it. A line with "==" or "=?" is not quoted-printable.
func softBreak(line []byte) int {
	text := bytes.TrimRight(line, " \t")
	if !bytes.HasSuffix(text, []byte("=")) || bytes.HasSuffix(text, []byte("==")) || bytes.Contains(text, []byte("=?")) {
		return 0
	}
	return len(line) - len(text) + 1
}

// namesMail tells whether a field holds ids of mails, which look like addresses.
func namesMail(field string) bool {
	switch strings.ToLower(strings.TrimSpace(field)) {
	case "message-id", "resent-message-id", "in-reply-to", "references", "content-id":
		return true
	}
	return false
}

// field goes through the value of a header field.
func (d redactor) field(name, value string) string {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "return-path", "delivered-to", "x-delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-envelope-from",
		"x-rcpt-to", "x-mailfrom", "errors-to":
		if isBareMailbox(value) {
			return d.mailbox(value)
		}
	}
	return d.address(d.words(value))
}

func (d redactor) line(s string) string { return d.text(d.words(s)) }

// An encoded word (RFC 2047 §2).
var encodedWord = regexp.MustCompile(`=\?[^?\s]*\?[^?\s]*\?[^?]*\?=`)

// notKept stands for an encoded word that may hold an address and cannot be read.
const notKept = "(not kept)"

// words decodes the encoded words of a text if there is an address in what they make
// of it. Decoded it stays, on one line: a header may be UTF-8 (RFC 6532 §3.2).
func (d redactor) words(text string) string {
	if !strings.Contains(text, "=?") {
		return text
	}
	plain := strings.NewReplacer("\r", "", "\n", " ").Replace(decodeWords(text))
	readable := encodedWord.ReplaceAllString(plain, notKept)
	if readable == plain && d.address(plain) == plain {
		return text
	}
	return readable
}

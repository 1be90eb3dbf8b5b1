package hostile

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// family is one way to be hostile.
type family struct {
	name string
	want string // what the server must say to the form at its worst: a part of its reply
	make func(*maker) []byte
}

// What the server says, by what the worst form of a family deserves.
const (
	stored  = "250 2.0.0 report stored"
	kept    = "250 2.0.0 kept for inspection"
	refused = "554 5.6.0 no DMARC report in this message"
	foreign = "554 5.6.0 not an authentication failure report"
)

// maker makes one input. What it makes is the same for the same seed.
type maker struct {
	*rand.Rand
	worst    bool   // as large as the family gets
	first    bool   // of several ways the first
	layer    int    // where this input is changed, 0 for nowhere
	mailFrom string // the reverse path
}

// The layers that a mutant is changed in.
const (
	inDocument = iota + 1
	inArchive
	inMail
)

func newMaker(seed, number uint64) *maker {
	return &maker{Rand: rand.New(rand.NewPCG(seed, number))}
}

// many is how often something stands: most in the worst form; else anything up to
// usual, small numbers as likely as large ones.
func (m *maker) many(usual, most int) int {
	if m.worst {
		return most
	}
	return int(math.Exp(m.Float64() * math.Log(float64(usual)+1)))
}

// pick is one of them.
func (m *maker) pick(list ...string) string {
	if m.first {
		return list[0]
	}
	return list[m.IntN(len(list))]
}

// word is a word that no other input has.
func (m *maker) word() string { return fmt.Sprintf("%016x", m.Uint64()) }

// noise is so many bytes of anything.
func (m *maker) noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}

// times repeats what a function makes.
func times(n int, make func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(make(i))
	}
	return b.String()
}

// fields is the header of an honest mail, but for its MIME fields.
func (m *maker) fields() string {
	return fmt.Sprintf("From: reports@receiver.example\r\nTo: dmarc@reports.example.net\r\n"+
		"Subject: Report Domain: example.com Submitter: receiver.example Report-ID: <%s>\r\n"+
		"Message-ID: <%[1]s@receiver.example>\r\nDate: Fri, 02 Jan 2026 00:30:00 +0000\r\nMIME-Version: 1.0\r\n", m.word())
}

// attached is the fields of a part, or of a mail that is nothing else, that holds an
// archive.
func attached(kind, name string) string {
	return "Content-Type: " + kind + "\r\nContent-Transfer-Encoding: base64\r\n" +
		"Content-Disposition: attachment; filename=\"" + name + "\"\r\n"
}

const (
	reportName = "receiver.example!example.com!1767225600!1767311999.xml"
	gzipPart   = "application/gzip"
	zipPart    = "application/zip"
)

// part is an archive as the part of a mail.
func (m *maker) part(kind, name string, archive []byte) string {
	return attached(kind, name) + "\r\n" + inBase64(m.touch(inArchive, archive))
}

// mail is a mail of fields and one part.
func (m *maker) mail(part string) []byte {
	return m.touch(inMail, []byte(m.fields()+part))
}

// letter is a mail that is nothing but an archive.
func (m *maker) letter(kind, name string, archive []byte) []byte {
	return m.mail(m.part(kind, name, archive))
}

// multi is a mail of parts.
func (m *maker) multi(parts ...string) []byte { return m.mail(multipart("mixed", "=_part", parts...)) }

// multipart is a multipart entity with its fields.
func multipart(kind, boundary string, parts ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Content-Type: multipart/%s; boundary=%q\r\n\r\n", kind, boundary)
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n" + p + "\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return b.String()
}

// inBase64 encodes in lines of 76.
func inBase64(data []byte) string {
	text := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	b.Grow(len(text) + len(text)/38 + 4)
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
	return b.String()
}

// xml is a mail with a document as it is.
func (m *maker) xml(document string) []byte {
	return m.mail("Content-Type: text/xml\r\n\r\n" + string(m.touch(inDocument, []byte(document))) + "\r\n")
}

// gz is a mail with a document in a gzip.
func (m *maker) gz(document string) []byte {
	return m.letter(gzipPart, reportName+".gz", gzipped(m.touch(inDocument, []byte(document))))
}

// filled is as gz, of a head, a filler so many times and a tail. Only the small ones
// are changed in their documents.
func (m *maker) filled(head, filler string, n int, tail string) []byte {
	if len(filler)*n < 1<<16 {
		return m.gz(head + strings.Repeat(filler, n) + tail)
	}
	return m.letter(gzipPart, reportName+".gz", bomb(head, filler, n, tail))
}

// touch changes bytes of a mutant, if this is the layer to do it in.
func (m *maker) touch(layer int, b []byte) []byte {
	if layer != m.layer {
		return b
	}
	for range 1 + m.IntN(6) {
		b = m.mutate(layer, b)
	}
	return b
}

// aggregate is an aggregate report in its parts.
type aggregate struct {
	prolog, root, org, email, id, begin, end, meta, domain, policy, records, tail string
}

// aggregate is an honest report of one record.
func (m *maker) aggregate() aggregate {
	return aggregate{
		prolog: `<?xml version="1.0" encoding="UTF-8"?>`, root: "<feedback>", org: "receiver.example", email: "reports@receiver.example",
		id: m.word(), begin: "1767225600", end: "1767311999", domain: "example.com", records: honestRecord, tail: "</feedback>",
	}
}

const honestRecord = `<record><row><source_ip>192.0.2.1</source_ip><count>1</count><policy_evaluated><disposition>none</disposition>` +
	`<dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.com</header_from></identifiers>` +
	`<auth_results><dkim><domain>example.com</domain><selector>s</selector><result>pass</result></dkim>` +
	`<spf><domain>example.org</domain><result>fail</result></spf></auth_results></record>`

// head is everything before the records.
func (a aggregate) head() string {
	return a.prolog + a.root + "<report_metadata><org_name>" + a.org + "</org_name><email>" + a.email + "</email>" + a.meta +
		"<report_id>" + a.id + "</report_id><date_range><begin>" + a.begin + "</begin><end>" + a.end + "</end></date_range></report_metadata>" +
		"<policy_published><domain>" + a.domain + "</domain><adkim>r</adkim><p>reject</p>" + a.policy + "</policy_published>"
}

func (a aggregate) String() string { return a.head() + a.records + a.tail }

// oneRecord is a record with a word in each of its texts.
func oneRecord(text string) string {
	return strings.NewReplacer("receiver.example", text, "example.com", text, "example.org", text, ">s<", ">"+text+"<", "pass", text,
		"none", text, "fail", text).Replace(honestRecord)
}

// escaped is text for XML.
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace

// join joins bytes.
func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

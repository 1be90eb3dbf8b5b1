package export

import (
	"fmt"
	"net/mail"
	"strings"

	"reportmx/reports"
)

// parsedSample writes what is known of the failed message: five fields of its
// header. The other members are there and empty.
func (e *parsedmarcJSON) parsedSample(s *reports.Sample) {
	j := &e.json
	j.object("parsed_sample")
	j.object("headers")
	j.some("From", s.From)
	j.some("To", s.To)
	j.some("Subject", s.Subject)
	j.some("Message-ID", s.MessageID)
	j.some("Date", s.Date)
	j.shut('}')
	j.known("subject", s.Subject)
	j.text("filename_safe_subject", fileNameSafe(s.Subject))
	e.sampleDate(s.Date)
	j.key("from")
	if from := mailAddresses(s.From); len(from) > 0 {
		e.mailAddress(from[0])
	} else {
		j.b = append(j.b, "null"...)
	}
	to := mailAddresses(s.To)
	e.mailAddresses("to", to)
	j.texts("to_domains", domainsOf(to))
	for _, name := range []string{"cc", "bcc", "reply_to", "attachments"} {
		j.texts(name, nil)
	}
	j.null("body")
	j.flag("has_defects", false)
	j.texts("received", nil)
	j.shut('}')
}

func (e *parsedmarcJSON) sampleDate(date string) {
	j := &e.json
	t, err := mail.ParseDate(date)
	if err != nil {
		j.null("date")
		j.null("timezone")
		return
	}
	j.moment("date", t, parsedmarcTime)
	_, offset := t.Zone()
	j.text("timezone", fmt.Sprintf("%+.1f", float64(offset)/3600))
}

func (e *parsedmarcJSON) mailAddresses(name string, list []mail.Address) {
	j := &e.json
	j.array(name)
	for _, a := range list {
		j.next()
		e.mailAddress(a)
	}
	j.shut(']')
}

func (e *parsedmarcJSON) mailAddress(a mail.Address) {
	j := &e.json
	j.open('{')
	j.known("display_name", a.Name)
	j.text("address", a.Address)
	local, domain := splitAddress(a.Address)
	j.known("local", strings.ToLower(local))
	j.known("domain", strings.ToLower(domain))
	j.shut('}')
}

// mailAddresses reads a field of addresses. One that cannot be read is one
// address as it stands.
func mailAddresses(field string) []mail.Address {
	if field == "" {
		return nil
	}
	list, err := mail.ParseAddressList(field)
	if err != nil {
		return []mail.Address{{Address: field}}
	}
	addresses := make([]mail.Address, len(list))
	for i, a := range list {
		addresses[i] = *a
	}
	return addresses
}

// splitAddress gives local part and domain, both empty without an "@".
func splitAddress(address string) (local, domain string) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", ""
	}
	return address[:at], address[at+1:]
}

// domainsOf are the domains of addresses, each once.
func domainsOf(list []mail.Address) []string {
	var domains []string
	seen := make(map[string]bool)
	for _, a := range list {
		_, domain := splitAddress(a.Address)
		if domain = strings.ToLower(domain); domain != "" && !seen[domain] {
			seen[domain] = true
			domains = append(domains, domain)
		}
	}
	return domains
}

// fileNameSafe takes away what file names may not hold.
func fileNameSafe(subject string) string {
	safe := strings.Map(func(r rune) rune {
		if strings.ContainsRune("\\/:\"*?|\n\r", r) {
			return -1
		}
		return r
	}, or(subject, "None"))
	return strings.TrimRight(safe, ".")
}

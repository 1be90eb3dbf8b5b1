package hostile

import (
	"fmt"
	"strings"
)

// aggregateFamilies are documents of right form that say what nobody can mean, or too
// much of it (RFC 9990 §3.1).
var aggregateFamilies = []family{
	{"records without end", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head(), honestRecord, m.many(2000, 300_000), "</feedback>")
	}},
	{"empty records", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head(), "<record/>", m.many(20_000, 10_000_000), "</feedback>")
	}},
	{"as many records as fit", stored, func(m *maker) []byte {
		return m.filled(m.aggregate().head(), honestRecord, m.many(2000, size(30_000, 150_000)), "</feedback>")
	}},
	{"records of long texts", kept, func(m *maker) []byte {
		record := strings.ReplaceAll(honestRecord, "example.com", strings.Repeat("a", 60_000))
		return m.filled(m.aggregate().head(), record, m.many(50, 1000), "</feedback>")
	}},
	{"results without end", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head()+"<record><auth_results>", "<dkim><domain>a</domain></dkim>", m.many(1200, 2_000_000), "</auth_results></record></feedback>")
	}},
	{"results in every record", kept, func(m *maker) []byte {
		record := "<record><auth_results>" + strings.Repeat("<dkim/><spf/>", 900) + "</auth_results></record>"
		return m.filled(m.aggregate().head(), record, m.many(20, 8000), "</feedback>")
	}},
	{"results in every part", stored, func(m *maker) []byte {
		record := "<record><auth_results>" + strings.Repeat("<dkim/><spf/>", 900) + "</auth_results></record>"
		parts := make([]string, m.many(5, 20))
		for i := range parts {
			parts[i] = m.part(gzipPart, reportName+".gz", bomb(m.aggregate().head(), record, m.many(20, 500), "</feedback>"))
		}
		return m.multi(parts...)
	}},
	{"records in every part", stored, func(m *maker) []byte {
		parts := make([]string, m.many(5, 40))
		for i := range parts {
			parts[i] = m.part(gzipPart, reportName+".gz", bomb(m.aggregate().head(), "<record/>", m.many(500, size(1000, 6000)), "</feedback>"))
		}
		return m.multi(parts...)
	}},
	{"reasons without end", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head()+"<record><row><policy_evaluated>", "<reason><type>other</type><comment>a</comment></reason>", m.many(1200, 1_000_000), "")
	}},
	{"errors without end", kept, func(m *maker) []byte {
		return m.filled("<feedback><report_metadata>", "<error>a</error>", m.many(1200, 3_000_000), "")
	}},
	{"extensions without end", stored, func(m *maker) []byte {
		return m.filled(m.aggregate().head(), "<x:extension xmlns:x='urn:x'><y a='b'>c</y></x:extension>", m.many(1000, 100_000), honestRecord+"</feedback>")
	}},
	{"a large extension", stored, func(m *maker) []byte {
		return m.filled(m.aggregate().head()+"<extension>", "<y a='b'>c</y>", m.many(4000, 1_000_000), "</extension>"+honestRecord+"</feedback>")
	}},
	{"a long namespace in every extension", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.root = `<feedback xmlns:a="` + strings.Repeat("n", m.many(1000, 60_000)) + `">`
		return m.filled(a.head()+"<extension>", "<a:x/>", m.many(3000, 170_000), "</extension>"+honestRecord+"</feedback>")
	}},
	{"a zone in every address", stored, func(m *maker) []byte {
		zone := strings.Repeat("z", m.many(100, 60_000))
		parts := make([]string, m.many(3, 20))
		for i := range parts {
			record := fmt.Sprintf("<record><row><source_ip>fe80::%x%%%s</source_ip><count>1</count></row></record>", i+1, zone)
			parts[i] = m.part(gzipPart, reportName+".gz", bomb(m.aggregate().head(), record, m.many(20, 500), "</feedback>"))
		}
		return m.multi(parts...)
	}},
	{"unknown elements", stored, func(m *maker) []byte {
		return m.filled(m.aggregate().head(), "<what><is><this>a</this></is></what>", m.many(5000, 500_000), honestRecord+"</feedback>")
	}},
	{"texts that are all different", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.records = times(m.many(300, 20_000), func(int) string { return oneRecord(m.word()) })
		return m.gz(a.String())
	}},
	{"elements twice", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.meta = strings.Repeat("<org_name>b</org_name><email>c</email><date_range><begin>1</begin><end>2</end></date_range>", m.many(20, 500))
		a.policy = strings.Repeat("<domain>example.com</domain><p>none</p>", m.many(20, 500))
		a.records = strings.Replace(honestRecord, "<count>1</count>", strings.Repeat("<count>1</count><source_ip>192.0.2.2</source_ip>", m.many(20, 500)), 1)
		return m.gz(a.String())
	}},
	{"policies twice", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.records = strings.Repeat("<policy_published><domain>example.com</domain><p>quarantine</p></policy_published>", m.many(10, 1000)) + honestRecord
		return m.gz(a.String())
	}},
	{"counts that are none", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.records = times(m.many(20, 300), func(int) string {
			return strings.Replace(honestRecord, "<count>1<", "<count>"+m.pick("-1", "0", "0x10", "1e9", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
				"1.5", "NaN", "", " 1 ", "1,000", "٣", "１", "+1", strings.Repeat("9", 60_000))+"<", 1)
		})
		return m.gz(a.String())
	}},
	{"sums that overflow", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.records = strings.Repeat(strings.Replace(honestRecord, "<count>1<", "<count>9007199254740992<", 1), m.many(200, 5000))
		return m.gz(a.String())
	}},
	{"dates far away", stored, func(m *maker) []byte {
		a := m.aggregate()
		list := []string{"0", "-1", "253402300799", "253402300800", "9223372036854775807", "-9223372036854775808", "1e18", "2026-01-01T00:00:00Z", "1767225600.5", "1767225600000"}
		a.begin, a.end = m.pick(list...), m.pick(list...)
		if m.first {
			a.begin, a.end = "1767225600", "253402300799"
		}
		return m.gz(a.String())
	}},
	{"dates in the wrong order", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.begin, a.end = a.end, a.begin
		return m.gz(a.String())
	}},
	{"a period of 50 years", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.begin = "1"
		a.records = strings.Repeat(honestRecord, m.many(50, 2000))
		return m.gz(a.String())
	}},
	{"policy domains that are none", kept, func(m *maker) []byte {
		a := m.aggregate()
		a.domain = m.pick("", " ", ".", "@", "\x00", "..", "-")
		return m.gz(a.String())
	}},
	{"policy domains of others", "550 5.7.1", func(m *maker) []byte {
		a := m.aggregate()
		a.domain = m.pick("example.net", "xn--"+strings.Repeat("a", 50)+".example", "example.com.evil.example", "evilexample.com", "moc.elpmaxe\u202e.example",
			"ехample.com", strings.Repeat("a.", 200)+"net", "\x1b[2J.example", "a\r\n250 ok.example")
		return m.gz(a.String())
	}},
	{"subdomains of the target", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.domain = m.pick("EXAMPLE.com.", "sub.example.com", "пример.example.com", "xn--e1afmkfd.example.com", strings.Repeat("a", 63)+".example.com", "*.example.com")
		return m.gz(a.String())
	}},
	{"a long subdomain", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.domain = strings.Repeat("a.", m.many(100, 110)) + "example.com"
		return m.gz(a.String())
	}},
	{"addresses that are none", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.records = times(m.many(20, 300), func(int) string {
			return strings.Replace(honestRecord, "192.0.2.1", m.pick("", "999.1.1.1", "::ffff:192.0.2.1", "fe80::1%eth0", "192.0.2.1/24", "2001:db8::"+strings.Repeat("0", 200), "\x1b[2J", "=1+1", "0x7f000001", "127.1", "example.com", strings.Repeat("1.", 5000)), 1)
		})
		return m.gz(a.String())
	}},
	{"words that are none", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.records = oneRecord(m.pick("maybe", strings.Repeat("p", 60_000), "PASS ", "pass\x00", "<b/>", "&lt;script&gt;"))
		return m.gz(a.String())
	}},
	{"formulas", stored, func(m *maker) []byte {
		return m.everywhere(m.pick(`=cmd|' /C calc'!A0`, "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "＝1+1", "=HYPERLINK(\"http://192.0.2.1/\")", "%0A=1", " =1", ";=1", "\",=1", "|=1", "a;=1;b|+1"))
	}},
	{"escapes of terminals", kept, func(m *maker) []byte {
		return m.everywhere(m.pick("\x1b]0;x\x07", "\u009b2J", "\x1b[2J", "\x07\b\x7f", "\x1bP$q\x1b\\", "&#x1b;[1A", "\u0085\u2028\u2029"))
	}},
	{"text in two directions", stored, func(m *maker) []byte {
		return m.everywhere(m.pick("\u202egpj.exe", "\u2066\u2067\u2068\u2069", "a\u200b\u200d\ufeff\u00ad", "\U000e0041\U000e0042", "\u061c\u200f", "Z͑ͫ̓ͪ̂ͫ"))
	}},
	{"markup", stored, func(m *maker) []byte {
		return m.everywhere(escaped(m.pick("<script>alert(1)</script>", `" onerror="x`, `"},{"seq":1}]`, "{{7*7}}", "${x}", "\\u0000\\", "'; DROP TABLE reports; --", "a\nverdict=store reply=250", "a\tb\r\nc", "%s%n%x")))
	}},
	{"an id of paths", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.id = m.pick("../../x", "/etc/x", "a\x00b", "..\\x", ".", "%2e%2e/") + m.word()
		return m.gz(a.String())
	}},
	{"one id, other content", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.id, a.records = "the-same", strings.Replace(honestRecord, "<count>1<", fmt.Sprintf("<count>%d<", 1+m.IntN(1e9)), 1)
		return m.gz(a.String())
	}},
	{"long names", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.org, a.email, a.id = strings.Repeat("o", m.many(1000, 60_000)), strings.Repeat("e", m.many(1000, 60_000))+"@a", strings.Repeat("i", m.many(1000, 60_000))+m.word()
		return m.gz(a.String())
	}},
}

// everywhere is a report with a text in each place that takes one.
func (m *maker) everywhere(text string) []byte {
	a := m.aggregate()
	a.org, a.email, a.id = text+m.word(), text, text+m.word()
	a.meta = "<extra_contact_info>" + text + "</extra_contact_info><error>" + text + "</error><generator>" + text + "</generator>"
	a.policy = "<sp>" + text + "</sp><fo>" + text + "</fo><discovery_method>" + text + "</discovery_method>"
	a.records = strings.Repeat(oneRecord(text), m.many(3, 5)) + "<extension><a>" + text + "</a></extension>"
	return m.gz(a.String())
}

package hostile

import (
	"fmt"
	"strconv"
	"strings"
)

// tlsFamilies attack the reader of TLS reports (RFC 8460 §4.4).
var tlsFamilies = []family{
	{"objects in objects", stored, func(m *maker) []byte {
		return m.tls(`"x":` + strings.Repeat(`{"a":`, m.many(200, 9000)) + "1" + strings.Repeat("}", m.many(1, 9000)))
	}},
	{"lists in lists", kept, func(m *maker) []byte { return m.tls(`"x":` + strings.Repeat("[", m.many(20_000, 5_000_000))) }},
	{"numbers that are too large", stored, func(m *maker) []byte {
		return m.tls(`"x":` + m.pick("1e999999999", "-0", "99999999999999999999999999", "0.0000000001", strings.Repeat("9", m.many(1000, 2_000_000))))
	}},
	{"session counts that are none", stored, func(m *maker) []byte {
		return m.tlsWith(strings.ReplaceAll(honestPolicy, ":7", ":"+m.pick("1e400", "-1", "9223372036854775808", "1.5", `"7"`, "null", "[]", strings.Repeat("9", 5000), "0x10")))
	}},
	{"members twice", stored, func(m *maker) []byte {
		return m.tls(strings.TrimSuffix(strings.Repeat(`"organization-name":"b","report-id":"c","date-range":{"start-datetime":"2026-01-01T00:00:00Z","end-datetime":"2026-01-01T23:59:59Z"},`, m.many(100, 5000)), ",") + `,"report-id":"` + m.word() + `"`)
	}},
	{"policies without end", kept, func(m *maker) []byte {
		return m.tlsWith(strings.TrimSuffix(strings.Repeat(honestPolicy+",", m.many(2000, 12_000)), ","))
	}},
	{"empty policies without end", kept, func(m *maker) []byte {
		return m.tlsWith(strings.TrimSuffix(strings.Repeat("{},", m.many(11_000, 2_500_000)), ","))
	}},
	{"failures without end", kept, func(m *maker) []byte {
		return m.tlsWith(strings.Replace(honestPolicy, `"failure-details":[`, `"failure-details":[`+strings.Repeat(`{"result-type":"a","failed-session-count":1},`, m.many(5000, 100_000)), 1))
	}},
	{"policies in every part", stored, func(m *maker) []byte {
		parts := make([]string, m.many(5, 14))
		for i := range parts {
			parts[i] = m.part("application/tlsrpt+gzip", "a.json.gz", gzipped([]byte(m.tlsText(strings.TrimSuffix(strings.Repeat(honestPolicy+",", m.many(500, 9000)), ","), ""))))
		}
		return m.multi(parts...)
	}},
	{"a policy string without end", kept, func(m *maker) []byte {
		return m.tlsWith(strings.Replace(honestPolicy, `"policy-string":[`, `"policy-string":[`+strings.Repeat(`"mx: a",`, m.many(1100, 500_000)), 1))
	}},
	{"blanks without end", refused, func(m *maker) []byte {
		return m.letter("application/tlsrpt+gzip", "a.json.gz", bomb("{", " ", m.many(1<<20, 60<<20), "}"))
	}},
	{"a string without end", kept, func(m *maker) []byte {
		return m.tls(`"organization-name":"` + strings.Repeat("a", m.many(100_000, 20<<20)))
	}},
	{"strings of escapes", stored, func(m *maker) []byte {
		return m.tlsOf(m.pick(`\u0000`, `\ud800`, `\udfff\ud800`, `\u001b[2J`, `\u202e`, `\\\"`, `\u009b`))
	}},
	{"formulas in a TLS report", stored, func(m *maker) []byte {
		return m.tlsOf(m.pick("=1+1", "@SUM(1)", "+1", "-1", `\t=1`, "＝1", ";=1", `\n=1`, "|=1"))
	}},
	{"types that are others", kept, func(m *maker) []byte {
		return m.tls(fmt.Sprintf(`"policies":%s,"date-range":%s,"report-id":%s`, m.pick("{}", "1", "null", `""`, "[1]", "[[]]", `[{"policy":[]}]`), m.pick("[]", "1", `{"start-datetime":1}`), m.pick("1", "{}", "[]")))
	}},
	{"dates of a TLS report", stored, func(m *maker) []byte {
		at := m.pick("0000-00-00T00:00:00Z", "9999-12-31T23:59:60Z", "2026-01-01", "1767225600", "", strings.Repeat("2", 10_000), "+12026-01-01T00:00:00Z")
		return m.tls(`"date-range":{"start-datetime":"` + at + `","end-datetime":"` + at + `"}`)
	}},
	{"JSON that is cut", kept, func(m *maker) []byte {
		whole := m.tlsText(honestPolicy, "")
		return m.tlsMail(whole[:strings.Index(whole, `"policies"`)+m.IntN(200)])
	}},
	{"a list of TLS reports", refused, func(m *maker) []byte {
		one := m.tlsText(honestPolicy, "")
		return m.tlsMail("[" + strings.Repeat(one+",", m.many(10, 100)) + one + "]")
	}},
	{"garbage behind JSON", stored, func(m *maker) []byte {
		return m.tlsMail(m.tlsText(honestPolicy, "") + string(m.noise(m.many(1000, 100_000))))
	}},
	{"JSON in UTF-16", stored, func(m *maker) []byte { return m.tlsMail(m.utf16(m.tlsText(honestPolicy, ""))) }},
	{"members without end", stored, func(m *maker) []byte {
		return m.tls(strings.TrimSuffix(times(m.many(5000, 200_000), func(i int) string { return `"x` + strconv.Itoa(i) + `":null,` }), ","))
	}},
}

const honestPolicy = `{"policy":{"policy-type":"sts","policy-string":["version: STSv1","mode: enforce"],"policy-domain":"example.com","mx-host":["mx.example.com"]},` +
	`"summary":{"total-successful-session-count":7,"total-failure-session-count":7},"failure-details":[{"result-type":"certificate-expired",` +
	`"sending-mta-ip":"192.0.2.1","receiving-mx-hostname":"mx.example.com","receiving-ip":"192.0.2.2","failed-session-count":7,"additional-information":"a","failure-reason-code":"b"}]}`

// tlsText is a report of policies, with more members before and behind them.
func (m *maker) tlsText(policies, more string) string {
	return `{"organization-name":"Receiver","date-range":{"start-datetime":"2026-01-01T00:00:00Z","end-datetime":"2026-01-01T23:59:59Z"},` +
		`"contact-info":"reports@receiver.example","report-id":"` + m.word() + `","policies":[` + policies + "]" + more + "}"
}

func (m *maker) tls(more string) []byte { return m.tlsMail(m.tlsText(honestPolicy, ","+more)) }

func (m *maker) tlsWith(policies string) []byte { return m.tlsMail(m.tlsText(policies, "")) }

// tlsOf has a text in each place that takes one.
func (m *maker) tlsOf(text string) []byte {
	policy := strings.NewReplacer("mx.example.com", text, "certificate-expired", text, `"a"`, `"`+text+`"`, `"b"`, `"`+text+`"`, "sts", text, "mode: enforce", text).Replace(honestPolicy)
	return m.tlsMail(strings.NewReplacer("Receiver", text, "reports@receiver.example", text).Replace(m.tlsText(policy, "")))
}

func (m *maker) tlsMail(text string) []byte {
	return m.letter("application/tlsrpt+gzip", "receiver.example!example.com!1767225600!1767311999.json.gz", gzipped(m.touch(inDocument, []byte(text))))
}

// honest reports, for the mutants.
var honest = []family{
	{"an honest report in gzip", stored, func(m *maker) []byte {
		return m.gz(m.aggregate().head() + strings.Repeat(honestRecord, m.many(50, 50)) + "</feedback>")
	}},
	{"an honest report in zip", stored, func(m *maker) []byte {
		return m.letter(zipPart, reportName+".zip", zipped(reportName, string(m.touch(inDocument, []byte(m.aggregate().String())))))
	}},
	{"an honest report as it is", stored, func(m *maker) []byte { return m.xml(m.aggregate().String()) }},
	{"an honest report beside prose", stored, func(m *maker) []byte {
		return m.multi("Content-Type: text/plain; charset=utf-8\r\n\r\nThis is an aggregate report.\r\n", m.part(gzipPart, reportName+".gz", gzipped([]byte(m.aggregate().String()))))
	}},
	{"an honest failure report", stored, func(m *maker) []byte { return m.failure(honestFeedback, honestSample) }},
	{"an honest TLS report", stored, func(m *maker) []byte { return m.tlsWith(honestPolicy) }},
}

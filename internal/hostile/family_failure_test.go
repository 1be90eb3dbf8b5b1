package hostile

import (
	"fmt"
	"strings"
)

// failureFamilies attack the readers of failure reports (RFC 9991, 6591, 5965).
var failureFamilies = []family{
	{"a failure report of fields without end", kept, func(m *maker) []byte {
		return m.failure(honestFeedback+strings.Repeat("Original-Rcpt-To: <a@example.com>\r\n", m.many(1100, 100_000)), honestSample)
	}},
	{"thousands of Original fields", stored, func(m *maker) []byte {
		n := m.many(300, 980)
		return m.failure(honestFeedback+times(n, func(i int) string {
			return fmt.Sprintf("Original-%s: <a%d@example.com>\r\n", m.pick("Rcpt-To", "Mail-From", "Envelope-Id", m.word()), i)
		}), honestSample)
	}},
	{"a field of a failure report without end", kept, func(m *maker) []byte {
		return m.failure(honestFeedback+"Delivery-Result: "+strings.Repeat("a", m.many(100_000, 5_000_000))+"\r\n", honestSample)
	}},
	{"no second part", refused, func(m *maker) []byte {
		return m.mail(multipart("report; report-type=feedback-report", "r", "Content-Type: text/plain\r\n\r\nThis is an authentication failure report for example.com, DMARC.\r\n"))
	}},
	{"no third part", stored, func(m *maker) []byte { return m.failure(honestFeedback) }},
	{"an empty second part", kept, func(m *maker) []byte { return m.failure("", honestSample) }},
	{"a third part of another type", stored, func(m *maker) []byte {
		return m.mail(multipart("report; report-type=feedback-report", "r", "Content-Type: message/feedback-report\r\n\r\n"+honestFeedback+"X-Id: "+m.word()+"\r\n",
			"Content-Type: "+m.pick("application/zip", "image/png", "multipart/mixed; boundary=r", "message/partial")+"\r\n\r\n"+string(m.noise(1000))))
	}},
	{"a failed message of many levels", stored, func(m *maker) []byte {
		return m.failure(honestFeedback, strings.Repeat("Content-Type: message/rfc822\r\n\r\n", m.many(12, 50_000))+honestSample)
	}},
	{"a report in the failed message", stored, func(m *maker) []byte {
		return m.failure(honestFeedback, string(m.gz(m.aggregate().String())))
	}},
	{"a failed message of a header without end", kept, func(m *maker) []byte {
		return m.failure(honestFeedback, strings.Repeat("X-A: b\r\n", m.many(1100, 500_000))+honestSample)
	}},
	{"a failed message of 15 MB", stored, func(m *maker) []byte {
		return m.failure(honestFeedback, honestSample+strings.Repeat("0123456789abcdef\r\n", m.many(1000, 800_000)))
	}},
	{"failure reports without end", stored, func(m *maker) []byte {
		part := "Content-Type: message/feedback-report\r\n\r\n" + honestFeedback
		var parts []string
		for range m.many(50, 98) {
			parts = append(parts, part+"X-Id: "+m.word()+"\r\n")
		}
		return m.mail(multipart("report; report-type=feedback-report", "r", parts...))
	}},
	{"authentication results without end", stored, func(m *maker) []byte {
		return m.failure(honestFeedback+"Authentication-Results: mx.receiver.example"+strings.Repeat("; "+m.pick("dkim=fail", "dkim=fail (", "=", "spf=\"\\", "dmarc=fail header.from=\"a;b\""), m.many(500, 20_000))+"\r\n", honestSample)
	}},
	{"many Authentication-Results", stored, func(m *maker) []byte {
		return m.failure(honestFeedback+strings.Repeat("Authentication-Results: a; dmarc=fail header.from=b.example\r\n", m.many(200, 900)), honestSample)
	}},
	{"identity alignment without end", stored, func(m *maker) []byte {
		return m.failure(honestFeedback+"Identity-Alignment: "+strings.Repeat(m.pick("dkim, ", "none,", "(", ",", "spf spf"), m.many(1000, 30_000))+"\r\n", honestSample)
	}},
	{"canonicalized header without end", stored, func(m *maker) []byte {
		return m.failure(honestFeedback+"DKIM-Canonicalized-Header: "+strings.Repeat("QUFB", m.many(10_000, 50_000))+"\r\nDKIM-Canonicalized-Body: ====\r\n", honestSample)
	}},
	{"numbers of a failure report", stored, func(m *maker) []byte {
		return m.failure(honestFeedback+"Incidents: "+m.pick("-1", "0", "99999999999999999999", "0x1", "1e9", "", strings.Repeat("9", 60_000))+"\r\nSource-Port: "+m.pick("-1", "65536", "a")+
			"\r\nArrival-Date: "+m.pick("", "99999", "Fri, 32 Jan 2026 25:61:61 +9999")+"\r\n", honestSample)
	}},
	{"feedback of other types", foreign, func(m *maker) []byte {
		return m.failure(strings.Replace(honestFeedback, "auth-failure", m.pick("abuse", "fraud", "virus", "opt-out", strings.Repeat("x", 10_000), "\x1b[2J"), 1), honestSample)
	}},
	{"a failure report of formulas", stored, func(m *maker) []byte {
		return m.failureOf(m.pick("=1+1", "@SUM(1)", "+1", "-1", "\t=1", "＝1", "a;=1"))
	}},
	{"a failure report of escapes", stored, func(m *maker) []byte {
		return m.failureOf(m.pick("\x1b]0;x\x07", "\u009b2J", "\u202ex", "\x00", "\xff\xfe", "=?utf-8?q?=1b[2J=0d=0a?=", "\x7f\b"))
	}},
	{"a failure report of no domain", kept, func(m *maker) []byte {
		return m.failure(strings.NewReplacer("example.com", m.pick("", " ", "\x00", ".."), "bounce@example.org", "").Replace(honestFeedback), "Subject: "+m.word()+"\r\n\r\n")
	}},
	{"a failure report of many domains", stored, func(m *maker) []byte {
		return m.failure(honestFeedback+times(m.many(200, 900), func(i int) string { return fmt.Sprintf("Reported-Domain: d%d.example\r\n", i) }), honestSample)
	}},
	{"an unlabelled failure report", stored, func(m *maker) []byte {
		return m.multi("Content-Type: text/plain\r\n\r\n"+honestFeedback+"X-Id: "+m.word(), "Content-Type: text/plain\r\n\r\n"+honestSample+strings.Repeat("a\r\n", m.many(100, 100_000)))
	}},
}

const honestFeedback = "Feedback-Type: auth-failure\r\nUser-Agent: Reporter/1.0\r\nVersion: 1\r\nAuth-Failure: dmarc\r\nIdentity-Alignment: none\r\n" +
	"Authentication-Results: mx.receiver.example; dmarc=fail header.from=example.com\r\nOriginal-Mail-From: <bounce@example.org>\r\nSource-IP: 192.0.2.1\r\n" +
	"Reported-Domain: example.com\r\nArrival-Date: Fri, 02 Jan 2026 00:30:00 +0000\r\n"

const honestSample = "From: Somebody <somebody@example.com>\r\nTo: a@example.org\r\nSubject: an offer\r\nMessage-ID: <1@example.com>\r\nDate: Fri, 02 Jan 2026 00:29:00 +0000\r\n\r\nText.\r\n"

// failure is a failure report of its fields and, if there is one, the failed message.
func (m *maker) failure(feedback string, sample ...string) []byte {
	if feedback != "" {
		feedback += "X-Id: " + m.word() + "\r\n"
	}
	parts := []string{"Content-Type: text/plain\r\n\r\nThis is a report.\r\n", "Content-Type: message/feedback-report\r\n\r\n" + string(m.touch(inDocument, []byte(feedback)))}
	for _, s := range sample {
		parts = append(parts, "Content-Type: message/rfc822\r\n\r\n"+s)
	}
	return m.mail(multipart("report; report-type=feedback-report", "r", parts...))
}

// failureOf has a text in each place that takes one.
func (m *maker) failureOf(text string) []byte {
	feedback := honestFeedback
	for _, name := range []string{"Delivery-Result", "DKIM-Domain", "DKIM-Identity", "DKIM-Selector", "SPF-DNS", "Original-Envelope-Id", "Reported-URI", "Reporting-MTA", "X-Other"} {
		feedback += name + ": " + text + "\r\n"
	}
	feedback = strings.NewReplacer("Reporter/1.0", text, "bounce@example.org", text, "mx.receiver.example", text).Replace(feedback)
	return m.failure(feedback, strings.NewReplacer("Somebody", text, "an offer", text, "1@example.com", text).Replace(honestSample))
}

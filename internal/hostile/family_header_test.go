package hostile

import (
	"fmt"
	"strings"
)

// headerFamilies attack what is read in the header of a mail: RFC 5322, 2047, and the
// signatures of RFC 6376.
var headerFamilies = []family{
	{"a field without end", refused, func(m *maker) []byte {
		return m.headed("X-A: " + strings.Repeat("a", m.many(100_000, 900_000)))
	}},
	{"fields without end", refused, func(m *maker) []byte {
		return m.headed(strings.TrimSuffix(strings.Repeat("a:\r\n", m.many(1100, 2_000_000)), "\r\n"))
	}},
	{"folded lines without end", refused, func(m *maker) []byte {
		return m.headed("X-A: a" + strings.Repeat("\r\n a", m.many(5000, 500_000)))
	}},
	{"a header without its end", refused, func(m *maker) []byte {
		return m.touch(inMail, []byte(m.fields()+strings.Repeat("X-A: b\r\n", m.many(500, 900))))
	}},
	{"lines that are no fields", stored, func(m *maker) []byte {
		return m.headed(strings.Repeat("no field at all\r\nFrom nobody\r\n: empty\r\n b\r\n", m.many(100, 200)) + "X-A: b")
	}},
	{"nothing", refused, func(m *maker) []byte {
		return []byte(m.pick("", "\r\n", "\r\n\r\n", "\x00", "From \r\n", ":\r\n", ".\r\n"))
	}},
	{"NUL and bytes in fields", stored, func(m *maker) []byte {
		return m.headed("X-\x00: \xff\xfe\r\nX-\xc3\xa9: a\r\nSubject: \x00\xed\xa0\x80")
	}},
	{"Received lines", "554 5.4.6", func(m *maker) []byte {
		return m.headed(strings.TrimSuffix(strings.Repeat("Received: from a by b; Fri, 02 Jan 2026 00:30:00 +0000\r\n", m.many(110, 160)), "\r\n"))
	}},
	{"60 Received lines", stored, func(m *maker) []byte {
		return m.headed(strings.TrimSuffix(strings.Repeat("Received: from a by b; Fri, 02 Jan 2026 00:30:00 +0000\r\n", 60), "\r\n"))
	}},
	{"From with many addresses", stored, func(m *maker) []byte {
		return m.headed("From: " + strings.TrimSuffix(times(m.many(300, 8000), func(i int) string { return fmt.Sprintf("a%d@b%[1]d.example, ", i) }), ", "))
	}},
	{"many From fields", stored, func(m *maker) []byte {
		return m.headed(strings.TrimSuffix(times(m.many(200, 900), func(i int) string { return fmt.Sprintf("From: <a@b%d.example>\r\n", i) }), "\r\n"))
	}},
	{"From of groups and comments", stored, func(m *maker) []byte {
		return m.headed("From: " + strings.Repeat(m.pick("(", "g:", "<", "\"", "\\", "@a,", "a@[", ";"), m.many(2000, 60_000)))
	}},
	{"domains of From that are none", stored, func(m *maker) []byte {
		return m.headed("From: a@" + m.pick(strings.Repeat("a.", 2000), strings.Repeat("x", 300)+".example", "xn--"+strings.Repeat("9", 60), "[192.0.2.1]", "\u202e.example", "例え.テスト", "a..b", "-", "\x00", "_._", "xn--a"))
	}},
	{"words without end", stored, func(m *maker) []byte {
		return m.headed("Subject: " + strings.Repeat("=?utf-8?q?=1b?= ", m.many(200, 15_000)))
	}},
	{"words that are broken", stored, func(m *maker) []byte {
		return m.headed("Subject: " + strings.Repeat(m.pick("=?", "=?utf-8", "=?utf-8?b?", "=?x-none?q?a?=", "=?utf-8?b?////?=", "=?utf-16?b?2AA=?=", "=?iso-2022-jp?b?GyRC?=", "?==?"), m.many(100, 20_000)))
	}},
	{"a Subject of escapes", stored, func(m *maker) []byte {
		return m.headed("Subject: \x1b]0;owned\x07\x1b[2J\u009b31m =?utf-8?q?=1B]52;c;aGE=3D=07_=E2=80=AE_=0D=0Averdict=3Dstore?=")
	}},
	{"a Message-ID of lines", stored, func(m *maker) []byte {
		return m.headed("Message-ID: <\x1b[1A\"} level=ERROR msg=" + m.word() + "\v\f\x7f" + strings.Repeat("a", m.many(1000, 100_000)) + ">")
	}},
	{"dates that are none", stored, func(m *maker) []byte {
		return m.headed("Date: " + m.pick("Fri, 99 Jan 99999 99:99:99 +9999", strings.Repeat("(", 50_000), strings.Repeat("1", 50_000), "", "Thu, 01 Jan 0000 00:00:00 -0000", "tomorrow"))
	}},
	{"a thousand signatures", stored, func(m *maker) []byte {
		return m.headed(strings.TrimSuffix(strings.Repeat(signature("a@receiver.example", "h=From; bh=AAAA; b=AAAA")+"\r\n", m.many(50, 940)), "\r\n"))
	}},
	{"a signature without end", stored, func(m *maker) []byte {
		return m.headed(signature("", "h=From; bh=AAAA; b="+strings.Repeat("A", m.many(10_000, 200_000))))
	}},
	{"a signature of many fields", stored, func(m *maker) []byte {
		return m.headed(signature("", "h=From"+strings.Repeat(":From", m.many(200, 12_000))+"; bh=AAAA; b=AAAA"))
	}},
	{"a signature of many tags", stored, func(m *maker) []byte {
		return m.headed(signature("", times(m.many(200, 8000), func(i int) string { return fmt.Sprintf("t%d=a; ", i) })+"h=From; bh=AAAA; b=AAAA"))
	}},
	{"a signature of lines", stored, func(m *maker) []byte {
		return m.headed(signature("", "h=From; bh=AAAA; b="+strings.Repeat("\r\n A", m.many(900, 40_000))))
	}},
	{"a signature of no length", stored, func(m *maker) []byte {
		return m.headed(signature("", "l="+m.pick("0", "-1", "99999999999999999999999999999", "0x10", strings.Repeat("9", 60_000))+"; t=-1; x=1; h=From; bh=AAAA; b=AAAA"))
	}},
	{"signatures by names that are none", stored, func(m *maker) []byte {
		name := m.pick(strings.Repeat("a.", 500), "\x1b[2J", "..", "xn--", "*", "a b", strings.Repeat("ä", 60))
		return m.headed("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=" + name + "; s=" + name + "; h=From; bh=AAAA; b=AAAA")
	}},
	{"a signed body of blank lines", kept, func(m *maker) []byte {
		a := m.aggregate()
		a.tail = strings.Repeat("\r\n", m.many(5000, 1_000_000)) + a.tail
		return m.touch(inMail, []byte(signature("", "h=From; bh=AAAA; b=AAAA")+"\r\n"+m.fields()+"Content-Type: text/xml\r\n\r\n"+a.String()))
	}},
	{"sender policies in circles", stored, func(m *maker) []byte {
		m.mailFrom = "a@" + m.pick("loop.example", "wide.example", "void.example", "long.example", "many.example")
		return m.gz(m.aggregate().String())
	}},
}

// signature is a field by a domain whose key is there.
func signature(who, rest string) string {
	if who != "" {
		who = "i=" + who + "; "
	}
	return "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=receiver.example; s=s; " + who + rest
}

// headed is a mail with an honest report and more in its header.
func (m *maker) headed(fields string) []byte {
	return m.touch(inMail, []byte(fields+"\r\n"+m.fields()+m.part(gzipPart, reportName+".gz", gzipped([]byte(m.aggregate().String())))))
}

// hostileZone answers for the senders.
const hostileZone = `
receiver.example TXT "v=spf1 ip4:127.0.0.0/8 -all"
_dmarc.receiver.example TXT "v=DMARC1; p=reject"
s._domainkey.receiver.example TXT "v=DKIM1; k=rsa; p=AAAA"
loop.example TXT "v=spf1 include:loop.example redirect=loop.example"
wide.example TXT "v=spf1 mx ptr mx:a.wide.example mx:b.wide.example exists:%{l1r-}.%{h}.%{p}.wide.example -all"
*.wide.example MX 10 mx.wide.example
void.example TXT "v=spf1 a:1.void.example a:2.void.example a:3.void.example +all"
long.example TXT "v=spf1 exists:%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}.long.example -all"
many.example TXT "v=spf1 -all"
many.example TXT "v=spf1 +all"
`

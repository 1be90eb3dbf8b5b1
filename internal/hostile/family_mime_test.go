package hostile

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// mimeFamilies attack the walk through a mail: RFC 2045 to 2049, 2231, 2183.
var mimeFamilies = []family{
	{"multiparts in multiparts", kept, func(m *maker) []byte {
		n := m.many(12, 5000)
		open := times(n, func(i int) string {
			return fmt.Sprintf("Content-Type: multipart/mixed; boundary=\"b%d\"\r\n\r\n--b%[1]d\r\n", i)
		})
		return m.mail(open + "Content-Type: text/xml\r\n\r\n" + m.aggregate().String())
	}},
	{"messages in messages", kept, func(m *maker) []byte {
		n := m.many(12, 20_000)
		return m.mail(strings.Repeat("Content-Type: message/rfc822\r\n\r\n", n) + "Content-Type: text/xml\r\n\r\n" + m.aggregate().String())
	}},
	{"parts without end", stored, func(m *maker) []byte {
		n := m.many(110, 700_000)
		return m.mail("Content-Type: multipart/mixed; boundary=p\r\n\r\n--p\r\nContent-Type: text/xml\r\n\r\n" + m.aggregate().String() + strings.Repeat("\r\n--p\r\n\r\n\r\n", n))
	}},
	{"parts of one byte", kept, func(m *maker) []byte {
		return m.mail("Content-Type: multipart/mixed; boundary=p\r\n\r\n" + strings.Repeat("--p\r\n\r\na\r\n", m.many(110, 500_000)))
	}},
	{"a report in each part", stored, func(m *maker) []byte {
		parts := make([]string, m.many(120, 99))
		for i := range parts {
			parts[i] = m.part(gzipPart, reportName+".gz", gzipped([]byte(m.aggregate().String())))
		}
		return m.multi(parts...)
	}},
	{"the same report in each part", stored, func(m *maker) []byte {
		one := m.part(gzipPart, reportName+".gz", gzipped([]byte(m.aggregate().String())))
		return m.multi(slices.Repeat([]string{one}, m.many(50, 98))...)
	}},
	{"a long boundary", kept, func(m *maker) []byte {
		return m.mail(multipart("mixed", strings.Repeat("b", m.many(2000, 200_000)), "Content-Type: text/xml\r\n\r\n"+m.aggregate().String()))
	}},
	{"boundaries that begin alike", stored, func(m *maker) []byte {
		inner := "Content-Type: text/xml\r\n\r\n" + m.aggregate().String()
		for i := range m.many(8, 8) {
			inner = multipart("mixed", strings.Repeat("a", i+1), inner)
		}
		return m.mail(inner)
	}},
	{"a boundary that is not there", refused, func(m *maker) []byte {
		lines := times(m.many(2000, 200_000), func(i int) string { return fmt.Sprintf("--%d\r\n", i) })
		return m.mail("Content-Type: multipart/mixed; boundary=nowhere\r\n\r\n" + lines)
	}},
	{"an empty boundary", stored, func(m *maker) []byte {
		return m.mail("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\nContent-Type: text/xml\r\n\r\n" + m.aggregate().String() + "\r\n" + strings.Repeat("--\r\n", m.many(500, 5000)))
	}},
	{"near boundaries", stored, func(m *maker) []byte {
		near := strings.Repeat("--=_par\r\n--=_partx\r\n -- =_part\r\n--=_part", m.many(200, 20_000))
		return m.multi("Content-Type: text/plain\r\n\r\n"+near, "Content-Type: text/xml\r\n\r\n"+m.aggregate().String())
	}},
	{"a multipart that is encoded", stored, func(m *maker) []byte {
		inner := "Content-Type: text/xml\r\n\r\n" + m.aggregate().String()
		for range m.many(3, 3) {
			_, body, _ := strings.Cut(multipart("mixed", "e", inner), "\r\n\r\n")
			inner = "Content-Type: multipart/mixed; boundary=e\r\nContent-Transfer-Encoding: base64\r\n\r\n" + inBase64([]byte(body))
		}
		return m.mail(inner)
	}},
	{"multiparts encoded in one another", kept, func(m *maker) []byte {
		inner := "Content-Type: text/xml\r\n\r\n" + m.aggregate().String()
		for i := range m.many(12, 30) {
			_, body, _ := strings.Cut(multipart("mixed", fmt.Sprint("e", i), inner), "\r\n\r\n")
			inner = fmt.Sprintf("Content-Type: multipart/mixed; boundary=e%d\r\nContent-Transfer-Encoding: base64\r\n\r\n%s", i, inBase64([]byte(body)))
		}
		return m.mail(inner)
	}},
	{"parameters without end", stored, func(m *maker) []byte {
		params := times(m.many(200, 10_000), func(i int) string { return fmt.Sprintf("; p%d=\"v\"", i) })
		return m.mail("Content-Type: text/xml" + params + "\r\n\r\n" + m.aggregate().String())
	}},
	{"continuations", stored, func(m *maker) []byte {
		params := times(m.many(50, 10_000), func(i int) string { return fmt.Sprintf(";\r\n filename*%d*=%%41", i) })
		return m.mail("Content-Type: application/octet-stream\r\nContent-Disposition: attachment" + params + "\r\n\r\n" + m.aggregate().String())
	}},
	{"names in percent", stored, func(m *maker) []byte {
		name := m.pick("utf-8", "utf-7", "x-none", "", strings.Repeat("c", 1000)) + "''" + strings.Repeat(m.pick("%", "%zz", "%00", "%ff", "%1b%5b2J"), m.many(100, 20_000))
		return m.mail("Content-Type: text/xml; name*=" + name + "\r\nContent-Disposition: attachment; filename*0*=" + name + "; filename*2*=x\r\n\r\n" + m.aggregate().String())
	}},
	{"names that are paths", stored, func(m *maker) []byte {
		name := m.pick("../../../../etc/cron.d/x", `..\\..\\a.xml`, "/dev/null", "C:\\\\CON", "a\x00.xml", "\x1b]0;x\x07", "\u202elmx.\u2066", ".", "..", "", strings.Repeat("a/", 3000))
		return m.letter(gzipPart, name, gzipped([]byte(m.aggregate().String())))
	}},
	{"quotes and comments", stored, func(m *maker) []byte {
		junk := strings.Repeat(m.pick("(", "((a)", "\"", "\\\"", "\\", "=", ";;", ",", "<", "\t"), m.many(500, 60_000))
		return m.mail("Content-Type: text/xml " + junk + "\r\nContent-Disposition: attachment; filename=" + junk + "\r\n\r\n" + m.aggregate().String())
	}},
	{"content types that lie", stored, func(m *maker) []byte {
		kind := m.pick("image/png", "application/zip", "text/html", "video/mp4", "", "/", "multipart", "multipart/", "text/xml/xml", "application/x-"+strings.Repeat("x", 5000))
		return m.letter(kind, m.pick("a.png", "a.zip", "a.exe"), gzipped([]byte(m.aggregate().String())))
	}},
	{"partial and external bodies", refused, func(m *maker) []byte {
		return m.multi("Content-Type: message/partial; number=1; total=99999999; id=a\r\n\r\n<feedb", "Content-Type: message/external-body; access-type=URL; URL=\"http://192.0.2.1/\"\r\n\r\nContent-Type: text/xml\r\n\r\n",
			"Content-Type: message/external-body; access-type=local-file; name=\"/etc/passwd\"\r\n\r\n")
	}},
	{"encodings that nobody knows", stored, func(m *maker) []byte {
		encoding := m.pick("x-uuencode", "7bit; x", "base65", "gzip", "8bit, base64", "\"base64\"", "base64 base64", strings.Repeat("b", 50_000))
		return m.mail("Content-Type: text/xml\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + m.aggregate().String())
	}},
	{"base64 with garbage", stored, func(m *maker) []byte {
		text := base64.StdEncoding.EncodeToString(gzipped([]byte(m.aggregate().String())))
		junk := strings.Repeat(m.pick("-", " ", "\r\n", "\x00", "!", "\xff", "*_"), m.many(40, 4000))
		return m.mail(attached(gzipPart, reportName+".gz") + "\r\n" + strings.Join(strings.SplitAfterN(text, "", 200), junk))
	}},
	{"base64 of nothing", refused, func(m *maker) []byte {
		return m.mail(attached(gzipPart, "a.gz") + "\r\n" + strings.Repeat(m.pick("=", "====\r\n", "A", "-", "AAA=AAA="), m.many(5000, 2_000_000)))
	}},
	{"base64 pieces with padding", stored, func(m *maker) []byte {
		var b strings.Builder
		for _, c := range gzipped([]byte(m.aggregate().String())) {
			b.WriteString(base64.StdEncoding.EncodeToString([]byte{c}) + strings.Repeat("\r\n", m.many(1, 20)))
		}
		return m.mail(attached(gzipPart, reportName+".gz") + "\r\n" + b.String())
	}},
	{"soft line ends", stored, func(m *maker) []byte {
		text := strings.Join(strings.Split(strings.ReplaceAll(m.aggregate().String(), "=", "=3D"), ""), strings.Repeat("=\r\n", m.many(3, 30)))
		return m.mail("Content-Type: text/xml\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + text)
	}},
	{"quoted-printable of nothing", refused, func(m *maker) []byte {
		return m.mail("Content-Type: text/xml\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat(m.pick("=", "=\r\n", "=0", "=zz", " \t", "= \t"), m.many(5000, 3_000_000)))
	}},
	{"lines without end", kept, func(m *maker) []byte {
		a := m.aggregate()
		a.records = strings.Repeat(" ", m.many(200_000, 3<<20)) + a.records
		return m.mail("Content-Type: text/xml\r\n\r\n" + a.String())
	}},
	{"bare line ends", stored, func(m *maker) []byte {
		end := m.pick("\n", "\r", "\r\r\n", "\n\r")
		return []byte(strings.ReplaceAll(string(m.multi("Content-Type: text/xml\r\n\r\n"+m.aggregate().String())), "\r\n", end) + "\r\n")
	}},
	{"prose without end", refused, func(m *maker) []byte {
		prose := m.pick("Reporting-MTA: ", "This is a DMARC failure notice for example.com. ", "a ", "(", "dmarc ")
		return m.mail("Content-Type: text/plain; charset=" + m.pick("utf-8", "utf-7", "x", "utf-16") + "\r\n\r\n" + strings.Repeat(prose+"\r\n", m.many(5000, 400_000)))
	}},
}

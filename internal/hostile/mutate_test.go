package hostile

import (
	"bytes"
	"slices"
)

// tokens are what the readers of a layer look for.
var tokens = map[int][]string{
	inDocument: {
		"<feedback>", "</feedback>", "<record>", "</record>", "<row>", "<", ">", "/>", "</", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>",
		"<!DOCTYPE a [<!ENTITY b 'c'>]>", "&amp;", "&#0;", "&#x110000;", "&b;", "\x00", "\xef\xbb\xbf", "\xff\xfe", "\"", "'", "=", "xmlns:a='b'",
		"<domain>", "<count>", "-1", "9223372036854775808", "{", "}", "[", "]", "\\u0000", "\\ud800", "\":", "null", "1e999", "\u202e", "=cmd|' /C'!A0", "\x1b[2J",
	},
	inArchive: {
		"PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "PK\x06\x06", "PK\x06\x07", "PK\x07\x08", "\x1f\x8b\x08", "\xff\xff\xff\xff", "\x00\x00\x00\x00",
		"\x00\x00\x00\xff\xff", "../", "\xff\xff", "\x01\x00",
	},
	inMail: {
		"\r\n", "\r\n\r\n", "\n", "\r", "\n\n", "--=_part", "--=_part--", "--", "\x00", "=?utf-8?q?", "?=", "=?utf-8?b?", "\"", ";", "*0*=", "=\r\n", "(", ")", "<", ">",
		"Content-Type: multipart/mixed; boundary=a\r\n", "Content-Type: message/rfc822\r\n", "Content-Type: message/feedback-report\r\n",
		"Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: quoted-printable\r\n", "From: a@example.org\r\n", "DKIM-Signature: v=1; ",
		"Feedback-Type: auth-failure\r\n", "\xff", "\xed\xa0\x80", "From a@example.org\n", " ", "\t",
	},
}

// mutate makes one change.
func (m *maker) mutate(layer int, b []byte) []byte {
	if len(b) == 0 {
		return []byte(m.pick(tokens[layer]...))
	}
	from, to := m.stretch(len(b))
	b = slices.Clone(b)
	switch m.IntN(10) {
	case 0: // a bit
		b[from] ^= 1 << m.IntN(8)
	case 1: // a byte
		b[from] = byte(m.pick("\x00", "\x7f", "\x80", "\xff", "\r", "\n", "<", "\"", "0", "-")[0])
	case 2:
		return slices.Delete(b, from, to)
	case 3: // a stretch, again somewhere else
		return slices.Insert(b, m.IntN(len(b)), b[from:to]...)
	case 4: // a stretch, many times
		n := 1 + m.IntN(max(1, min(1000, 1<<16/max(1, to-from))))
		return slices.Insert(b, from, bytes.Repeat(b[from:to], n)...)
	case 5:
		return b[:from]
	case 6: // two lines or elements change places
		return m.swapped(layer, b)
	case 7: // a number
		return m.renumbered(b, from)
	default:
		return slices.Insert(b, from, []byte(m.pick(tokens[layer]...))...)
	}
	return b
}

// stretch is a place, and one behind it: short ones are as likely as long ones.
func (m *maker) stretch(n int) (from, to int) {
	from = m.IntN(n)
	return from, min(n, from+m.many(n, n))
}

// swapped exchanges two neighbours: lines of a mail, elements of a document.
func (m *maker) swapped(layer int, b []byte) []byte {
	end := map[int]string{inDocument: ">", inArchive: "PK", inMail: "\r\n"}[layer]
	at := bytes.Split(b, []byte(end))
	i, j := m.IntN(len(at)), m.IntN(len(at))
	at[i], at[j] = at[j], at[i]
	return bytes.Join(at, []byte(end))
}

// renumbered puts another number in the place of the next one.
func (m *maker) renumbered(b []byte, from int) []byte {
	isDigit := func(r rune) bool { return r >= '0' && r <= '9' }
	at := bytes.IndexFunc(b[from:], isDigit)
	if at < 0 {
		return b
	}
	at += from
	end := at
	for end < len(b) && isDigit(rune(b[end])) {
		end++
	}
	return slices.Replace(b, at, end, []byte(m.pick("0", "-1", "1e9", "0x10", "4294967296", "9223372036854775807", "9223372036854775808",
		"99999999999999999999999999", "NaN", "253402300800", "1.5", "٣"))...)
}

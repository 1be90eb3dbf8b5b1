package hostile

import (
	"fmt"
	"strings"
)

// xmlFamilies attack the reader of XML as such.
var xmlFamilies = []family{
	{"elements in elements", kept, func(m *maker) []byte { return m.filled(m.aggregate().head(), "<a>", m.many(100, 5_000_000), "") }},
	{"elements of four bytes", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head()+m.pick("<record>", "", "<record><row>", "<a>"), "<a/>", m.many(5000, 33_000_000), "</feedback>")
	}},
	{"an element again and again", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head()+"<record><row>", m.pick("<source_ip>x</source_ip>", "<count/>", "<count>x</count>", "<count>1</count>", "<source_ip/>"), m.many(5000, 5_000_000), "</feedback>")
	}},
	{"instructions of five bytes", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head(), "<?a?>", m.many(5000, 26_000_000), "</feedback>")
	}},
	{"attributes again and again", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head()+"<a>", "<a"+strings.Repeat(" b='c'", 30)+"/>", m.many(500, 700_000), "")
	}},
	{"references again and again", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head()+"<a>", strings.Repeat("&lt;", 4000)+"<b/>", m.many(50, 8000), "")
	}},
	{"attributes without end", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head()+"<record", ` a="b"`, m.many(100, 5_000_000), "/></feedback>")
	}},
	{"a tag without end", kept, func(m *maker) []byte { return m.filled(m.aggregate().head()+"<", "a", m.many(70_000, 60<<20), "") }},
	{"a text without end", kept, func(m *maker) []byte {
		return m.filled("<feedback><report_metadata><org_name>", "a", m.many(70_000, 60<<20), "")
	}},
	{"an attribute without end", kept, func(m *maker) []byte {
		return m.filled("<feedback xmlns='", "a", m.many(70_000, 60<<20), "'>")
	}},
	{"billion laughs", kept, func(m *maker) []byte {
		entities := times(m.many(10, 60), func(i int) string {
			return fmt.Sprintf("<!ENTITY l%d \"%s\">", i+1, strings.Repeat(fmt.Sprintf("&l%d;", i), 10))
		})
		a := m.aggregate()
		a.prolog, a.org = "<!DOCTYPE feedback [<!ENTITY l0 \"ha\">"+entities+"]>", "&l9;"
		return m.gz(a.String())
	}},
	{"an external entity", kept, func(m *maker) []byte {
		a := m.aggregate()
		a.prolog, a.org = `<!DOCTYPE feedback [<!ENTITY x SYSTEM "`+m.pick("file:///etc/passwd", "http://192.0.2.1/", "file:///dev/zero", "expect://id")+`">]>`, "&x;"
		return m.gz(a.String())
	}},
	{"parameter entities", kept, func(m *maker) []byte {
		a := m.aggregate()
		a.prolog = `<!DOCTYPE feedback SYSTEM "http://192.0.2.1/a.dtd" [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;` + strings.Repeat("<!ENTITY % b '%a;'>", m.many(50, 2000)) + "]>"
		return m.gz(a.String())
	}},
	{"a document type without end", refused, func(m *maker) []byte {
		return m.filled("<!DOCTYPE feedback [", "<!-- [ ' -->", m.many(1000, 5_000_000), "]><feedback>")
	}},
	{"comments without end", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head(), "<!-- a -->", m.many(5000, 20_000_000), "</feedback>")
	}},
	{"a comment without end", kept, func(m *maker) []byte { return m.filled(m.aggregate().head()+"<!--", "-", m.many(70_000, 60<<20), "") }},
	{"instructions without end", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head(), "<?xml-stylesheet href='a'?>", m.many(5000, 10_000_000), "</feedback>")
	}},
	{"CDATA without end", kept, func(m *maker) []byte {
		return m.filled("<feedback><report_metadata><org_name>", "<![CDATA[a]]>", m.many(7000, 5_000_000), "")
	}},
	{"CDATA in CDATA", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.org = "<![CDATA[<![CDATA[ ]]>]]&gt;<![CDATA[</feedback>]]>"
		return m.gz(a.String())
	}},
	{"UTF-16", stored, func(m *maker) []byte {
		return m.gz(m.utf16(strings.Replace(m.aggregate().String(), "UTF-8", "UTF-16", 1)))
	}},
	{"UTF-16 that is odd", kept, func(m *maker) []byte {
		wide := m.utf16(m.aggregate().head() + "<version>\U0001f600</version>")
		return m.gz(wide[:len(wide)-1-2*m.IntN(20)])
	}},
	{"UTF-7", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.prolog, a.org = `<?xml version="1.0" encoding="utf-7"?>`, "+ADw-script+AD4-"
		return m.gz(a.String())
	}},
	{"declarations that lie", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.prolog = `<?xml version="` + m.pick("1.0", "9", "") + `" encoding="` + m.pick("utf-16", "utf-32", "ebcdic-cp-us", "x", "", "iso-2022-jp", "utf-8-sig", strings.Repeat("u", 900)) + `"?>`
		a.org = "caf\xe9"
		return m.gz(a.String())
	}},
	{"a mark in the middle", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.prolog = "\xef\xbb\xbf" + a.prolog + strings.Repeat("\xef\xbb\xbf", m.many(5, 50))
		a.org, a.records = "a\xef\xbb\xbfb", "\xef\xbb\xbf"+a.records
		return m.gz(a.String())
	}},
	{"NUL", kept, func(m *maker) []byte {
		a := m.aggregate()
		a.org = "a\x00b" + strings.Repeat("\x00", m.many(100, 10_000))
		return m.gz(a.String())
	}},
	{"no UTF-8", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.org, a.records = string(m.noiseOf("\xff\xc0\x80\xed\xa0\xf5\x8f\xfe", m.many(100, 5000))), oneRecord("\xed\xa0\x80\xff")
		return m.gz(a.String())
	}},
	{"references to characters", kept, func(m *maker) []byte {
		a := m.aggregate()
		a.org = strings.Repeat(m.pick("&#0;", "&#x1b;", "&#xd800;", "&#x110000;", "&#99999999999999999999;", "&#;", "&#x;", "&amp", "&;", "&nbsp;", "&x;", "&#x202e;"), m.many(200, 5000))
		return m.gz(a.String())
	}},
	{"elements that nobody closes", kept, func(m *maker) []byte {
		return m.gz(m.aggregate().head() + strings.Repeat("<record><row>", m.many(10, 10)) + "<source_ip>192.0.2.1")
	}},
	{"elements closed crosswise", kept, func(m *maker) []byte {
		a := m.aggregate()
		a.records = "<record><row><count>1</row></count></record></feedback></feedback>" + strings.Repeat("</a>", m.many(100, 100_000))
		return m.gz(a.String())
	}},
	{"two roots", stored, func(m *maker) []byte {
		return m.gz(times(m.many(20, 200), func(int) string { return m.aggregate().String() }))
	}},
	{"a report in a report", stored, func(m *maker) []byte {
		a := m.aggregate()
		for range m.many(4, 20) {
			inner := m.aggregate()
			inner.prolog, inner.records = "", a.String()
			a = inner
		}
		return m.gz(strings.ReplaceAll(a.String(), `<?xml version="1.0" encoding="UTF-8"?>`, ""))
	}},
	{"garbage behind a report", stored, func(m *maker) []byte {
		return m.gz(m.aggregate().String() + string(m.noise(m.many(1000, 500_000))))
	}},
	{"namespaces without end", kept, func(m *maker) []byte {
		a := m.aggregate()
		a.root = "<feedback" + times(m.many(30, 30), func(i int) string { return fmt.Sprintf(" xmlns:n%d='urn:%[1]d'", i) }) + ">"
		a.records = strings.Repeat("<a xmlns:b='c' xmlns:d='e'>", m.many(20, 30))
		return m.gz(a.String())
	}},
	{"prefixes of nothing", stored, func(m *maker) []byte {
		a := m.aggregate()
		a.root, a.tail = "<x:feedback>", "</x:feedback>"
		a.records = strings.Repeat(strings.NewReplacer("<record", "<y:record", "</record", "</y:record").Replace(honestRecord), m.many(10, 200))
		return m.gz(a.String())
	}},
	{"wrappers", stored, func(m *maker) []byte {
		a := m.aggregate()
		return m.gz(a.prolog + "<soap:Envelope><soap:Body>" + strings.TrimPrefix(a.String(), a.prolog) + "</soap:Body></soap:Envelope>")
	}},
	{"nothing but a start tag", kept, func(m *maker) []byte {
		return m.xml(m.pick("<feedback>", "<feedback", "<feedback/>", "<feedback ><", "<feedback\x00>"))
	}},
	{"start tags without end", kept, func(m *maker) []byte { return m.filled("", "<feedback>", m.many(1000, 5_000_000), "") }},
	{"a report in HTML", kept, func(m *maker) []byte {
		return m.mail("Content-Type: text/html\r\n\r\n<html><script>alert(1)</script>" + strings.Repeat("<b>", m.many(30, 10_000)) + strings.TrimPrefix(m.aggregate().String(), "<?xml"))
	}},
}

// utf16 spells text of the basic plane so, in one order or the other.
func (m *maker) utf16(text string) string {
	swap := m.IntN(2) == 0
	var b strings.Builder
	for _, r := range "\ufeff" + text {
		high, low := byte(r>>8), byte(r)
		if swap {
			high, low = low, high
		}
		b.Write([]byte{high, low})
	}
	return b.String()
}

// noiseOf is noise of some bytes only.
func (m *maker) noiseOf(set string, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = set[m.IntN(len(set))]
	}
	return b
}

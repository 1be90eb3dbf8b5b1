package hostile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// gzipFamilies attack RFC 1951 and 1952.
var gzipFamilies = []family{
	{"a gzip bomb of blanks", kept, func(m *maker) []byte {
		return m.filled(m.aggregate().head(), " ", m.many(1<<20, 1<<30), "</feedback>")
	}},
	{"a gzip bomb of zeros", refused, func(m *maker) []byte { return m.filled("", "\x00", m.many(1<<20, 1<<30), "") }},
	{"a bomb in each part", kept, func(m *maker) []byte {
		one := m.part(gzipPart, reportName+".gz", bomb("<feedback>", " ", m.many(1<<20, 60<<20), ""))
		return m.multi(slices.Repeat([]string{one}, m.many(20, 90))...)
	}},
	{"members of gzip", stored, func(m *maker) []byte {
		text, n := m.aggregate().String(), m.many(120, 90)
		var out []byte
		for i := range n {
			out = append(out, gzipped([]byte(text[i*len(text)/n:(i+1)*len(text)/n]))...)
		}
		return m.letter(gzipPart, reportName+".gz", out)
	}},
	{"empty members of gzip", kept, func(m *maker) []byte {
		return m.letter(gzipPart, reportName+".gz", append(bytes.Repeat(gzipped(nil), m.many(200, 300_000)), gzipped([]byte(m.aggregate().String()))...))
	}},
	{"garbage behind a gzip", stored, func(m *maker) []byte {
		return m.letter(gzipPart, reportName+".gz", append(gzipped([]byte(m.aggregate().String())), m.noise(m.many(1000, 500_000))...))
	}},
	{"a name in a gzip", kept, func(m *maker) []byte {
		name := strings.Repeat(m.pick("a", "../", "\x1b[2J", "\xff"), m.many(400, 500_000))
		return m.letter(gzipPart, reportName+".gz", join([]byte{0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 2, 255}, []byte(name), []byte{0}, gzipped([]byte(m.aggregate().String()))[10:]))
	}},
	{"extra bytes in a gzip", stored, func(m *maker) []byte {
		n := m.many(1000, 0xffff)
		head := join(binary.LittleEndian.AppendUint16([]byte{0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 2, 255}, uint16(n)), m.noise(n))
		return m.letter(gzipPart, reportName+".gz", join(head, gzipped([]byte(m.aggregate().String()))[10:]))
	}},
	{"a gzip that is cut", kept, func(m *maker) []byte {
		whole := gzipped([]byte(m.aggregate().head() + strings.Repeat(honestRecord, m.many(50, 500))))
		return m.letter(gzipPart, reportName+".gz", whole[:1+m.IntN(len(whole)*9/10)])
	}},
	{"a gzip of a wrong sum", stored, func(m *maker) []byte {
		whole := gzipped([]byte(m.aggregate().String()))
		binary.LittleEndian.PutUint64(whole[len(whole)-8:], m.Uint64())
		return m.letter(gzipPart, reportName+".gz", whole)
	}},
	{"a gzip in a gzip", kept, func(m *maker) []byte {
		inner := []byte(m.aggregate().String())
		for range m.many(5, 50) {
			inner = gzipped(inner)
		}
		return m.letter(gzipPart, reportName+".gz", inner)
	}},
	{"a bomb in a bomb", kept, func(m *maker) []byte {
		return m.letter(gzipPart, reportName+".gz", gzipped(gzipped(bomb(m.aggregate().head(), "<!-- -->", m.many(100_000, 100_000_000), ""))))
	}},
	{"a zip of zeros in a bomb", kept, func(m *maker) []byte {
		return m.letter(gzipPart, reportName+".gz", gzipped(bomb("PK\x03\x04", "\x00", m.many(1<<20, 63<<20), "")))
	}},
	{"deflate of empty blocks", kept, func(m *maker) []byte {
		packed, sum, size := deflated(m.aggregate().head(), "", 0, "</feedback>")
		empty := bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, m.many(10_000, 3_000_000))
		return m.letter(gzipPart, reportName+".gz", gzipOf(gzipHead, join(empty, packed[:len(packed)/2]), sum, uint32(size)))
	}},
	{"deflate of trees", kept, func(m *maker) []byte {
		return m.letter(gzipPart, reportName+".gz", gzipOf(gzipHead, m.noise(m.many(5000, 500_000)), 0, 0))
	}},
	{"nothing but a gzip's head", kept, func(m *maker) []byte {
		return m.letter(gzipPart, reportName+".gz", []byte{0x1f, 0x8b, 8, byte(m.Uint32()), 0, 0, 0, 0}[:m.many(7, 8)])
	}},
}

// zipFamilies attack the format of PKWARE's APPNOTE.
var zipFamilies = []family{
	{"a zip of many entries", kept, func(m *maker) []byte {
		return m.letter(zipPart, reportName+".zip", zipped(slices.Repeat([]string{"a.xml", ""}, m.many(1100, 60_000))...))
	}},
	{"a zip of many reports", stored, func(m *maker) []byte {
		var pairs []string
		for i := range m.many(110, 900) {
			pairs = append(pairs, fmt.Sprint(i, ".xml"), m.aggregate().String())
		}
		return m.letter(zipPart, reportName+".zip", zipped(pairs...))
	}},
	{"entries of a zip that overlap", kept, func(m *maker) []byte {
		one := pile(squeezed(reportName, m.aggregate().head(), " ", m.many(1<<16, 60<<20), "</feedback>"))
		return m.letter(zipPart, reportName+".zip", declared(one, m.many(50, 900)))
	}},
	{"sizes of a zip that lie", kept, func(m *maker) []byte {
		s := squeezed(reportName, m.aggregate().head(), " ", 1000, "")
		s.inside = m.Uint64() >> m.IntN(64)
		s.size = uint64(m.IntN(1 << 20))
		return m.letter(zipPart, reportName+".zip", pile(s))
	}},
	{"a small size that lies", kept, func(m *maker) []byte {
		s := squeezed(reportName, m.aggregate().head(), " ", m.many(1<<20, 200<<20), "")
		s.inside = 10
		return m.letter(zipPart, reportName+".zip", pile(s))
	}},
	{"counts of a zip that lie", kept, func(m *maker) []byte {
		archive := zipped(reportName, m.aggregate().String())
		return m.letter(zipPart, reportName+".zip", lies(archive, uint16(1+m.IntN(0xffff)), m.Uint32()>>m.IntN(32), m.Uint32()>>m.IntN(32)))
	}},
	{"zips in zips", kept, func(m *maker) []byte {
		inner := zipped("a.xml", m.aggregate().String())
		for range m.many(6, 60) {
			inner = zipped("a.zip", string(inner))
		}
		return m.letter(zipPart, reportName+".zip", inner)
	}},
	{"zips beside zips in zips", kept, func(m *maker) []byte {
		inner := pile(squeezed("a.xml", "<feedback>", " ", m.many(1<<16, 10<<20), ""))
		for range 2 {
			inner = zipped(slices.Repeat([]string{"a.zip", string(inner)}, m.many(8, 12))...)
		}
		return m.letter(zipPart, reportName+".zip", inner)
	}},
	{"an encrypted zip", kept, func(m *maker) []byte {
		s := asIs(reportName, string(m.noise(500)))
		s.flags = 1 | 1<<m.IntN(16)
		return m.letter(zipPart, reportName+".zip", pile(s))
	}},
	{"methods of a zip", kept, func(m *maker) []byte {
		s := asIs(reportName, string(m.noise(500)))
		s.method = uint16(1 + m.IntN(7))
		return m.letter(zipPart, reportName+".zip", pile(s))
	}},
	{"a zip64 of 2^60 bytes", kept, func(m *maker) []byte {
		s := asIs(reportName, m.aggregate().String())
		s.size, s.inside = 1<<60, 1<<60
		return m.letter(zipPart, reportName+".zip", pile(s))
	}},
	{"zip64 extra fields", stored, func(m *maker) []byte {
		s := asIs(reportName, m.aggregate().String())
		s.extra = strings.Repeat("\x99\x99\x04\x00abcd", m.many(100, 8000))
		return m.letter(zipPart, reportName+".zip", pile(s))
	}},
	{"paths in a zip", stored, func(m *maker) []byte {
		name := m.pick("../../../etc/cron.d/x", "/etc/passwd", `..\..\a.xml`, "C:\\a.xml", "a\x00.xml", "\x1b]0;x\x07.xml", "\u202elmx", strings.Repeat("a/", 20_000), "con", "=cmd|' /C calc'!A0")
		return m.letter(zipPart, reportName+".zip", zipped(name, m.aggregate().String()))
	}},
	{"the same name in a zip", stored, func(m *maker) []byte {
		var pairs []string
		for range m.many(60, 60) {
			pairs = append(pairs, "a.xml", m.aggregate().String())
		}
		return m.letter(zipPart, reportName+".zip", zipped(pairs...))
	}},
	{"a data descriptor", stored, func(m *maker) []byte {
		archive := zipped(reportName, m.aggregate().String()) // archive/zip writes one
		at := bytes.Index(archive, []byte("PK\x07\x08"))
		copy(archive[at+4:at+16], m.noise(12))
		return m.letter(zipPart, reportName+".zip", archive)
	}},
	{"a zip bomb", kept, func(m *maker) []byte {
		return m.letter(zipPart, reportName+".zip", pile(squeezed(reportName, m.aggregate().head(), " ", m.many(1<<20, 1<<30), "</feedback>")))
	}},
	{"bombs in a zip", kept, func(m *maker) []byte {
		one := squeezed("a.xml", "<feedback>", " ", m.many(1<<18, 4<<20), "")
		stones := []stone{one}
		for range m.many(50, 90) {
			stones = append(stones, one)
		}
		return m.letter(zipPart, reportName+".zip", pile(stones...))
	}},
	{"a zip that is cut", kept, func(m *maker) []byte {
		whole := zipped(reportName, m.aggregate().String())
		return m.letter(zipPart, reportName+".zip", whole[:4+m.IntN(len(whole)-30)])
	}},
	{"a zip with a comment", kept, func(m *maker) []byte {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		if w, err := z.Create(reportName); err == nil {
			w.Write([]byte(m.aggregate().String()))
		}
		z.SetComment(strings.Repeat("PK\x05\x06", m.many(500, 16_000)))
		z.Close()
		return m.letter(zipPart, reportName+".zip", out.Bytes())
	}},
	{"a zip behind a program", kept, func(m *maker) []byte {
		return m.letter(zipPart, reportName+".zip", join([]byte("MZ"), m.noise(m.many(5000, 100_000)), zipped(reportName, m.aggregate().String())))
	}},
	{"folders and links in a zip", refused, func(m *maker) []byte {
		return m.letter(zipPart, reportName+".zip", zipped("a/", "", "a/b/", "", "__MACOSX/._a.xml", "x", "link", "/etc/passwd"))
	}},
	{"stored zip of 20 MB", refused, func(m *maker) []byte {
		return m.letter(zipPart, reportName+".zip", zipped("a.bin", string(m.noise(m.many(100_000, 16<<20)))))
	}},
}

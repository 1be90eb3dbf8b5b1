package reports

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"strings"
	"testing"
)

const hostileName = "mail.example!example.com!1767225600!1767311999.xml.gz"

// gzipped returns head, then filler so many times, then tail, compressed.
func gzipped(t *testing.T, head, filler string, times int, tail string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	block := strings.Repeat(filler, 1+(1<<16)/max(len(filler), 1))
	left := len(filler) * times
	if _, err := io.WriteString(z, head); err != nil {
		t.Fatal(err)
	}
	for left > 0 {
		n := min(left, len(block))
		if _, err := io.WriteString(z, block[:n]); err != nil {
			t.Fatal(err)
		}
		left -= n
	}
	if _, err := io.WriteString(z, tail); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// zipOf returns an archive of n members with one content.
func zipOf(t *testing.T, n int, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for range n {
		w, err := z.Create("a.xml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// overlapping returns an archive with two members in its directory that are the
// same bytes.
func overlapping(t *testing.T) []byte {
	t.Helper()
	one := zipOf(t, 1, "<feedback></feedback>")
	start := bytes.Index(one, []byte("PK\x01\x02"))
	end := bytes.LastIndex(one, []byte("PK\x05\x06"))
	entry, tail := one[start:end], bytes.Clone(one[end:])
	binary.LittleEndian.PutUint16(tail[8:], 2)
	binary.LittleEndian.PutUint16(tail[10:], 2)
	binary.LittleEndian.PutUint32(tail[12:], uint32(2*len(entry)))
	return bytes.Join([][]byte{one[:start], entry, entry, tail}, nil)
}

const (
	hostileHead = `<?xml version="1.0"?><feedback><report_metadata><org_name>x</org_name><report_id>1</report_id>` +
		`<date_range><begin>1767225600</begin><end>1767311999</end></date_range></report_metadata>` +
		`<policy_published><domain>example.com</domain><p>none</p></policy_published>`
	hostileTLS = `{"organization-name":"x","report-id":"1","date-range":{"start-datetime":"2026-01-01T00:00:00Z",` +
		`"end-datetime":"2026-01-01T23:59:59Z"},`
)

// hostileLimits are lower than the defaults, so that an attack past them is made
// and read in little time.
var hostileLimits = Limits{Unpacked: 16 << 20, Records: 1000}

// TestHostileDocuments holds that each attack on the readers ends in an error that
// names the bound which it meets.
func TestHostileDocuments(t *testing.T) {
	tests := []struct {
		name string
		data func(t *testing.T) []byte
		want string // in the reason
	}{
		{"attributes without end", func(t *testing.T) []byte {
			return gzipped(t, hostileHead+"<record", ` a=""`, 200_000, "/></feedback>")
		}, "an XML token exceeds the bound of 65536 bytes"},
		{"33 attributes", func(t *testing.T) []byte {
			return gzipped(t, hostileHead+"<record", ` a=""`, 33, "/></feedback>")
		}, "attributes of an XML element exceeds the bound of 32"},
		{"nesting without end", func(t *testing.T) []byte {
			return gzipped(t, hostileHead, "<a>", 100_000, "")
		}, "the nesting of XML elements exceeds the bound of 32 levels"},
		{"nested wrappers", func(t *testing.T) []byte {
			return gzipped(t, "", "<a>", 100, hostileHead)
		}, "the nesting of XML elements exceeds the bound of 32 levels"},
		{"long text", func(t *testing.T) []byte {
			return gzipped(t, hostileHead+"<version>", "a", 1<<20, "</version></feedback>")
		}, "an XML token exceeds the bound of 65536 bytes"},
		{"long text in pieces", func(t *testing.T) []byte {
			return gzipped(t, hostileHead+"<version>", "<![CDATA[abcdefgh]]>", 10_000, "</version></feedback>")
		}, "the text of an XML element exceeds the bound of 65536 bytes"},
		{"long comment", func(t *testing.T) []byte {
			return gzipped(t, hostileHead+"<!--", "-", 1<<20, "></feedback>")
		}, "an XML token exceeds the bound of 65536 bytes"},
		{"17 MB of comments", func(t *testing.T) []byte {
			return gzipped(t, hostileHead, "<!-- "+strings.Repeat("-", 8000)+" -->", 2<<10+1<<8, "</feedback>")
		}, "what the archives of one message unpack to exceeds the bound of 16777216 bytes"},
		{"17 MB of zeros behind the report", func(t *testing.T) []byte {
			return gzipped(t, hostileHead+"</feedback>", "\x00", 17<<20, "")
		}, "what the archives of one message unpack to exceeds the bound of 16777216 bytes"},
		{"records", func(t *testing.T) []byte {
			return gzipped(t, hostileHead, "<record/>", 1001, "</feedback>")
		}, "the number of records in one message exceeds the bound of 1000 records"},
		{"results", func(t *testing.T) []byte {
			return gzipped(t, hostileHead+"<record><auth_results>", "<dkim/>", 1001, "</auth_results></record></feedback>")
		}, "the number of DKIM results in one record exceeds the bound of 1000"},
		{"results in all", func(t *testing.T) []byte {
			record := "<record><auth_results>" + strings.Repeat("<dkim/><spf/>", 900) + "</auth_results></record>"
			return gzipped(t, hostileHead, record, 2000, "</feedback>")
		}, "the memory of the reports of one message exceeds the bound of 67108864 bytes"},
		{"namespaces", func(t *testing.T) []byte {
			return gzipped(t, hostileHead, `<a xmlns:a="" xmlns:b="" xmlns:c="" xmlns:d="">`, 17, "")
		}, "the number of XML namespaces exceeds the bound of 64 declarations"},
		{"errors", func(t *testing.T) []byte {
			return gzipped(t, "<feedback><report_metadata>", "<error>a</error>", 1001, "")
		}, "the number of error elements exceeds the bound of 1000 elements"},
		{"billion laughs", func(t *testing.T) []byte {
			return []byte(`<?xml version="1.0"?><!DOCTYPE feedback [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><feedback>&b;</feedback>`)
		}, "a DOCTYPE with an internal subset is not read"},
		{"external entity", func(t *testing.T) []byte {
			return []byte(`<!DOCTYPE feedback [<!ENTITY x SYSTEM "file:///etc/passwd">]><feedback>&x;</feedback>`)
		}, "a DOCTYPE with an internal subset is not read"},
		{"101 empty members", func(t *testing.T) []byte {
			return bytes.Repeat(gzipped(t, "", "", 0, ""), 101)
		}, "the number of members of one gzip stream exceeds the bound of 100 members"},
		{"1,001 zip entries", func(t *testing.T) []byte { return zipOf(t, 1001, "") },
			"the directory of a zip archive exceeds the bound of 1000 entries"},
		{"101 zip members", func(t *testing.T) []byte { return zipOf(t, 101, "text") },
			"the number of archive members in one message exceeds the bound of 100 members"},
		{"overlapping zip members", overlapping, "zip: members overlap"},
		{"TLS policies", func(t *testing.T) []byte {
			return gzipped(t, hostileTLS+`"policies":[{}`, ",{}", 10_000, "]}")
		}, "the number of policies of a TLS report exceeds the bound of 10000 policies"},
		{"TLS failures", func(t *testing.T) []byte {
			return gzipped(t, hostileTLS+`"policies":[{"failure-details":[{}`, ",{}", 50_000, "]}]}")
		}, "the number of failure-details of a TLS report exceeds the bound of 50000 entries"},
		{"TLS strings", func(t *testing.T) []byte {
			return gzipped(t, hostileTLS+`"policies":[{"policy":{"mx-host":["a"`, `,"a"`, 1000, "]}}]}")
		}, "the length of mx-host exceeds the bound of 1000 strings"},
		{"TLS nesting", func(t *testing.T) []byte {
			return gzipped(t, hostileTLS+`"x":`, "[", 20_000, "")
		}, "exceeded max depth"},
		{"long TLS report", func(t *testing.T) []byte {
			return gzipped(t, hostileTLS, " ", 9<<20, `"policies":[]}`)
		}, "a TLS report exceeds the bound of 8388608 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := tt.data(t)
			var found Found
			readBlob(bytes.NewReader(data), "1", hostileName, newBudget(hostileLimits), &found)
			if len(found.Reports) > 0 {
				t.Errorf("reports: got %d, want none", len(found.Reports))
			}
			if len(found.Unreadable) != 1 || !strings.Contains(found.Unreadable[0].Reason, tt.want) {
				t.Errorf("unreadable: got %+v, want one with %q", found.Unreadable, tt.want)
			}
		})
	}
}

// TestHostileZeros holds that a bomb which does not look like a report is not
// unpacked: it is no report.
func TestHostileZeros(t *testing.T) {
	data := gzipped(t, "", "\x00", 17<<20, "")
	var found Found
	b := newBudget(Limits{})
	readBlob(bytes.NewReader(data), "1", hostileName, b, &found)
	if len(found.Reports)+len(found.Unreadable)+len(b.archives) > 0 {
		t.Errorf("got %+v and %+v, want nothing", found, b.archives)
	}
	if unpacked := int64(defaultUnpacked) - b.unpacked; unpacked > sniffBytes {
		t.Errorf("unpacked: got %d bytes, want at most %d", unpacked, sniffBytes)
	}
}

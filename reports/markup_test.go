package reports

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// TestMarkupIsBounded holds that markup which says nothing costs no more than what a
// large report needs, in one document or in several.
func TestMarkupIsBounded(t *testing.T) {
	for _, filler := range []string{"<a/>", "<a></a>", "<!---->", "<?a?>", "<a b='' c=''/>"} {
		t.Run(filler, func(t *testing.T) {
			half := gzipped(t, hostileHead, filler, (maxMarkup/2+1000)/(1+strings.Count(filler, "=")), "</feedback>")
			b := newBudget(Limits{})
			var found Found
			for range 2 {
				readBlob(bytes.NewReader(half), "1", hostileName, b, &found)
			}
			if len(found.Reports) != 1 || len(found.Unreadable) != 1 {
				t.Fatalf("got %d reports, unreadable %+v, want one of each", len(found.Reports), found.Unreadable)
			}
			want := "the number of XML tags in one message exceeds the bound of 4000000 tags"
			if u := found.Unreadable[0]; u.Code != CodeLimit || !strings.Contains(u.Reason, want) {
				t.Errorf("got %+v, want %q", u, want)
			}
		})
	}
}

// TestUnreadableValuesCost holds that a value which is tried in many spellings counts
// as more than its tag.
func TestUnreadableValuesCost(t *testing.T) {
	for _, value := range []string{"<count>x</count>", "<source_ip>x</source_ip>"} {
		doc := hostileHead + "<record><row>" + strings.Repeat(value, maxMarkup/4) + "</row></record></feedback>"
		if _, _, err := readAggregate(strings.NewReader(doc), newBudget(Limits{})); err == nil || !strings.Contains(err.Error(), "XML tags") {
			t.Errorf("%s: got %v, want the bound of tags", value, err)
		}
	}
}

// TestMarkupAnywhere holds that a raw "<" loses no report, also where the schema has no
// element, and that what is kept of it is XML.
func TestMarkupAnywhere(t *testing.T) {
	for _, tt := range []struct{ name, record, extension string }{
		{"in an element of the schema", "<row><policy_evaluated><reason><comment>5 < 6</comment></reason></policy_evaluated></row>", ""},
		{"where the schema has none", "<row><x>5 < 6</x></row>", ""},
		{"in an extension", "<e:x xmlns:e='urn:e'>5 < 6</e:x>", "<e:x xmlns:e='urn:e'>5 &lt; 6</e:x>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := FindFile([]byte(hostileHead+"<record>"+tt.record+"</record></feedback>"), hostileName, Limits{})
			if len(found.Reports) != 1 {
				t.Fatalf("got no report: %+v", found.Unreadable)
			}
			r := &found.Reports[0]
			warned := slices.ContainsFunc(r.Warnings, func(w Warning) bool { return w.Code == WarnMarkup })
			if got := strings.Join(r.Aggregate.Records[0].Extensions, ""); got != tt.extension || !warned {
				t.Errorf("got the extension %q, warned %v, want %q and a warning", got, warned, tt.extension)
			}
		})
	}
}

// TestFirstCount holds that of several counts the first one counts, also when it is 0.
func TestFirstCount(t *testing.T) {
	for rows, want := range map[string]int64{"<count>0</count><count>7</count>": 0, "<count>x</count><count>7</count>": 7, "<count>5</count><count>7</count>": 5} {
		found := FindFile([]byte(hostileHead+strings.Repeat("<record><row>"+rows+"</row></record>", 2)+"</feedback>"), hostileName, Limits{})
		if len(found.Reports) != 1 {
			t.Fatalf("%s: got no report: %+v", rows, found.Unreadable)
		}
		for _, r := range found.Reports[0].Aggregate.Records {
			if r.Count != want {
				t.Errorf("%s: got %d, want %d", rows, r.Count, want)
			}
		}
	}
}

package reports

import (
	"bytes"
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

package reports

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

const smallReport = hostileHead + "<record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record></feedback>"

// TestArchiveOfNoName holds that an archive that cannot be unpacked waits for the
// subject of its message unless a file name says that it holds a report.
func TestArchiveOfNoName(t *testing.T) {
	broken := []byte("PK\x03\x04 broken")
	tests := []struct {
		name                 string
		unreadable, archives int
	}{
		{"report.zip", 0, 1},
		{"", 0, 1},
		{"mail.example!example.com!1767225600!1767311999.zip", 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var found Found
			b := newBudget(Limits{})
			readBlob(bytes.NewReader(broken), "1", tt.name, b, &found)
			if got := len(found.Unreadable); got != tt.unreadable {
				t.Errorf("unreadable: got %d, want %d", got, tt.unreadable)
			}
			if got := len(b.archives); got != tt.archives {
				t.Errorf("archives: got %d, want %d", got, tt.archives)
			}
			for _, u := range append(found.Unreadable, b.archives...) {
				if u.Code != CodeArchive || u.Part != "1" {
					t.Errorf("got %+v, want the code %q and the part", u, CodeArchive)
				}
			}
		})
	}
}

// TestBudgetIsShared holds that the bounds are on the sum of all parts.
func TestBudgetIsShared(t *testing.T) {
	packed := gzipped(t, smallReport, "", 0, "")
	tests := []struct {
		name   string
		limits Limits
		want   string
	}{
		{"unpacked", Limits{Unpacked: int64(2*len(smallReport) + 10)},
			"what the archives of one message unpack to exceeds the bound of"},
		{"records", Limits{Records: 2}, "the number of records in one message exceeds the bound of 2 records"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var found Found
			b := newBudget(tt.limits)
			for range 3 {
				readBlob(bytes.NewReader(packed), "1", "", b, &found)
			}
			if len(found.Reports) != 2 || len(found.Unreadable) != 1 {
				t.Fatalf("got %d reports and %+v, want 2 and one", len(found.Reports), found.Unreadable)
			}
			u := found.Unreadable[0]
			if u.Code != CodeLimit || !strings.Contains(u.Reason, tt.want) {
				t.Errorf("got %+v, want code %q and %q", u, CodeLimit, tt.want)
			}
		})
	}
}

// TestUnpackedExactly holds that a document of just the bound is read.
func TestUnpackedExactly(t *testing.T) {
	document := smallReport + "\n"
	packed := gzipped(t, document, "", 0, "")
	for _, tt := range []struct {
		name  string
		short int64
		want  string
	}{
		{"just enough", 0, "report"},
		{"the line end short", 1, CodeLimit},
		{"two bytes short", 2, CodeLimit},
		{"three bytes short", 3, CodeLimit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var found Found
			readBlob(bytes.NewReader(packed), "1", hostileName, newBudget(Limits{Unpacked: int64(len(document)) - tt.short}), &found)
			got := ""
			for range found.Reports {
				got += "report"
			}
			for _, u := range found.Unreadable {
				got += u.Code
			}
			if got != tt.want {
				t.Errorf("got %q, want %q (%+v)", got, tt.want, found.Unreadable)
			}
		})
	}
}

// TestReaderFails holds that a failing source makes an error of an open document
// and a warning of a complete one.
func TestReaderFails(t *testing.T) {
	broken := errors.New("the disk is gone")
	for _, tt := range []struct {
		name, doc string
		reports   int
	}{
		{"open", strings.TrimSuffix(smallReport, "</feedback>"), 0},
		{"complete", smallReport, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var found Found
			r := io.MultiReader(strings.NewReader(tt.doc), failing{broken})
			readBlob(r, "1", "", newBudget(Limits{}), &found)
			if got := len(found.Reports); got != tt.reports {
				t.Fatalf("reports: got %d, want %d", got, tt.reports)
			}
			text := ""
			if tt.reports == 1 {
				warned := found.Reports[0].Warnings
				text = warned[len(warned)-1].Text
			} else {
				text = found.Unreadable[0].Reason
			}
			if !strings.Contains(text, broken.Error()) {
				t.Errorf("got %q, want it to name %q", text, broken)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

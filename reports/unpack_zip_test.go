package reports

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/klauspost/compress/zip"
)

// membersOf unpacks all members of an archive, and says how reading and closing each went.
func membersOf(data []byte, ours bool) string {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err.Error()
	}
	if ours {
		archive.RegisterDecompressor(zip.Deflate, newZipInflater)
	}
	var members bytes.Buffer
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			fmt.Fprintf(&members, "open: %v\n", err)
			continue
		}
		content, err := io.ReadAll(r)
		fmt.Fprintf(&members, "%q, %v, close: %v\n", content, err, r.Close())
	}
	return members.String()
}

// TestZipInflater holds that members come out as from the package, whichever byte of the
// archive is wrong, also right behind one that was.
func TestZipInflater(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range 2 {
		member, err := w.Create(fmt.Sprintf("%d.xml", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := member.Write(generatedReport(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range b.Len() {
		data := bytes.Clone(b.Bytes())
		data[i] ^= 1 << (i % 8)
		if got, want := membersOf(data, true), membersOf(data, false); got != want {
			t.Fatalf("byte %d: got %s, want %s", i, got, want)
		}
	}
}

// storedZip is an archive of a report behind so many zeros, none of them packed.
func storedZip(t *testing.T, zeros int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, content := range [][]byte{make([]byte, zeros), []byte(smallReport)} {
		member, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i), Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := member.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestLongZip: an archive as long as what is looked at first is read like shorter and
// longer ones.
func TestLongZip(t *testing.T) {
	empty := len(storedZip(t, 0))
	for _, length := range []int{empty, sniffBytes - 1, sniffBytes, sniffBytes + 1, 3 * sniffBytes} {
		data := storedZip(t, length-empty)
		var found Found
		readBlob(bytes.NewReader(data), "1", "", newBudget(Limits{}), &found)
		if len(data) != length || len(found.Reports) != 1 {
			t.Errorf("%d bytes, want %d: got %d reports and %+v", len(data), length, len(found.Reports), found.Unreadable)
		}
	}
}

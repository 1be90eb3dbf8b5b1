package reports

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/klauspost/compress/flate"
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

// TestZipTail holds that a report that is whole is not also unreadable when only the end of
// its compressed stream is missing.
func TestZipTail(t *testing.T) {
	var stream, archive bytes.Buffer
	f, err := flate.NewWriter(&stream, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, smallReport); err != nil {
		t.Fatal(err)
	}
	if err := f.Flush(); err != nil { // and no Close
		t.Fatal(err)
	}
	z := zip.NewWriter(&archive)
	w, err := z.CreateRaw(&zip.FileHeader{Name: "mail.example!example.com!1!2.xml", Method: zip.Deflate,
		CompressedSize64: uint64(stream.Len()), UncompressedSize64: uint64(len(smallReport))})
	if err == nil {
		_, err = w.Write(stream.Bytes())
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	found := FindFile(archive.Bytes(), hostileName, Limits{})
	if len(found.Reports) != 1 || len(found.Unreadable) != 0 || len(found.Reports[0].Warnings) == 0 {
		t.Errorf("got %d reports and unreadable %+v, want one report with a warning", len(found.Reports), found.Unreadable)
	}
}

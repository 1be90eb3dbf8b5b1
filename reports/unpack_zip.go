package reports

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zip"
)

var (
	errZipEncrypted = errors.New("the member is encrypted")
	errZipMethod    = errors.New("the compression method is not supported")
	errZipOverlap   = errors.New("members overlap")
	errZipDirectory = errors.New("the directory at its end is missing or damaged")
)

// unzip reads the documents in a zip archive. Its directory stands at its end, so
// the archive is held whole; what it unpacks to is not.
func (d *documents) unzip(r io.Reader, p place) error {
	data, err := readWhole(r, "a zip archive", maxArchive)
	if err != nil {
		return fmt.Errorf("zip: %w", err)
	}
	members, err := zipMembers(data)
	if err != nil {
		return fmt.Errorf("zip: %w", err)
	}
	for _, m := range members {
		inner := p.into(m.Name)
		if err := d.open(inner); err != nil {
			return fmt.Errorf("zip: %w", err)
		}
		if err := d.unzipMember(m, inner); err != nil {
			d.archiveFailed(inner, fmt.Errorf("zip: %w", err))
		}
	}
	return nil
}

// zipMembers lists the files in an archive, in the order of its directory. The
// directory is bounded before it is read: the number that its end record gives is
// only compared modulo 65,536 with what follows. Members that share bytes make a
// bomb that needs no nesting; no honest archive has them.
func zipMembers(data []byte) ([]*zip.File, error) {
	if bytes.Count(data, []byte("PK\x01\x02")) > maxZipEntries {
		return nil, exceeds("the directory of a zip archive", maxZipEntries, "entries")
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, errZipDirectory
	}
	if err := checkOverlap(archive.File); err != nil {
		return nil, err
	}
	var members []*zip.File
	for _, f := range archive.File {
		if !f.FileInfo().IsDir() && !strings.HasPrefix(f.Name, "__MACOSX/") {
			members = append(members, f)
		}
	}
	return members, nil
}

func checkOverlap(files []*zip.File) error {
	type span struct{ begin, end int64 }
	var spans []span
	for _, f := range files {
		begin, err := f.DataOffset()
		if err != nil || f.CompressedSize64 > maxArchive {
			return errZipDirectory
		}
		spans = append(spans, span{begin, begin + int64(f.CompressedSize64)})
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.begin, b.begin) })
	for i := 1; i < len(spans); i++ {
		if spans[i].begin < spans[i-1].end || spans[i].begin == spans[i-1].begin {
			return errZipOverlap
		}
	}
	return nil
}

// unzipMember reads the document in one member.
func (d *documents) unzipMember(f *zip.File, p place) error {
	const encrypted = 1 // bit 0 of the general purpose flags
	if f.Flags&encrypted != 0 {
		return errZipEncrypted
	}
	if f.Method != zip.Store && f.Method != zip.Deflate {
		return fmt.Errorf("%w: %d", errZipMethod, f.Method)
	}
	content, err := f.Open()
	if err != nil {
		return err
	}
	err = d.read(&meter{content, d.budget}, p)
	return errors.Join(err, content.Close())
}

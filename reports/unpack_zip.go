package reports

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"
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
func (d *documents) unzip(r *bufio.Reader, p place) error {
	data, err := r.Peek(r.Size())
	if err != io.EOF { // longer than the buffer, or it cannot be read
		var whole io.Reader = r
		if p.depth > 0 { // else it is no more than the mail has
			whole = &charged{r, d.budget}
		}
		data, err = readWhole(whole, "a zip archive", maxArchive)
	}
	if failed(err) {
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
	archive.RegisterDecompressor(zip.Deflate, newZipInflater)
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

// zipInflater unpacks a member with a buffer and tables that are used again; the package
// makes a buffer for each.
type zipInflater struct {
	input   *bufio.Reader
	inflate io.ReadCloser
}

// zipInflaters keeps those that are done.
var zipInflaters = sync.Pool{New: func() any {
	input := bufio.NewReader(nil)
	return &zipInflater{input: input, inflate: flate.NewReader(input)}
}}

func newZipInflater(r io.Reader) io.ReadCloser {
	z := zipInflaters.Get().(*zipInflater)
	z.input.Reset(r)
	_ = z.inflate.(flate.Resetter).Reset(z.input, nil) // has no error without a dictionary
	return z
}

func (z *zipInflater) Read(p []byte) (int, error) { return z.inflate.Read(p) }

// Close gives the reader back, which must not be used any more. It returns the error that
// reading ended with.
func (z *zipInflater) Close() error {
	err := z.inflate.Close()
	z.input.Reset(nil)
	zipInflaters.Put(z)
	return err
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
	err = d.read(&meter{r: content, budget: d.budget}, p)
	_ = content.Close() // has only what reading ended with
	return err
}

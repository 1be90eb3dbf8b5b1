package reports

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// gunzip reads the document in a gzip stream (RFC 1952).
func (d *documents) gunzip(r *bufio.Reader, p place) error {
	stream, err := newGzipReader(r)
	if err != nil {
		return fmt.Errorf("unpack gzip: %w", err)
	}
	defer stream.release()
	inner := p.into(gzipName(stream.z.Name))
	if err := d.open(inner); err != nil {
		return err
	}
	return d.read(&meter{r: stream, budget: d.budget}, inner)
}

// gzipName is the name that the header of a gzip stream gives, or the word gzip.
func gzipName(name string) string {
	if name == "" {
		return "gzip"
	}
	return name
}

var (
	// errGzipTail says that what follows the last member is no gzip. Some
	// reporting organizations (Mimecast) send a line end there.
	errGzipTail = errors.New("gzip: bytes behind the last member")
	errGzipCut  = errors.New("gzip: the stream is cut short")
)

// gzipReader reads the members of a gzip stream as one document (RFC 1952 §2.2).
// It counts them, as members of no length cost time without using the budget.
type gzipReader struct {
	r       *bufio.Reader
	z       *gzip.Reader
	members int
	err     error
}

// inflaters keeps the readers that are done, with their tables and windows.
var inflaters = sync.Pool{New: func() any { return new(gzip.Reader) }}

// newGzipReader opens the first member. The caller has to release the reader.
func newGzipReader(r *bufio.Reader) (*gzipReader, error) {
	z := inflaters.Get().(*gzip.Reader)
	if err := z.Reset(r); err != nil {
		inflaters.Put(z)
		return nil, err
	}
	z.Multistream(false)
	return &gzipReader{r: r, z: z, members: 1}, nil
}

func (g *gzipReader) release() { inflaters.Put(g.z) }

func (g *gzipReader) Read(p []byte) (int, error) {
	for g.err == nil {
		n, err := g.z.Read(p)
		if err == io.EOF {
			err = g.nextMember()
		}
		if err == io.ErrUnexpectedEOF {
			err = errGzipCut
		}
		g.err = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, g.err
}

// nextMember opens the next member. It returns io.EOF when there is none.
func (g *gzipReader) nextMember() error {
	magic, err := g.r.Peek(2)
	if len(magic) == 0 {
		return err
	}
	if len(magic) < 2 || magic[0] != 0x1f || magic[1] != 0x8b {
		return errGzipTail
	}
	if g.members == maxMembers {
		return exceeds("the number of members of one gzip stream", maxMembers, "members")
	}
	g.members++
	if err := g.z.Reset(g.r); err != nil {
		return err
	}
	g.z.Multistream(false)
	return nil
}

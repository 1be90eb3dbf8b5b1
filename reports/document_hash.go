package reports

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"sync"
)

// documentHash hashes a document while it is read, with CRLF counted as LF: SMTP makes
// CRLF of the line ends of a document that is not encoded, and a file that is imported has
// LF. A CR that stands alone counts as it is.
type documentHash struct {
	r     io.Reader
	hash  hash.Hash
	cr    bool // a CR was read and is not hashed yet
	bytes [sha256.Size]byte
}

// documentHashes keeps those that are done.
var documentHashes = sync.Pool{New: func() any { return &documentHash{hash: sha256.New()} }}

// newDocumentHash begins a document. The caller has to release the hash.
func newDocumentHash(r io.Reader) *documentHash {
	d := documentHashes.Get().(*documentHash)
	d.r, d.cr = r, false
	d.hash.Reset()
	return d
}

func (d *documentHash) release() {
	d.r = nil
	documentHashes.Put(d)
}

func (d *documentHash) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	d.add(p[:n])
	return n, err
}

func (d *documentHash) add(p []byte) {
	for rest := p; len(rest) > 0; {
		if d.cr && rest[0] != '\n' {
			d.hash.Write(lineEnd[:1])
		}
		d.cr = false
		end := bytes.IndexByte(rest, '\r')
		if end < 0 {
			d.hash.Write(rest)
			break
		}
		d.hash.Write(rest[:end])
		d.cr, rest = true, rest[end+1:]
	}
}

var lineEnd = []byte("\r\n")

// sum ends the document.
func (d *documentHash) sum() [sha256.Size]byte {
	if d.cr {
		d.hash.Write(lineEnd[:1])
	}
	return [sha256.Size]byte(d.hash.Sum(d.bytes[:0]))
}

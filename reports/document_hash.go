package reports

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// documentHash hashes a document with CRLF counted as LF: SMTP makes CRLF of the
// line ends of a document that is not encoded, and a file that is imported has
// LF. A CR that stands alone counts as it is.
type documentHash struct {
	hash hash.Hash
	cr   bool // a CR was written and is not hashed yet
}

func newDocumentHash() *documentHash { return &documentHash{hash: sha256.New()} }

// Write never fails.
func (d *documentHash) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if d.cr && rest[0] != '\n' {
			d.hash.Write([]byte{'\r'})
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
	return len(p), nil
}

// sum ends the document.
func (d *documentHash) sum() [sha256.Size]byte {
	if d.cr {
		d.hash.Write([]byte{'\r'})
		d.cr = false
	}
	return [sha256.Size]byte(d.hash.Sum(nil))
}

package control

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
)

// Copier copies the store as of one moment.
type Copier interface {
	// Copy gives a file that stands at its start and is gone when it is closed.
	Copy() (f *os.File, size int64, err error)
}

// backup sends a copy of the store. It is copied on disk first: a transaction must
// not stay open for as long as a slow client likes.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) {
	f, size, err := s.Copier.Copy()
	if err != nil {
		fail(w, err)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	declareEnd(w)
	n, err := io.Copy(w, f)
	if err == nil && n != size {
		err = fmt.Errorf("the copy ended after %d of %d bytes", n, size)
	}
	writeEnd(w, end{Count: n}, err)
}

// Backup writes a copy of the store to w and gives its size in bytes.
func (c *Client) Backup(ctx context.Context, w io.Writer) (int64, error) {
	counted := &countingWriter{w: w}
	said, err := c.Render(ctx, "/v1/backup", nil, counted)
	if err == nil && said != counted.n {
		err = ErrCutShort
	}
	return counted.n, err
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

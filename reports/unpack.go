package reports

import (
	"errors"
	"io"
)

// meter passes on what decompression yields and takes it off the budget of the
// message. It counts the bytes that come out, never what a header promises.
type meter struct {
	r      io.Reader
	budget *budget
	over   error // the bound was passed; whoever forgot it is told again
}

func (m *meter) Read(p []byte) (int, error) {
	if m.over != nil {
		return 0, m.over
	}
	left := m.budget.unpacked
	if int64(len(p)) > left+1 {
		p = p[:left+1]
	}
	n, err := m.r.Read(p)
	if int64(n) > left {
		m.budget.unpacked = 0
		m.over = exceeds("what the archives of one message unpack to", m.budget.limits.Unpacked, "bytes")
		return int(left), m.over
	}
	m.budget.unpacked -= int64(n)
	return n, err
}

// open takes one archive member off the budget.
func (d *documents) open(p place) error {
	if p.depth > maxNesting {
		return exceeds("the nesting of archives", maxNesting, "levels")
	}
	if d.budget.opened == 0 {
		return exceeds("the number of archive members in one message", maxOpened, "members")
	}
	d.budget.opened--
	return nil
}

// charged counts what is read as memory, twice: it is held in a slice that grows.
type charged struct {
	r      io.Reader
	budget *budget
}

func (c *charged) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if over := c.budget.charge(2 * n); over != nil {
		return n, over
	}
	return n, err
}

// readWhole reads r to its end, into at most bound bytes.
func readWhole(r io.Reader, what string, bound int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, bound+1))
	if err == nil && int64(len(data)) > bound {
		err = exceeds(what, bound, "bytes")
	}
	return data, err
}

// failed tells whether err is more than the end of the input.
func failed(err error) bool { return err != nil && !errors.Is(err, io.EOF) }

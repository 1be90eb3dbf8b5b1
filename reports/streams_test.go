package reports

import "io"

// repeated is a document that is made while it is read: parts[0], then record so
// many times, then the end tag of the report.
type repeated struct {
	parts  []string
	record string
	times  int
	ended  bool
	rest   string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		switch {
		case len(r.parts) > 0:
			r.rest, r.parts = r.parts[0], r.parts[1:]
		case r.times > 0:
			r.rest, r.times = r.record, r.times-1
		case !r.ended:
			r.rest, r.ended = "</feedback>", true
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// oneByte gives out one byte at a time.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }

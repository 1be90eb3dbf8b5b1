package intake

import (
	"context"
	"fmt"
	"io"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// Import takes one message or bare document that did not come over SMTP: name is
// what the person calls it, for the part and the log only. It goes the same way
// as any other message; what only SMTP can know is skipped: SPF, and whether the
// external authorization existed at the time. The error is of the reading; what
// became of the message is the Result.
func (in *Intake) Import(ctx context.Context, name string, r io.Reader) (Result, error) {
	share := in.inFlight.share()
	defer share.release()
	buf, err := readMessage(ctx, r, in.MaxMessage, share)
	if err != nil {
		return Result{}, fmt.Errorf("read %s: %w", name, err)
	}
	m := message{
		ID:    newID(),
		Body:  buf[headroom:],
		buf:   buf,
		Facts: storage.Message{ReceivedAt: time.Now().UTC(), Source: storage.SourceImport},
	}
	m.find = func(l reports.Limits) reports.Found { return reports.FindFile(m.Body, name, l) }
	res := in.take(ctx, &m)
	recycle(buf) // as in Data
	return res, nil
}

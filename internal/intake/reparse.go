package intake

import (
	"context"
	"slices"

	"reportmx/reports"
	"reportmx/storage"
)

// Reparse reads a report again from the message that it came in. Number, facts of
// the message and external authorization stay; what the reader finds, and the
// warnings, are new, and a failure report is lessened as one that comes today. The
// error is storage.ErrOtherReport when the message holds no report of the same
// identity and content any more. It takes its place among the messages that come in.
func (in *Intake) Reparse(ctx context.Context, old *storage.Report, raw []byte) (*storage.Report, error) {
	m := &message{Facts: old.Message}
	m.find = func(l reports.Limits) reports.Found { return reports.Find(raw, l) }
	if old.Message.Source == storage.SourceImport {
		m.find = func(l reports.Limits) reports.Found { return reports.FindFile(raw, "", l) }
	}
	desk, err := in.work.enter(ctx, len(raw))
	defer desk.leave()
	if err != nil {
		return nil, err
	}
	found, err := in.read(ctx, m, desk)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(found.Reports, func(r reports.Report) bool {
		return r.Kind == old.Kind && r.ContentHash == old.ContentHash && r.Identity() == old.Identity()
	})
	if i < 0 {
		return nil, storage.ErrOtherReport
	}
	if old.Kind == reports.KindFailure { // the one that is stored may be redacted already
		m.Facts.Subject = found.Header.Subject
	}
	if err := in.lessenAll(m, found.Reports[i:i+1]); err != nil {
		return nil, err
	}
	r := in.stored(m, facts{ReceivedAt: old.Message.ReceivedAt}, found.Reports[i])
	r.Seq, r.Conflict, r.Authorization = old.Seq, old.Conflict, old.Authorization
	r.Part = old.Part // an imported file is named only on its way in
	for _, w := range old.Warnings {
		if w.Code == warningAccepted {
			r.Warnings = append(r.Warnings, w)
		}
	}
	return &r, nil
}

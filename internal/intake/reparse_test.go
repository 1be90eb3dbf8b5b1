package intake

import (
	"context"
	"errors"
	"testing"

	"reportmx/reports"
	"reportmx/storage"
)

// TestReparse mends a report that was read badly from its message.
func TestReparse(t *testing.T) {
	b := newBench(t, nil)
	raw := []byte(mailWith(document("example.com", "1"), document("example.com", "2")))
	found := reports.Find(raw, b.Limits).Reports
	old := storage.Report{Seq: 9, Report: found[1], Authorization: "authorized", Conflict: true,
		Message: storage.Message{Source: storage.SourceSMTP, Envelope: storage.Envelope{Helo: "client.example"}}}
	aggregate := *old.Aggregate
	aggregate.Records = nil
	old.Aggregate = &aggregate
	old.Warnings = []reports.Warning{{Code: "mistaken"}, {Code: warningAccepted, Text: "accepted by uid 0"}}
	got, err := b.Reparse(t.Context(), &old, raw)
	if err != nil {
		t.Fatal(err)
	}
	if got.Seq != 9 || !got.Conflict || got.Authorization != "authorized" || got.Message.Envelope.Helo != "client.example" {
		t.Errorf("what was known beside the report has changed: %+v", got)
	}
	if len(got.Aggregate.Records) != 1 || got.Aggregate.ReportID != "2" {
		t.Errorf("got %+v, want report 2 with its record", got.Aggregate)
	}
	accepted := false
	for _, w := range got.Warnings {
		if w.Code == "mistaken" {
			t.Error("an old warning stays")
		}
		accepted = accepted || w.Code == warningAccepted
	}
	if !accepted {
		t.Error("who accepted it is forgotten")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for b.work.small.TryAcquire(workLeast) {
	}
	if _, err := b.Reparse(over, &old, raw); !errors.Is(err, errNoRoom) {
		t.Errorf("no room beside the messages that come in: got error %v, want %v", err, errNoRoom)
	}
	b.work = newWorkroom()
	b.Limits.Reserve = func(int64) error { t.Error("it takes memory from elsewhere"); return nil }
	old.ContentHash[0]++
	if _, err := b.Reparse(t.Context(), &old, raw); !errors.Is(err, storage.ErrOtherReport) {
		t.Errorf("another document: got error %v, want %v", err, storage.ErrOtherReport)
	}
}

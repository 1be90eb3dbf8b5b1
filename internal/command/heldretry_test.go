package command

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"reportmx/internal/control"
)

func TestSayReleased(t *testing.T) {
	held := control.Held{Seq: 7, ReceivedAt: time.Date(2026, 11, 20, 4, 5, 6, 0, time.UTC), MailFrom: "reports@receiver.example", Subject: "Report\x1b[2J", MessageID: "1@receiver.example"}
	null := held
	null.MailFrom, null.Subject = "", ""
	long := held
	long.Subject = strings.Repeat("ü", 100)
	tests := map[string]struct {
		held   control.Held
		res    control.Imported
		want   string
		stayed bool
	}{
		"stored": {held, control.Imported{Stored: 1}, `7 (of 2026-11-20 from reports@receiver.example, "Report\x1b[2J"): 1 reports stored, 0 known already`, false},
		"stays":  {null, control.Imported{Held: 1, Reason: "cut short"}, "7 (of 2026-11-20, <1@receiver.example>) stays in the hold: cut short", true},
		"half": {long, control.Imported{Stored: 1, Held: 1, Reason: "cut short"},
			`7 (of 2026-11-20 from reports@receiver.example, "` + strings.Repeat("ü", 70) + `…"): 1 reports stored, 0 known already; the rest stays in the hold: cut short`, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			stayed := sayReleased(&out, heldName(test.held), test.res)
			if got := strings.ReplaceAll(strings.TrimSuffix(out.String(), "\n"), `\\`, `\`); got != test.want || stayed != test.stayed {
				t.Errorf("got  %s (stayed: %v)\nwant %s (%v)", got, stayed, test.want, test.stayed)
			}
		})
	}
}

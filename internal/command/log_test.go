package command

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reportmx/internal/config"
)

// TestLogCutsLongTexts: no text of a stranger makes a line that journald divides.
func TestLogCutsLongTexts(t *testing.T) {
	long := strings.Repeat("x", longestText)
	var b strings.Builder
	newLogger(&b, config.Log{Format: "json"}).Info("message",
		"fits", long, "over", long+"y", "rune", long[1:]+"üy", "bytes", strings.Repeat("\xbf", 2*longestText),
		"error", errors.New(long+"y"), "stack", long+"y")
	var got map[string]string
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "time")
	delete(got, "level")
	want := map[string]string{
		"msg": "message", "fits": long, "over": long + "…", "rune": long[1:] + "…", "bytes": strings.Repeat("\ufffd", longestText-4) + "…",
		"error": long + "…", "stack": long + "y",
	}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("got (-) want (+):\n%s", d)
	}

	b.Reset()
	newLogger(&b, config.Log{Format: "text"}).Info("message", "message_id", strings.Repeat("\n", 256<<10), "reason", strings.Repeat("\u202e", 256<<10))
	if got := b.Len(); got > 16<<10 {
		t.Errorf("text: got a line of %d bytes, want less than journald takes", got)
	}
}

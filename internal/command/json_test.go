package command

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"reportmx/internal/config"
)

// TestPlainJSON holds that what strangers wrote reaches no terminal as it is, and
// every reader of the JSON unchanged.
func TestPlainJSON(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain", `a "b" \ c`, `"a \"b\" \\ c"`},
		{"graphic", "Бюро 🙂", `"Бюро 🙂"`},
		{"DEL", "a\x7fb", `"a\u007fb"`},
		{"a control sequence in C1", "\u009b2J", `"\u009b2J"`},
		{"an override", "\u202egpj", `"\u202egpj"`},
		{"beyond 16 bits", "\U000e0041", `"\udb40\udc41"`},
		{"escapes", "\x1b[2J\n", `"\u001b[2J\n"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := printJSON(&b, tt.text); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSuffix(b.String(), "\n"); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			var back string
			if err := json.Unmarshal([]byte(b.String()), &back); err != nil || back != tt.text {
				t.Errorf("read back: got %s, %v, want %s", strconv.Quote(back), err, strconv.Quote(tt.text))
			}
		})
	}
}

// TestLogIsPlain holds that neither format of the log passes on what a terminal obeys,
// or begins a line that a stranger wrote.
func TestLogIsPlain(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			var b strings.Builder
			newLogger(&b, config.Log{Format: format}).Info("message", "message_id", "a\x7f\u009b2J\u202e\x1b\nlevel=ERROR", "reason", "Büro", "subject", "c\x7fd")
			got := strings.TrimSuffix(b.String(), "\n")
			for _, r := range got {
				if !strconv.IsGraphic(r) {
					t.Errorf("got %U in %q", r, got)
				}
			}
			if !strings.Contains(got, "Büro") {
				t.Errorf("got %q, want Büro as it is", got)
			}
		})
	}
}

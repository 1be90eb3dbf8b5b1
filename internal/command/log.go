package command

import (
	"bytes"
	"io"
	"log/slog"
	"unicode/utf8"

	"reportmx/internal/config"
)

func newLogger(w io.Writer, c config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level, ReplaceAttr: cutLong}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(plainWriter{w, plainJSON}, o))
	}
	return slog.New(slog.NewTextHandler(plainWriter{w, plainText}, o))
}

// longestText is the most bytes of a text in the log. What is behind 48 KiB of a line
// becomes a record of its own in the journal, which a stranger must not begin.
const longestText = 1 << 10

// cutLong cuts long texts, but for the stack of a panic.
func cutLong(_ []string, a slog.Attr) slog.Attr {
	text := ""
	switch a.Value.Kind() {
	case slog.KindString:
		text = a.Value.String()
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			text = err.Error()
		}
	}
	if len(text) <= longestText || a.Key == "stack" {
		return a
	}
	end := longestText
	for end > longestText-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return slog.String(a.Key, text[:end]+"…")
}

// plainWriter lets through what plain makes of whole lines.
type plainWriter struct {
	w     io.Writer
	plain func(line []byte) []byte
}

func (p plainWriter) Write(line []byte) (int, error) {
	if _, err := p.w.Write(p.plain(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// plainText spells DEL, the one character which a terminal may obey and the text handler
// does not quote for.
func plainText(line []byte) []byte {
	if bytes.IndexByte(line, 0x7f) < 0 {
		return line
	}
	return bytes.ReplaceAll(line, []byte{0x7f}, []byte(`\x7f`))
}

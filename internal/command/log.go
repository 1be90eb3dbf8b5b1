package command

import (
	"bytes"
	"io"
	"log/slog"

	"reportmx/internal/config"
)

func newLogger(w io.Writer, c config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(plainWriter{w, plainJSON}, o))
	}
	return slog.New(slog.NewTextHandler(plainWriter{w, plainText}, o))
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

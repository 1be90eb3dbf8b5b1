package command

import (
	"io"
	"log/slog"

	"reportmx/internal/config"
)

func newLogger(w io.Writer, c config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(plainWriter{w}, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// plainWriter lets through what plainJSON makes of whole lines of JSON. The text
// handler quotes such characters itself.
type plainWriter struct{ w io.Writer }

func (p plainWriter) Write(line []byte) (int, error) {
	if _, err := p.w.Write(plainJSON(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

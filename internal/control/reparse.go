package control

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
)

// Reparser reads stored messages again with the readers of today.
type Reparser interface {
	// Reparse gives each report that was looked at; with checkOnly nothing changes.
	Reparse(ctx context.Context, o ReparseOrder) iter.Seq2[Reparsed, error]
}

// ReparseOrder says what to do with a report that is read otherwise now.
type ReparseOrder struct {
	CheckOnly bool // only say so
}

// Reparsed is what became of one report.
type Reparsed struct {
	Seq     uint64 `json:"seq"`
	Kind    string `json:"kind"`
	Changed bool   `json:"changed"`
	Problem string `json:"problem,omitempty"` // it stays as it is
}

const paramCheck = "check"

func (s *Server) reparse(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := json.NewEncoder(w)
	var e end
	o := ReparseOrder{CheckOnly: r.URL.Query().Get(paramCheck) == "true"}
	for res, err := range s.Reparser.Reparse(r.Context(), o) {
		if err != nil {
			e.Error = err.Error()
			break
		}
		if out.Encode(res) != nil {
			return // the client is gone
		}
		e.Count++
	}
	e.End = e.Error == ""
	out.Encode(e)
}

package control

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"

	"reportmx/export"
	"reportmx/reports"
	"reportmx/storage"
)

const paramEnrich = "enrich"

// Enrichment is what one export learns about the sources of its reports.
type Enrichment interface {
	export.Enricher
	// Ahead gives the same reports, each when what takes time is known of it.
	Ahead(ctx context.Context, seq iter.Seq2[*storage.Report, error]) iter.Seq2[*storage.Report, error]
	// Note says what was left out, "" for nothing.
	Note() string
	// Close ends it; an error says that what was written is not to be trusted.
	Close() error
}

// Enriched asks for the columns of enrichment in GET /v1/reports.
func Enriched(v url.Values) { v.Set(paramEnrich, "true") }

// enriched renders reports with what is known of their sources. It takes as long as
// the DNS does; only this request waits.
func (s *Server) enriched(w http.ResponseWriter, r *http.Request, kind reports.Kind, o export.Options, seq iter.Seq2[*storage.Report, error]) {
	if s.Enrich == nil {
		http.Error(w, "nothing is known of sources here", http.StatusNotFound)
		return
	}
	e, err := s.Enrich()
	if err != nil {
		fail(w, err)
		return
	}
	declareEnd(w)
	o.Enricher = e
	count, err := export.Write(w, kind, o, e.Ahead(r.Context(), seq))
	note := e.Note()
	writeEnd(w, end{Count: count, Note: note}, errors.Join(err, e.Close()))
}

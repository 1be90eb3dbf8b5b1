package control

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"reportmx/storage"
)

// Server answers for a store. Importer, Status and Metrics may be nil: without a
// running server there is nothing to tell, and a store opened to read takes
// nothing in.
type Server struct {
	Store    Store
	Importer Importer
	Retrier  Retrier
	Reparser Reparser
	Pruner   Pruner
	Copier   Copier
	Status   func() any   // one JSON object
	Metrics  http.Handler // /metrics (Prometheus), /healthz and /readyz

	// Enrich begins an export that tells more of each source; nil where nobody can.
	Enrich func() (Enrichment, error)

	Schedules Schedules // nil for a store that is open only to read
}

// Handler gives the table of the paths.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/reports/{kind}", s.reports)
	mux.HandleFunc("GET /v1/summary", s.summary)
	mux.HandleFunc("GET /v1/held", s.held)
	mux.HandleFunc("GET /v1/held/{seq}/raw", s.heldRaw)
	mux.HandleFunc("DELETE /v1/held/{seq}", owners(s.dropHeld))
	if s.Importer != nil {
		mux.HandleFunc("POST /v1/import", owners(s.importOne))
	}
	if s.Schedules != nil {
		mux.HandleFunc("POST /v1/schedule/{name}/begin", owners(s.beginExport))
		mux.HandleFunc("POST /v1/schedule/{name}/confirm", owners(s.confirmExport))
	}
	if s.Retrier != nil {
		mux.HandleFunc("POST /v1/held/{seq}/retry", owners(s.retryHeld))
		mux.HandleFunc("POST /v1/held/{seq}/accept", owners(s.acceptHeld))
	}
	if s.Reparser != nil {
		mux.HandleFunc("POST /v1/reparse", owners(s.reparse))
	}
	if s.Copier != nil {
		mux.HandleFunc("GET /v1/backup", owners(s.backup))
	}
	if s.Pruner != nil {
		mux.HandleFunc("POST /v1/prune", owners(s.prune))
	}
	if s.Status != nil {
		mux.HandleFunc("GET /v1/status", s.status)
	}
	if s.Metrics != nil {
		for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
			mux.Handle("GET "+path, s.Metrics)
		}
	}
	return mux
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	answer(w, s.Status())
}

func (s *Server) importOne(w http.ResponseWriter, r *http.Request) {
	res, err := s.Importer.Import(r.Context(), r.URL.Query().Get("name"), r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	answer(w, res)
}

// answer writes one JSON object.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) // an error is of the connection, and the client sees it too
}

// fail tells a client why nothing was done.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if isNotFound(err) {
		status = http.StatusNotFound
	}
	http.Error(w, err.Error(), status)
}

// sequence reads the number of a held message from the path.
func sequence(r *http.Request) (uint64, error) {
	seq, err := strconv.ParseUint(r.PathValue("seq"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is not a number", storage.ErrNotFound, r.PathValue("seq"))
	}
	return seq, nil
}

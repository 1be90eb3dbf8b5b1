package control

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"reportmx/export"
	"reportmx/reports"
	"reportmx/storage"
)

// The names of the parameters that choose reports.
const (
	paramSince         = "since"
	paramUntil         = "until"
	paramArrivedSince  = "arrived_since"
	paramArrivedUntil  = "arrived_until"
	paramTarget        = "target"
	paramOrgName       = "org_name"
	paramAuthenticated = "authenticated"
	paramAfter         = "after"
)

// EncodeQuery spells a query as parameters; the kind stands in the path.
func EncodeQuery(q storage.Query) url.Values {
	v := make(url.Values)
	for name, t := range map[string]time.Time{
		paramSince: q.Since, paramUntil: q.Until, paramArrivedSince: q.ArrivedSince, paramArrivedUntil: q.ArrivedUntil,
	} {
		if !t.IsZero() {
			v.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	for name, s := range map[string]string{paramTarget: q.Target, paramOrgName: q.OrgName} {
		if s != "" {
			v.Set(name, s)
		}
	}
	if q.Authenticated {
		v.Set(paramAuthenticated, "true")
	}
	if q.After > 0 {
		v.Set(paramAfter, strconv.FormatUint(q.After, 10))
	}
	return v
}

// decodeQuery reads the parameters back.
func decodeQuery(kind string, v url.Values) (storage.Query, error) {
	q := storage.Query{Kind: reports.Kind(kind), Target: v.Get(paramTarget), OrgName: v.Get(paramOrgName), Authenticated: v.Get(paramAuthenticated) == "true"}
	for name, t := range map[string]*time.Time{
		paramSince: &q.Since, paramUntil: &q.Until, paramArrivedSince: &q.ArrivedSince, paramArrivedUntil: &q.ArrivedUntil,
	} {
		if s := v.Get(name); s != "" {
			var err error
			if *t, err = time.Parse(time.RFC3339Nano, s); err != nil {
				return q, fmt.Errorf("parameter %s: %w", name, err)
			}
		}
	}
	if s := v.Get(paramAfter); s != "" {
		var err error
		if q.After, err = strconv.ParseUint(s, 10, 64); err != nil {
			return q, fmt.Errorf("parameter %s: %w", paramAfter, err)
		}
	}
	return q, nil
}

// reports renders the reports of one kind.
func (s *Server) reports(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	q, err := decodeQuery(r.PathValue("kind"), v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	chosen, err := upTo(v, s.Store.Reports(r.Context(), q))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	o := export.Options{Format: export.Format(v.Get("format")), RawCells: v.Get("raw_cells") == "true"}
	if v.Get(paramEnrich) == "true" {
		s.enriched(w, r, q.Kind, o, chosen)
		return
	}
	declareEnd(w)
	count, err := export.Write(w, q.Kind, o, chosen)
	writeEnd(w, end{Count: count}, err)
}

// declareEnd announces the trailer, which HTTP wants before the body.
func declareEnd(w http.ResponseWriter) { w.Header().Set("Trailer", endTrailer) }

func writeEnd(w http.ResponseWriter, e end, err error) {
	e.End = err == nil
	if err != nil {
		e.Error = err.Error()
	}
	text, _ := json.Marshal(e) // cannot fail: numbers, a bool and a string
	w.Header().Set(endTrailer, string(text))
}

// summary sums reports up. The end counts the reports in it, and those left out.
func (s *Server) summary(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	q, err := decodeQuery(cmp.Or(v.Get(paramKind), string(reports.KindAggregate)), v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	top, _ := strconv.Atoi(v.Get("top")) // 0, all, when it is no number
	sum, err := s.summarize(r.Context(), q, export.SummaryOptions{
		By: export.By(v.Get("by")), All: v.Get("all") == "true", Top: top, Target: q.Target,
	})
	if err != nil {
		fail(w, err)
		return
	}
	declareEnd(w)
	writeEnd(w, end{Count: sum.Counted()}, sum.Write(w, export.Options{Format: export.Format(v.Get("format"))}))
}

// written is what both kinds of summary are to this room.
type written interface {
	Write(w io.Writer, o export.Options) error
	Counted() int64
}

func (s *Server) summarize(ctx context.Context, q storage.Query, o export.SummaryOptions) (written, error) {
	switch q.Kind {
	case reports.KindAggregate:
		return export.Summarize(o, s.Store.Digests(ctx, q))
	case reports.KindTLS:
		return export.SummarizeTLS(o, s.Store.Reports(ctx, q))
	}
	return nil, fmt.Errorf("there is no summary of %q", string(q.Kind))
}

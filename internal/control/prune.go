package control

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Pruner removes reports and messages.
type Pruner interface {
	// Prune counts also what it removed before an error.
	Prune(ctx context.Context, o PruneOrder) (Pruned, error)
}

// PruneOrder says what is to go. Without a target and a time it is what retention
// would remove now.
type PruneOrder struct {
	Target string    // only reports about this domain and below, with their messages
	Before time.Time // only what arrived before
	DryRun bool      // count only
}

// Pruned is how much was removed. Messages are those whose reports stay.
type Pruned struct {
	Aggregate int  `json:"aggregate"`
	Failure   int  `json:"failure"`
	TLS       int  `json:"tls"`
	Messages  int  `json:"messages"`
	Held      int  `json:"held"`
	DryRun    bool `json:"dry_run"`
}

// prune reads the order from the parameters.
func (s *Server) prune(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	o := PruneOrder{Target: v.Get("target"), DryRun: v.Get("dry_run") == "true"}
	if before := v.Get("before"); before != "" {
		var err error
		if o.Before, err = time.Parse(time.RFC3339Nano, before); err != nil {
			http.Error(w, "parameter before: "+err.Error(), http.StatusBadRequest)
			return
		}
	}
	p, err := s.Pruner.Prune(r.Context(), o)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, p)
}

// Prune asks for a removal.
func (c *Client) Prune(ctx context.Context, o PruneOrder) (p Pruned, err error) {
	q := make(url.Values)
	if o.Target != "" {
		q.Set("target", o.Target)
	}
	if !o.Before.IsZero() {
		q.Set("before", o.Before.UTC().Format(time.RFC3339Nano))
	}
	if o.DryRun {
		q.Set("dry_run", "true")
	}
	err = c.Send(ctx, http.MethodPost, "/v1/prune", q, nil, &p)
	return p, err
}

package control

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/user"
	"strconv"
)

// Retrier sends a held message through the intake again. acceptedBy is who takes its
// reports in spite of the reason, "" for nobody.
type Retrier interface {
	Retry(ctx context.Context, seq uint64, acceptedBy string) (Imported, error)
}

func (s *Server) retryHeld(w http.ResponseWriter, r *http.Request) { s.retry(w, r, "") }

func (s *Server) acceptHeld(w http.ResponseWriter, r *http.Request) {
	s.retry(w, r, who(r.Context()))
}

func (s *Server) retry(w http.ResponseWriter, r *http.Request, acceptedBy string) {
	seq, err := sequence(r)
	if err != nil {
		fail(w, err)
		return
	}
	res, err := s.Retrier.Retry(r.Context(), seq, acceptedBy)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, res)
}

// who names the user that the kernel says is asking: "uid 0 (root)".
func who(ctx context.Context) string {
	uid, ok := ctx.Value(peerKey{}).(uint32)
	if !ok {
		uid = uint32(os.Getuid())
	}
	name := fmt.Sprintf("uid %d", uid)
	if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		name += " (" + u.Username + ")"
	}
	return name
}

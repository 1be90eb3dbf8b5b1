package control

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"

	"golang.org/x/sys/unix"
)

// peerKey is where the user at the other end of a connection stands in a context.
type peerKey struct{}

// withPeer notes which user the kernel says is at the other end.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	uid, err := peerOf(c)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, uid)
}

func peerOf(c net.Conn) (uint32, error) {
	unixConn, ok := c.(*net.UnixConn)
	if !ok {
		return 0, errors.New("not a Unix socket")
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, credErr); err != nil {
		return 0, err
	}
	return cred.Uid, nil
}

// owners lets a request pass when root or our own user makes it. A request that
// did not come over a socket is our own process.
func owners(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !mayChange(r.Context()) {
			http.Error(w, "only root and the user of the service may do this", http.StatusForbidden)
			return
		}
		next(w, r)
	}
}

func mayChange(ctx context.Context) bool {
	if ctx.Value(localKey{}) != nil {
		return true
	}
	uid, ok := ctx.Value(peerKey{}).(uint32)
	return ok && (uid == 0 || int(uid) == os.Geteuid())
}

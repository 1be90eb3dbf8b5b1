package control

import (
	"context"
	"io"
	"net/http"
)

// localKey marks a request that never left this process.
type localKey struct{}

// local carries requests to a handler in this process, so that a command without
// a server takes the same way as one with.
type local struct{ handler http.Handler }

// RoundTrip runs the handler beside the caller; the body streams through a pipe.
func (l local) RoundTrip(req *http.Request) (*http.Response, error) {
	body, out := io.Pipe()
	w := &localWriter{
		out:     out,
		header:  make(http.Header),
		started: make(chan struct{}),
		res:     &http.Response{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: body, Request: req, Trailer: make(http.Header)},
	}
	inner := req.WithContext(context.WithValue(req.Context(), localKey{}, true))
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	go func() {
		l.handler.ServeHTTP(w, inner)
		w.WriteHeader(http.StatusOK)
		if e := w.header.Get(endTrailer); e != "" {
			w.res.Trailer.Set(endTrailer, e)
		}
		out.Close() // the reader looks at the trailer only after this
	}()
	<-w.started
	return w.res, nil
}

// localWriter is the http.ResponseWriter of a local request. The handler has a
// header of its own: it may still set trailers while the client reads.
type localWriter struct {
	out     *io.PipeWriter
	header  http.Header
	started chan struct{}
	begun   bool
	res     *http.Response
}

func (w *localWriter) Header() http.Header { return w.header }

func (w *localWriter) WriteHeader(status int) {
	if w.begun {
		return
	}
	w.begun = true
	w.res.StatusCode = status
	w.res.Header = w.header.Clone()
	close(w.started)
}

func (w *localWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.out.Write(p)
}

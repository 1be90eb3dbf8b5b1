// Package control is the running server's API for the program's own commands:
// HTTP/1.1 over a Unix socket, paths under /v1/, and the client for it. Without a
// running server the client calls the same handlers in its own process.
//
// Lists are NDJSON and end in a line {"end":true,"count":n} or {"error":"…"};
// what is rendered (CSV, JSON, a table) ends in the HTTP trailer Reportmx-End with
// the same object. An answer without its end is cut short: the client fails, and
// a file that was to hold it keeps its old content.
//
// Whoever can open the socket may read. What changes or deletes asks the kernel
// who is at the other end (SO_PEERCRED) and is for root and the service's user.
package control

import (
	"context"
	"io"
	"iter"

	"reportmx/storage"
)

// Store is what the handlers need of the store.
type Store interface {
	Reports(ctx context.Context, q storage.Query) iter.Seq2[*storage.Report, error]
	Digests(ctx context.Context, q storage.Query) iter.Seq2[*storage.Digest, error]
	Stats() (storage.Stats, error)
	Hold
}

// Hold is what they need of the hold.
type Hold interface {
	HeldMessages(ctx context.Context) iter.Seq2[*storage.Held, error]
	HeldRaw(seq uint64) ([]byte, error)
	DropHeld(ctx context.Context, seq uint64) error
}

// Importer takes one message or document that a client streams in.
type Importer interface {
	Import(ctx context.Context, name string, r io.Reader) (Imported, error)
}

// Imported is what became of one imported message.
type Imported struct {
	Stored  int    `json:"stored"`
	Known   int    `json:"known"`
	Held    int    `json:"held"`
	Refused bool   `json:"refused"` // nothing of it was kept, and never will be
	Failed  bool   `json:"failed"`  // a fault of ours: trying again may help
	Reason  string `json:"reason,omitempty"`
}

// end is the last line of a list, and the trailer of what is rendered.
type end struct {
	End   bool   `json:"end,omitempty"`
	Count int64  `json:"count"`
	Error string `json:"error,omitempty"`
	Note  string `json:"note,omitempty"` // what a person should know of an answer that is whole
}

// endTrailer is the name of the trailer that ends rendered answers.
const endTrailer = "Reportmx-End"

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/emersion/go-smtp"
)

// childVariable, set to an address, makes this program the discarding server.
const childVariable = "REPORTMX_BENCH_DISCARD"

// discarding is go-smtp with nothing behind it: what receiving costs in itself.
type discarding struct{}

func (discarding) NewSession(*smtp.Conn) (smtp.Session, error)    { return discarding{}, nil }
func (discarding) Mail(from string, opts *smtp.MailOptions) error { return nil }
func (discarding) Rcpt(to string, opts *smtp.RcptOptions) error   { return nil }
func (discarding) Data(r io.Reader) error                         { return drain(r) }
func (discarding) Reset()                                         {}
func (discarding) Logout() error                                  { return nil }

// discard serves until the process is ended.
func discard(addr string) error {
	s := smtp.NewServer(discarding{})
	s.Addr = addr
	s.Domain = "mx.reports.example.net"
	s.MaxMessageBytes = 25 << 20
	return s.ListenAndServe()
}

// startDiscard runs this program again as the discarding server.
func startDiscard(dir string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return startChild(addr, filepath.Join(dir, "discard.log"), []string{childVariable + "=" + addr}, self)
}

// Package dnstest is a DNS server for tests: a zone as text, answered over UDP and
// TCP on a loopback port, with wildcards as RFC 4592 has them and with the ways in
// which real servers fail.
//
// A zone is lines of "name [TTL] TYPE value", as in a zone file with absolute names;
// the final dot may be left out. A line that starts with ";" or "#" is a comment.
// Four words stand where a type would be and make every question for that name fail:
//
//	name SERVFAIL      also spelt TEMPERROR
//	name REFUSED
//	name STALL         no answer at all
//	name TRUNCATE      cut over UDP, so that the client must come again over TCP
//	name AD            answered with the AD bit
//
// NXDOMAIN needs no line: a name that nothing in the zone makes exist does not exist.
package dnstest

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Server is a running server. Its methods may be called while it answers.
type Server struct {
	// Addr is "127.0.0.1:port", the same port for UDP and TCP.
	Addr string

	mu      sync.Mutex
	zone    zone
	queries []string
	delay   time.Duration
	onlyTCP bool
	stop    chan struct{}
}

// Start runs a server with this zone until the test ends.
func Start(t testing.TB, zoneText string) *Server {
	t.Helper()
	return StartAt(t, "127.0.0.1:0", zoneText)
}

// StartAt is Start at an address of the caller's choice: programs that cannot be told
// another ask at port 53.
func StartAt(t testing.TB, addr, zoneText string) *Server {
	t.Helper()
	s := &Server{stop: make(chan struct{})}
	s.Set(t, zoneText)
	packets, listener, err := listen(addr)
	if err != nil {
		t.Fatalf("listen for DNS: %v", err)
	}
	s.Addr = packets.LocalAddr().String()
	var running sync.WaitGroup
	for _, srv := range []*dns.Server{
		{PacketConn: packets, Handler: s},
		{Listener: listener, Handler: s},
	} {
		ready := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(ready) }
		running.Go(func() { srv.ActivateAndServe() })
		<-ready
		t.Cleanup(func() { srv.Shutdown() })
	}
	t.Cleanup(func() { close(s.stop) }) // before the shutdowns, which wait for the handlers
	return s
}

// listen finds a port that is free for both protocols, if addr names none.
func listen(addr string) (net.PacketConn, net.Listener, error) {
	var last error
	for range 20 {
		packets, err := net.ListenPacket("udp", addr)
		if err != nil {
			return nil, nil, err
		}
		listener, err := net.Listen("tcp", packets.LocalAddr().String())
		if err == nil {
			return packets, listener, nil
		}
		packets.Close()
		last = err
	}
	return nil, nil, errors.Join(errors.New("no port free for UDP and TCP"), last)
}

// Set puts another zone in place.
func (s *Server) Set(t testing.TB, zoneText string) {
	t.Helper()
	z, err := parseZone(zoneText)
	if err != nil {
		t.Fatalf("zone: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone = z
}

// Delay lets each answer from now on wait; for tests of slow DNS.
func (s *Server) Delay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// OnlyTCP cuts each answer over UDP from now on, so that clients come again over TCP.
func (s *Server) OnlyTCP() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onlyTCP = true
}

// Queries are the questions so far, as "udp TXT _dmarc.example.com.".
func (s *Server) Queries() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.queries...)
}

// ServeDNS answers one question.
func (s *Server) ServeDNS(w dns.ResponseWriter, req *dns.Msg) {
	q := req.Question[0]
	network := w.LocalAddr().Network()
	s.mu.Lock()
	s.queries = append(s.queries, network+" "+dns.TypeToString[q.Qtype]+" "+q.Name)
	z, delay, cut := s.zone, s.delay, s.onlyTCP && network == "udp"
	s.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-s.stop:
			return
		}
	}
	reply := z.answer(req, network)
	if reply == nil {
		return
	}
	switch {
	case cut:
		reply.Answer, reply.Ns, reply.Truncated = nil, nil, true
	case network == "udp":
		reply.Truncate(payload(req))
	}
	w.WriteMsg(reply) // an error shows as a timeout at the client, which the test then sees
}

func payload(req *dns.Msg) int {
	if opt := req.IsEdns0(); opt != nil {
		return int(opt.UDPSize())
	}
	return dns.MinMsgSize
}

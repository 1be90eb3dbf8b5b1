package dmarcdns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	defaultResolvConf = "/etc/resolv.conf"
	maxServers        = 3 // as the C library's MAXNS: more would only use up the time
)

// servers are the recursive resolvers to ask: those of the configuration, or those
// of resolv.conf, which is read again when it has changed.
type servers struct {
	fixed []string
	path  string

	mu      sync.Mutex
	list    []string
	changed time.Time
	size    int64
}

func newServers(configured []string, path string) (*servers, error) {
	s := &servers{path: path}
	if s.path == "" {
		s.path = defaultResolvConf
	}
	for _, c := range configured {
		hostport, err := serverAddr(c)
		if err != nil {
			return nil, err
		}
		s.fixed = append(s.fixed, hostport)
	}
	return s, nil
}

// serverAddr takes an address with or without a port.
func serverAddr(s string) (string, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return net.JoinHostPort(addr.String(), "53"), nil
	}
	if ap, err := netip.ParseAddrPort(s); err == nil && ap.Port() != 0 {
		return ap.String(), nil
	}
	return "", fmt.Errorf("%q is not an IP address with or without a port", s)
}

// current returns the servers to ask, at least one.
func (s *servers) current() ([]string, error) {
	if len(s.fixed) > 0 {
		return s.fixed, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.path)
	if err != nil {
		return nil, fmt.Errorf("find dns servers: %w", err)
	}
	if len(s.list) > 0 && info.ModTime().Equal(s.changed) && info.Size() == s.size {
		return s.list, nil
	}
	conf, err := dns.ClientConfigFromFile(s.path)
	if err != nil {
		return nil, fmt.Errorf("read dns servers: %w", err)
	}
	s.list = nil
	for _, server := range conf.Servers[:min(len(conf.Servers), maxServers)] {
		s.list = append(s.list, net.JoinHostPort(server, "53"))
	}
	s.changed, s.size = info.ModTime(), info.Size()
	if len(s.list) == 0 {
		return nil, errors.New("no nameserver in " + s.path)
	}
	return s.list, nil
}

package smtpd

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// Config is what a Server is told. The zero value of a field is its documented
// default; a negative limit, rate or pause means none.
type Config struct {
	Hostname         string       // our name in the greeting and in replies; must be set
	PostmasterDomain string       // domain that a bare <Postmaster> belongs to; Hostname
	Certificate      *Certificate // for STARTTLS; without one it is not offered

	MaxMessageBytes int64 // of one message, dots unstuffed; 25 MiB
	MaxLineBytes    int   // of one line of content; 1 MiB, because real reports come on one line
	MaxRecipients   int   // of one message; 100
	MaxMessages     int   // of one session; 100

	MaxConnections       int            // at a time, lowered to what the file descriptors allow; 1000
	MaxPerAddress        int            // at a time from one IPv4 address or IPv6 /64; 20
	ConnectionsPerMinute int            // new ones from one address, four times that from a /24 or /48; 1200
	Exempt               []netip.Prefix // addresses that the three per-address limits do not hold for
	ProxyFrom            []netip.Prefix // addresses that must send a PROXY header, and the only ones that may
	GreetPause           time.Duration  // how long to look for a client that talks first; 1 ms

	IdleTimeout    time.Duration // for one whole command line; 60 s
	DataTimeout    time.Duration // between two reads of content; 60 s
	MinDataRate    int           // bytes per second of content, after 30 s; 500
	SessionTimeout time.Duration // from the greeting on; 15 min
	WriteTimeout   time.Duration // for one reply to leave; 30 s

	MaxRefused int // recipients refused with 5xx in one session; 10
	MaxErrors  int // replies 500 to 504 in one session; 10 (go-smtp itself closes at the fourth it cannot read)
	MaxJunk    int // commands that lead nowhere (NOOP, RSET, HELO, VRFY, …) since the last message; 20

	Logger   *slog.Logger // slog.Default()
	Observer Observer     // nil: nobody counts
}

// Bounds that are no options: nobody has a reason to change them.
const (
	maxCommandBytes  = 2048             // a command line; RFC 5321 §4.5.3.1.4 asks for 512 and more with extensions
	maxCommands      = 200              // commands since the last message, whatever they are
	payingChunk      = 1024             // bytes of a chunk that does not count as a command
	maxPathBytes     = 320              // an address: local part 64, @, domain 255 (RFC 5321 §4.5.3.1)
	uselessTimeout   = 90 * time.Second // for commands that lead to no content
	handshakeTimeout = 10 * time.Second // for TLS
	proxyTimeout     = 5 * time.Second  // for the PROXY header
	refusalTimeout   = time.Second      // for the reply to a client that is turned away
	rateGrace        = 30 * time.Second // before MinDataRate counts, and beyond a pause
	forceTimeout     = 5 * time.Second  // for sessions to end after their sockets were closed
	settleTries      = 1000             // looks at go-smtp's goroutine for chunks, about a second
	spareDescriptors = 100              // what the rest of the program needs
)

// Errors that callers decide on.
var (
	// ErrConfig is wrapped by every error of New.
	ErrConfig = errors.New("smtp configuration")
	// ErrClosed is returned by Serve after Shutdown began before it.
	ErrClosed = errors.New("smtp server closed")
)

func (c Config) withDefaults() (Config, error) {
	if c.Hostname == "" {
		return c, fmt.Errorf("%w: the host name is empty", ErrConfig)
	}
	if c.MaxMessageBytes < 0 || c.MaxLineBytes < 0 {
		return c, fmt.Errorf("%w: a message and a line must have a limit", ErrConfig)
	}
	if c.PostmasterDomain == "" {
		c.PostmasterDomain = c.Hostname
	}
	fallback(&c.MaxMessageBytes, 25<<20)
	fallback(&c.MaxLineBytes, 1<<20)
	fallback(&c.MaxRecipients, 100)
	fallback(&c.MaxMessages, 100)
	fallback(&c.MaxConnections, 1000)
	fallback(&c.MaxPerAddress, 20)
	fallback(&c.ConnectionsPerMinute, 1200)
	fallback(&c.GreetPause, time.Millisecond)
	fallback(&c.MinDataRate, 500)
	fallback(&c.WriteTimeout, 30*time.Second)
	fallback(&c.DataTimeout, time.Minute)
	fallback(&c.SessionTimeout, 15*time.Minute)
	// Deliberately shorter than the five minutes of RFC 5321 §4.5.3.2.7: every
	// sender is a machine, and 2,000 silent ones have to be gone in 90 s.
	fallback(&c.IdleTimeout, time.Minute)
	fallback(&c.MaxRefused, 10)
	fallback(&c.MaxErrors, 10)
	fallback(&c.MaxJunk, 20)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	return c, nil
}

func fallback[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// over tells whether n is more than limit; a negative limit is none.
func over(n, limit int) bool { return limit >= 0 && n > limit }

// Package config reads the configuration: a TOML file and the environment, by
// viper, into one checked struct.
//
// Everything that is wrong is reported at once, each with key, value, line and
// what to do (see [Errors]): unknown keys, durations and sizes without a unit,
// contradictions, files that do not exist. An environment variable
// REPORTMX_<SECTION>_<KEY> goes before the file; lists in it are separated by
// commas, and an empty variable counts as not set.
//
// A Config never changes. To reload, call [Load] again and swap the pointer.
// Relative paths are relative to the working directory of the process.
package config

import (
	"log/slog"
	"net/netip"
)

// DefaultPath is read when no file is named and it exists.
const DefaultPath = "/etc/reportmx/config.toml"

// Config is the whole configuration, checked, with every default filled in. The
// options are described in config.example.toml.
type Config struct {
	SMTP          SMTP
	Report        Report
	Target        []Target // as listed; Targets has those of TargetsFile, too
	TargetsFile   string   // "" for none
	Authorization Authorization
	Sender        Sender
	DNS           DNS
	Limits        Limits
	Storage       Storage
	Retention     Retention
	Failure       Failure
	Hold          Hold
	Postmaster    Postmaster
	Control       Control
	Enrich        Enrich
	Schedule      []Schedule
	Metrics       Metrics
	Log           Log

	// Targets is the set made of Target and TargetsFile; never nil.
	Targets *Targets
}

// SMTP is the section [smtp].
type SMTP struct {
	Hostname    string   // A-label; by default the machine's name
	Listen      []string // host:port, at least one
	Certificate string   // PEM file, "" for no STARTTLS
	Key         string   // PEM file, set if and only if Certificate is
	ProxyFrom   []netip.Prefix
}

// Report is the section [report]: our report domain, and the local parts that
// exist there. Local parts are in lower case; one may stand in several lists.
type Report struct {
	Domain    string // A-label
	Aggregate []string
	Failure   []string
	TLS       []string
}

// Target is one [[target]].
type Target struct {
	Domain    string // A-label, or "*"
	SendsMail bool   // false: nobody may send mail from it; default true
}

// Authorization is the section [authorization], about external authorization
// (RFC 9990 §4).
type Authorization struct {
	Mode    string   // observe, enforce or off; by default enforce with the target "*", else observe
	Recheck Duration // between two looks at the records of all targets
}

// Sender is the section [sender].
type Sender struct {
	OnFail string // accept, hold or reject
}

// DNS is the section [dns].
type DNS struct {
	Servers []string // IP address with or without port; empty: those of the system
	Budget  Duration // for all DNS of one message
}

// Limits is the section [limits].
type Limits struct {
	Message        Size     // of one message
	Unpacked       Size     // of all that the archives of one message hold
	InFlight       Size     // of all messages that are being received; at least Message
	Connections    int      // at the same time
	PerAddress     int      // at the same time from one IPv4 address or IPv6 /64
	PerMinute      int      // new connections from one IPv4 address or IPv6 /64
	WildcardDomain int      // reports a day about one domain that only the target "*" serves
	WildcardTotal  int      // reports a day about all such domains; at least WildcardDomain
	Recipients     int      // of one message
	Idle           Duration // for one command, and between two reads of content
	Session        Duration // for a whole connection; longer than Idle
}

// Storage is the section [storage].
type Storage struct {
	Dir string
}

// Retention is the section [retention]: how long things are kept after they arrived.
type Retention struct {
	Reports Age // aggregate and TLS reports
	Raw     Age // the messages that they came in; 0 keeps none from the start
	Failure Age // failure reports with their messages
	Held    Age // messages in the hold
}

// Hold is the section [hold].
type Hold struct {
	Size Size // of all messages in it; at least Limits.Message
}

// Failure is the section [failure].
type Failure struct {
	Keep      string // of the raw bytes of failure reports: headers, none or full
	Redact    bool   // local parts of addresses in them become tokens
	RedactKey string // file with the key of the tokens; "" for one of our own in Storage.Dir
}

// Postmaster is the section [postmaster].
type Postmaster struct {
	Size Size // of the Maildir for postmaster and abuse; at least Limits.Message
}

// Control is the section [control].
type Control struct {
	Socket string // path; by default in $RUNTIME_DIRECTORY, else in Storage.Dir
}

// Enrich is the section [enrich]: what exports add about each source.
type Enrich struct {
	ReverseDNS bool
	Databases  []string // paths of files in MaxMind's format; none of them need exist
	Budget     Duration // for all look-ups of one export
}

// Anything tells whether there is something to look at.
func (e *Enrich) Anything() bool { return e.ReverseDNS || len(e.Databases) > 0 }

// Schedule is one [[schedule]]: files that export --scheduled writes.
type Schedule struct {
	Name     string // a-z, 0-9 and "-"; no two have the same
	Kind     string // aggregate, failure or tls
	Format   string // csv, json, ndjson, ndjson-flat, parsedmarc-csv or parsedmarc-json
	Target   string // A-label; "" for all
	Dir      string // by default "exports" in Storage.Dir
	Compress string // "", gzip or zstd
	Period   string // arrived, day, week or month
	Enrich   bool   // with the columns of Config.Enrich; not of kind tls
}

// Metrics is the section [metrics].
type Metrics struct {
	Listen string // host:port; "" for the control socket only
}

// Log is the section [log].
type Log struct {
	Level  slog.Level
	Format string // text or json
}

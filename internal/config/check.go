package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// check is the work on one configuration: what is read so far, and what is wrong.
type check struct {
	cfg    *Config
	file   string
	layout *layout
	failed map[string]bool   // keys that need no further complaint
	env    map[string]string // variable that gave a key its value
	errs   Errors
}

// wrong notes an error of the value at path. A path of a key that was not to be
// decoded is skipped: its value is only the default.
func (c *check) wrong(path string, value any, format string, args ...any) {
	key := optionKey(path)
	if c.failed[key] {
		return
	}
	e := Error{Where: c.file, Key: key, Value: shown(value), Problem: fmt.Sprintf(format, args...)}
	option := key
	if list, _, found := strings.Cut(key, "."); found && (list == "target" || list == "schedule") {
		option = list
	}
	if variable := c.env[option]; variable != "" {
		e.Where = "$" + variable
	} else if e.Line = c.layout.lines[path]; e.Line == 0 {
		e.Line = c.layout.lines[option]
	}
	c.errs = append(c.errs, e)
}

// contradiction notes that two options do not go together, at the one that was
// given; the problem names the other.
func (c *check) contradiction(a, b string, valueA, valueB any, problem string) {
	if c.failed[a] || c.failed[b] {
		return
	}
	if c.given(a) || !c.given(b) {
		c.wrong(a, valueA, "%s %s = %s", problem, b, shown(valueB))
		return
	}
	c.wrong(b, valueB, "%s = %s %s this", a, shown(valueA), problem)
}

func (c *check) given(key string) bool {
	return c.env[key] != "" || c.layout.lines[key] > 0
}

// sorted gives the errors in the order of the file's lines; behind them those of
// the environment, of other files, and of what is missing.
func (c *check) sorted() Errors {
	elsewhere := func(e Error) int {
		if e.Where == c.file && e.Line > 0 {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(c.errs, func(a, b Error) int {
		if n := cmp.Compare(elsewhere(a), elsewhere(b)); n != 0 || elsewhere(a) == 1 {
			return n
		}
		return cmp.Compare(a.Line, b.Line)
	})
	return c.errs
}

// semantics checks what the values mean, and fills in what depends on others.
func (c *check) semantics() {
	c.smtp()
	c.report()
	c.targets()
	c.words()
	c.times()
	c.ages()
	c.limits()
	c.sizes()
	c.files()
	c.schedules()
	if listen := c.cfg.Metrics.Listen; listen != "" && !isListenAddr(listen) {
		c.wrong("metrics.listen", listen, `not an address to listen on; write "127.0.0.1:9225", or "" for the control socket only`)
	}
}

func (c *check) words() {
	mode := &c.cfg.Authorization.Mode
	switch {
	case *mode == "" && c.cfg.Targets.Wildcard():
		*mode = "enforce"
	case *mode == "":
		*mode = "observe"
	}
	c.word("authorization.mode", *mode, "observe", "enforce", "off")
	c.word("sender.on_fail", c.cfg.Sender.OnFail, "accept", "hold", "reject")
	c.word("failure.keep", c.cfg.Failure.Keep, "headers", "none", "full")
	c.word("log.format", c.cfg.Log.Format, "text", "json")
}

func (c *check) word(key, word string, allowed ...string) {
	if !slices.Contains(allowed, word) {
		c.wrong(key, word, "%v", oneOf(allowed...))
	}
}

func (c *check) times() {
	l := c.cfg.Limits
	c.atLeast("authorization.recheck", c.cfg.Authorization.Recheck, Duration(time.Minute))
	c.atLeast("limits.idle", l.Idle, Duration(time.Second))
	c.atLeast("limits.session", l.Session, Duration(time.Second))
	if l.Session < l.Idle {
		c.contradiction("limits.session", "limits.idle", l.Session, l.Idle, "is shorter than")
	}
	c.atLeast("enrich.budget", c.cfg.Enrich.Budget, Duration(time.Second))
	c.atLeast("dns.budget", c.cfg.DNS.Budget, Duration(100*time.Millisecond))
	if c.cfg.DNS.Budget >= Duration(5*time.Second) {
		c.wrong("dns.budget", c.cfg.DNS.Budget, `too long, the reply to DATA has to come within 5s; write less, such as "4s"`)
	}
	for _, server := range c.cfg.DNS.Servers {
		if !isServer(server) {
			c.wrong("dns.servers", server, `not an IP address with or without a port; write "192.0.2.53" or "[2001:db8::53]:5353"`)
		}
	}
}

func (c *check) ages() {
	r := c.cfg.Retention
	for key, age := range map[string]Age{"retention.reports": r.Reports, "retention.raw": r.Raw, "retention.failure": r.Failure, "retention.held": r.Held} {
		switch {
		case age == Forever, age >= Age(time.Hour):
		case key != "retention.raw":
			c.wrong(key, age, `too short; write at least "1h", or "forever"`)
		case age != 0:
			c.wrong(key, age, `too short; write at least "1h", "forever", or "0" to keep none`)
		}
	}
	if r.Raw != Forever && r.Reports != Forever && r.Raw > r.Reports {
		c.contradiction("retention.raw", "retention.reports", r.Raw, r.Reports, "is longer than")
	}
}

func (c *check) atLeast(key string, d, least Duration) {
	if d < least {
		c.wrong(key, d, "too short; write at least %q", least)
	}
}

func (c *check) limits() {
	l := c.cfg.Limits
	counts := []struct {
		key string
		n   int
	}{
		{"limits.connections", l.Connections},
		{"limits.per_address", l.PerAddress},
		{"limits.per_minute", l.PerMinute},
		{"limits.recipients", l.Recipients},
		{"limits.wildcard_domain", l.WildcardDomain},
		{"limits.wildcard_total", l.WildcardTotal},
	}
	for _, count := range counts {
		if count.n < 1 {
			c.wrong(count.key, count.n, "too small; write at least 1")
		}
	}
	if l.PerAddress > l.Connections {
		c.contradiction("limits.per_address", "limits.connections", l.PerAddress, l.Connections, "is more than")
	}
	if l.WildcardDomain > l.WildcardTotal {
		c.contradiction("limits.wildcard_domain", "limits.wildcard_total", l.WildcardDomain, l.WildcardTotal, "is more than")
	}
}

func (c *check) sizes() {
	const least, most = 64 << 10, 1 << 30 // memory is taken for a whole message
	l := c.cfg.Limits
	if l.Message < least || l.Message > most {
		c.wrong("limits.message", l.Message, "out of bounds; write from %q to %q", Size(least), Size(most))
	}
	if l.Unpacked < least || l.Unpacked > 4*most {
		c.wrong("limits.unpacked", l.Unpacked, "out of bounds; write from %q to %q", Size(least), Size(4*most))
	}
	if l.InFlight < l.Message {
		c.contradiction("limits.in_flight", "limits.message", l.InFlight, l.Message, "is less than")
	}
	if c.cfg.Hold.Size < l.Message {
		c.contradiction("hold.size", "limits.message", c.cfg.Hold.Size, l.Message, "is less than")
	}
	if c.cfg.Postmaster.Size < l.Message {
		c.contradiction("postmaster.size", "limits.message", c.cfg.Postmaster.Size, l.Message, "is less than")
	}
}

package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var errorTests = map[string]struct {
	file string // stands behind least, from line 5 on
	want string
}{
	"size without unit": {
		"[limits]\nmessage = 25",
		`c.toml:6: limits.message = 25: a size needs a unit; write "64KiB", "25MiB" or "1GiB"`,
	},
	"quoted size without unit": {
		"[limits]\nmessage = \"25\"",
		`c.toml:6: limits.message = "25": a size needs a unit; write "64KiB", "25MiB" or "1GiB"`,
	},
	"duration without unit": {
		"[limits]\nidle = 30",
		`c.toml:6: limits.idle = 30: a duration needs a unit; write "90s", "15m", "12h" or "30d"`,
	},
	"no duration": {
		"[authorization]\nrecheck = \"often\"",
		`c.toml:6: authorization.recheck = "often": not a duration; write "90s", "15m", "12h" or "30d"`,
	},
	"number in quotes": {
		"[limits]\nconnections = \"1000\"",
		`c.toml:6: limits.connections = "1000": not a whole number; write it with digits only, without quotes`,
	},
	"text for a list": {
		"[smtp]\nlisten = \"127.0.0.1:25\"",
		`c.toml:6: smtp.listen = "127.0.0.1:25": not a list of texts; write ["…", "…"]`,
	},
	"unknown option": {
		"[limits]\nmesage = \"1MiB\"",
		`c.toml:6: limits.mesage: no such option; did you mean limits.message?`,
	},
	"option of another section": {
		"[limits]\n\nbudget = \"1s\"",
		`c.toml:7: limits.budget: no such option; did you mean dns.budget?`,
	},
	"top option in a section": {
		"targets_file = \"x\"",
		`c.toml:5: target.targets_file: no such option in this section; move targets_file to the top of the file, before the first [section]`,
	},
	"unknown section, once": {
		"[limit]\nmessage = 1\nidle = 2",
		`c.toml:5: limit: no such section; did you mean [limits]?`,
	},
	"unknown and like nothing": {
		"[elsewhere]",
		`c.toml:5: elsewhere: no such section; config.example.toml lists all that exist`,
	},
	"section as list": {
		"[[limits]]\nidle = \"1s\"",
		`c.toml:5: limits: there is only one such section; write [limits]`,
	},
	"option twice, in other letters": {
		"[limits]\nidle = \"10s\"\nIdle = \"20s\"",
		`c.toml:7: limits.idle: given twice, first in line 6; remove one`,
	},
	"option below a target": {
		"limits = 5\n[dns]\n",
		`c.toml:5: target.limits: no such option; config.example.toml lists all that exist`,
	},
	"age": {
		"[retention]\nheld = \"always\"",
		`c.toml:6: retention.held = "always": neither a duration nor "forever"; write "12h", "30d" or "forever"`,
	},
	"age too short": {
		"[retention]\nheld = \"1m\"",
		`c.toml:6: retention.held = "1m": too short; write at least "1h", or "forever"`,
	},
	"age of nothing": {
		"[retention]\nfailure = \"0\"",
		`c.toml:6: retention.failure = "0": too short; write at least "1h", or "forever"`,
	},
	"raw of a minute": {
		"[retention]\nraw = \"1m\"",
		`c.toml:6: retention.raw = "1m": too short; write at least "1h", "forever", or "0" to keep none`,
	},
	"messages without reports": {
		"[retention]\nreports = \"30d\"",
		`c.toml:6: retention.reports = "30d": retention.raw = "90d" is longer than this`,
	},
	"hold smaller than a message": {
		"[hold]\nsize = \"1MiB\"",
		`c.toml:6: hold.size = "1MiB": is less than limits.message = "25MiB"`,
	},
	"word": {
		"[sender]\non_fail = \"drop\"",
		`c.toml:6: sender.on_fail = "drop": not one of the words allowed; write one of "accept", "hold", "reject"`,
	},
	"log level": {
		"[log]\nlevel = \"INFO+1\"",
		`c.toml:6: log.level = "INFO+1": not one of the words allowed; write one of "debug", "info", "warn", "error"`,
	},
	"certificate alone": {
		"[smtp]\ncertificate = \"errors_test.go\"",
		`c.toml:6: smtp.certificate = "errors_test.go": a certificate needs its key; add smtp.key`,
	},
	"key alone and not there": {
		"[smtp]\nkey = \"none.pem\"",
		`c.toml:6: smtp.key = "none.pem": no such file; mend the path, which is relative to the working directory, or make the file` + "\n" +
			`c.toml:6: smtp.key = "none.pem": a key needs its certificate; add smtp.certificate`,
	},
	"certificate that is a folder": {
		"[smtp]\ncertificate = \".\"\nkey = \"errors_test.go\"",
		`c.toml:6: smtp.certificate = ".": a folder; name a file in it`,
	},
	"storage in a file": {
		"[storage]\ndir = \"errors_test.go\"",
		`c.toml:6: storage.dir = "errors_test.go": a file; name a folder, or one that does not exist yet`,
	},
	"target twice": {
		"[[target]]\ndomain = \"EXAMPLE.com.\"",
		`c.toml:6: target.domain = "EXAMPLE.com.": a target already; remove one`,
	},
	"target without domain": {
		"[[target]]\nsends_mail = true",
		`c.toml:5: target: has no domain; write domain = "example.com"`,
	},
	"target that is no domain": {
		"[[target]]\ndomain = \"*.example.com\"",
		`c.toml:6: target.domain = "*.example.com": not a domain; write it like "example.com", or "*" alone to let DNS decide`,
	},
	"in flight less than a message, by default": {
		"[limits]\nmessage = \"64MiB\"\n[postmaster]\nsize = \"1GiB\"",
		`c.toml:6: limits.message = "64MiB": limits.in_flight = "48MiB" is less than this`,
	},
	"in flight less than a message": {
		"[limits]\nin_flight = \"1MiB\"",
		`c.toml:6: limits.in_flight = "1MiB": is less than limits.message = "25MiB"`,
	},
	"schedule without a name": {
		"[[schedule]]\nkind = \"tls\"",
		`c.toml:5: schedule: has no name; write name = "daily"`,
	},
	"schedule with a path for a name": {
		"[[schedule]]\nname = \"../x\"",
		`c.toml:6: schedule.name = "../x": not the name of a schedule; write a-z, 0-9 and "-", at most 64`,
	},
	"schedule twice": {
		"[[schedule]]\nname = \"a\"\n[[schedule]]\nname = \"a\"",
		`c.toml:8: schedule.name = "a": given twice; choose another name`,
	},
	"schedule with nothing to enrich with": {
		"[[schedule]]\nname = \"a\"\nenrich = true",
		`c.toml:7: schedule.enrich = true: nothing to enrich with; write enrich.databases, or enrich.reverse_dns = true`,
	},
	"schedule of TLS reports with sources": {
		"[[schedule]]\nname = \"a\"\nkind = \"tls\"\nenrich = true\n[enrich]\nreverse_dns = true",
		`c.toml:8: schedule.enrich = true: TLS reports name no source; remove it, or choose kind = "aggregate" or "failure"`,
	},
	"schedule of an unknown period": {
		"[[schedule]]\nname = \"a\"\nperiod = \"year\"",
		`c.toml:7: schedule.period = "year": not one of the words allowed; write one of "arrived", "day", "week", "month"`,
	},
	"schedule with an unknown key": {
		"[[schedule]]\nname = \"a\"\nkinds = \"tls\"",
		`c.toml:7: schedule.kinds: no such option; did you mean schedule.kind?`,
	},
	"schedule as a section": {
		"[schedule]\nname = \"a\"",
		`c.toml:5: schedule: a list has two pairs of brackets; write [[schedule]]`,
	},
	"metrics without a port": {
		"[metrics]\nlisten = \"127.0.0.1\"",
		`c.toml:6: metrics.listen = "127.0.0.1": not an address to listen on; write "127.0.0.1:9225", or "" for the control socket only`,
	},
	"session shorter than idle": {
		"[limits]\nsession = \"10s\"",
		`c.toml:6: limits.session = "10s": is shorter than limits.idle = "1m"`,
	},
	"dns longer than the reply": {
		"[dns]\nbudget = \"10s\"",
		`c.toml:6: dns.budget = "10s": too long, the reply to DATA has to come within 5s; write less, such as "4s"`,
	},
	"resolver by name": {
		"[dns]\nservers = [\"192.0.2.53\", \"dns.example.net\"]",
		`c.toml:6: dns.servers = "dns.example.net": not an IP address with or without a port; write "192.0.2.53" or "[2001:db8::53]:5353"`,
	},
	"network of proxies": {
		"[smtp]\nproxy_from = [\"192.0.2.0/33\"]",
		`c.toml:6: smtp.proxy_from = ["192.0.2.0/33"]: "192.0.2.0/33" is not an IP address or network; write "192.0.2.7" or "192.0.2.0/24"`,
	},
	"addresses": {
		"[smtp]\nhostname = \"a b\"\nlisten = [\"25\", \":25\", \":25\"]",
		`c.toml:6: smtp.hostname = "a b": not a host name; write one that DNS knows, such as "mx.example.net"` + "\n" +
			`c.toml:7: smtp.listen = "25": not an address to listen on; write "127.0.0.1:2525", "[::]:25" or ":25"` + "\n" +
			`c.toml:7: smtp.listen = ":25": given twice; remove one`,
	},
	"table below a target": {
		"[target.more]\nx = 1",
		`c.toml:5: target.more: no such section; config.example.toml lists all that exist`,
	},
	"option as section": {
		"[limits.idle]\nseconds = 1",
		`c.toml:5: limits.idle: an option and no section; write limits.idle = …`,
	},
	"unknown list": {
		"[[targets]]\ndomain = \"example.org\"",
		`c.toml:5: targets: no such list; there are only [[target]] and [[schedule]]`,
	},
	"yes for true": {
		"[[target]]\ndomain = \"example.org\"\nsends_mail = \"no\"",
		`c.toml:7: target.sends_mail = "no": neither true nor false; write one of them, without quotes`,
	},
	"too short and too small": {
		"[dns]\nbudget = \"0s\"\n[limits]\nmessage = \"1KiB\"\nunpacked = \"5GiB\"",
		`c.toml:6: dns.budget = "0s": too short; write at least "100ms"` + "\n" +
			`c.toml:8: limits.message = "1KiB": out of bounds; write from "64KiB" to "1GiB"` + "\n" +
			`c.toml:9: limits.unpacked = "5GiB": out of bounds; write from "64KiB" to "4GiB"`,
	},
	"an address for a name": {
		"[smtp]\nhostname = \"192.0.2.1\"",
		`c.toml:6: smtp.hostname = "192.0.2.1": not a host name; write one that DNS knows, such as "mx.example.net"`,
	},
	"listen on what is no host": {
		"[smtp]\nlisten = [\"a_b:65536\", \"a b:25\", \"localhost:0\"]",
		`c.toml:6: smtp.listen = "a_b:65536": not an address to listen on; write "127.0.0.1:2525", "[::]:25" or ":25"` + "\n" +
			`c.toml:6: smtp.listen = "a b:25": not an address to listen on; write "127.0.0.1:2525", "[::]:25" or ":25"`,
	},
	"socket that is a file": {
		"[control]\nsocket = \"check.go\"",
		`c.toml:6: control.socket = "check.go": there and no socket; name a path where nothing is yet`,
	},
	"socket too long": {
		"[control]\nsocket = \"/" + strings.Repeat("x", 107) + "\"",
		`c.toml:6: control.socket = "/` + strings.Repeat("x", 78) + `…: longer than the 107 bytes that a Unix socket may have; choose a shorter path`,
	},
	"text for a target": {
		"[[target]]\ndomain = 5",
		`c.toml:6: target.domain = 5: not a text; write it in double quotes`,
	},
	"syntax": {
		"[limits\n",
		`c.toml:5: not TOML at column 8: `,
	},
}

// TestErrors holds the exact words: an operator reads nothing else.
func TestErrors(t *testing.T) {
	for name, test := range errorTests {
		t.Run(name, func(t *testing.T) {
			_, err := parse([]byte(least+test.file+"\n"), "c.toml")
			got := message(err)
			if name == "syntax" { // the rest of the words are go-toml's
				got = got[:min(len(got), len(test.want))]
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("got (-) want (+):\n%s", diff)
			}
		})
	}
}

// TestErrorsAllAtOnce is about the whole: nothing is left for a second try.
func TestErrorsAllAtOnce(t *testing.T) {
	t.Setenv("REPORTMX_SMTP_HOSTNAM", "mx.example.net")
	t.Setenv("REPORTMX_LOG_FORMAT", "xml")
	file := `smtp = 3
[target]
domain = "example.com"
[report]
domian = "reports.example.net"
aggregate = ["dmarc@reports.example.net", "a+b", "Abuse", "a b", "x", "X"]
[storage]
dir = ""
[limits]
recipients = 0
postmaster.size = "1GiB"
`
	_, err := parse([]byte(file), "c.toml")
	want := []string{
		`c.toml:1: smtp: a section and no option; write [smtp], and its options below it`,
		`c.toml:2: target: a list has two pairs of brackets; write [[target]]`,
		`c.toml:5: report.domian: no such option; did you mean report.domain?`,
		`c.toml:6: report.aggregate = "dmarc@reports.example.net": a whole address; write only the part before the @`,
		`c.toml:6: report.aggregate = "a+b": has a tag; write it without: every +tag is accepted as it is`,
		`c.toml:6: report.aggregate = "Abuse": belongs to a person (RFC 5321 §4.5.1, RFC 2142 §4); choose another`,
		`c.toml:6: report.aggregate = "a b": not the local part of an address; write letters, digits, "-", "_" and "."`,
		`c.toml:6: report.aggregate = "X": given twice; remove one`,
		`c.toml:8: storage.dir = "": empty; write the folder of the store, such as "data"`,
		`c.toml:10: limits.recipients = 0: too small; write at least 1`,
		`c.toml:11: limits.postmaster.size: no such option; did you mean postmaster.size?`,
		`$REPORTMX_SMTP_HOSTNAM: no such option; did you mean REPORTMX_SMTP_HOSTNAME?`,
		`c.toml: report.domain: missing; write the domain of your rua and ruf addresses, such as "reports.example.net"`,
		`$REPORTMX_LOG_FORMAT: log.format = "xml": not one of the words allowed; write one of "text", "json"`,
	}
	if diff := cmp.Diff(strings.Split(message(err), "\n"), want); diff != "" {
		t.Errorf("got (-) want (+):\n%s", diff)
	}
}

func TestNothingAtAll(t *testing.T) {
	_, err := parse(nil, "c.toml")
	want := []string{"report.domain", "target"}
	var got []string
	for _, e := range err.(Errors) {
		got = append(got, e.Key)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got (-) want (+):\n%s", diff)
	}
}

func TestTargetsOfTheWrongType(t *testing.T) {
	const report = "[report]\ndomain = \"reports.example.net\"\n"
	tests := map[string]struct{ file, want string }{
		"a text":        {"target = \"example.com\"\n", `c.toml:1: target = "example.com": ` + errTarget.Error()},
		"no such file":  {"targets_file = \"none\"\n", `c.toml:1: targets_file = "none": no such file; mend the path, which is relative to the working directory, or make the file`},
		"a folder":      {"targets_file = \".\"\n", `c.toml:1: targets_file = ".": a folder; name a file in it`},
		"list of texts": {"target = [\"example.com\"]\n", `c.toml:1: target = "example.com": ` + errTarget.Error()},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parse([]byte(test.file+report), "c.toml")
			if got := message(err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

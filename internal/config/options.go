package config

import (
	"log/slog"
	"strings"
	"time"
)

// builtIn is the configuration when there is no file: enough to try the program.
const builtIn = `[report]
domain = "reports.example.net"
[[target]]
domain = "example.com"
`

// defaults are the values of all options that are not given. What depends on other
// options or on the machine is empty here and filled in by the checks.
func defaults() *Config {
	return &Config{
		SMTP: SMTP{Listen: []string{"127.0.0.1:2525"}},
		Report: Report{
			Aggregate: []string{"dmarc"},
			Failure:   []string{"ruf"},
			TLS:       []string{"tlsrpt"},
		},
		Authorization: Authorization{Recheck: Duration(time.Hour)},
		Sender:        Sender{OnFail: "accept"},
		DNS:           DNS{Budget: Duration(4 * time.Second)},
		Limits: Limits{
			Message:        25 << 20, // opendmarc-reports sends up to 21 MB
			Unpacked:       128 << 20,
			InFlight:       48 << 20,
			Connections:    2500,
			PerAddress:     20,
			PerMinute:      1200,
			WildcardDomain: 1000,
			WildcardTotal:  100_000,
			Recipients:     100,                        // the least that RFC 5321 §4.5.3.1.8 allows
			Idle:           Duration(time.Minute),      // every sender is a machine
			Session:        Duration(15 * time.Minute), // an honest one is done in seconds
		},
		Storage:    Storage{Dir: "data"},
		Retention:  Retention{Reports: Age(730 * day), Raw: Age(90 * day), Failure: Age(30 * day), Held: Age(14 * day)},
		Failure:    Failure{Keep: "headers", Redact: true},
		Hold:       Hold{Size: 1 << 30},
		Postmaster: Postmaster{Size: 64 << 20},
		Enrich:     Enrich{Budget: Duration(10 * time.Minute)},
		Log:        Log{Level: slog.LevelInfo, Format: "text"},
	}
}

// option is one key and where its value goes.
type option struct {
	key  string // in lower case, "section.name"
	into any    // a pointer of a type that decode knows
}

// env is the environment variable that goes before the file.
func (o option) env() string {
	return "REPORTMX_" + strings.ToUpper(strings.ReplaceAll(o.key, ".", "_"))
}

// options are all keys that exist, in the order of config.example.toml.
func (c *Config) options() []option {
	return []option{
		{"targets_file", &c.TargetsFile},
		{"smtp.hostname", &c.SMTP.Hostname},
		{"smtp.listen", &c.SMTP.Listen},
		{"smtp.certificate", &c.SMTP.Certificate},
		{"smtp.key", &c.SMTP.Key},
		{"smtp.proxy_from", &c.SMTP.ProxyFrom},
		{"report.domain", &c.Report.Domain},
		{"report.aggregate", &c.Report.Aggregate},
		{"report.failure", &c.Report.Failure},
		{"report.tls", &c.Report.TLS},
		{"target", &c.Target},
		{"authorization.mode", &c.Authorization.Mode},
		{"authorization.recheck", &c.Authorization.Recheck},
		{"sender.on_fail", &c.Sender.OnFail},
		{"dns.servers", &c.DNS.Servers},
		{"dns.budget", &c.DNS.Budget},
		{"limits.message", &c.Limits.Message},
		{"limits.unpacked", &c.Limits.Unpacked},
		{"limits.in_flight", &c.Limits.InFlight},
		{"limits.connections", &c.Limits.Connections},
		{"limits.per_address", &c.Limits.PerAddress},
		{"limits.per_minute", &c.Limits.PerMinute},
		{"limits.wildcard_domain", &c.Limits.WildcardDomain},
		{"limits.wildcard_total", &c.Limits.WildcardTotal},
		{"limits.recipients", &c.Limits.Recipients},
		{"limits.idle", &c.Limits.Idle},
		{"limits.session", &c.Limits.Session},
		{"storage.dir", &c.Storage.Dir},
		{"retention.reports", &c.Retention.Reports},
		{"retention.raw", &c.Retention.Raw},
		{"retention.failure", &c.Retention.Failure},
		{"retention.held", &c.Retention.Held},
		{"failure.keep", &c.Failure.Keep},
		{"failure.redact", &c.Failure.Redact},
		{"failure.redact_key", &c.Failure.RedactKey},
		{"postmaster.size", &c.Postmaster.Size},
		{"hold.size", &c.Hold.Size},
		{"control.socket", &c.Control.Socket},
		{"enrich.reverse_dns", &c.Enrich.ReverseDNS},
		{"enrich.databases", &c.Enrich.Databases},
		{"enrich.budget", &c.Enrich.Budget},
		{"schedule", &c.Schedule},
		{"metrics.listen", &c.Metrics.Listen},
		{"log.level", &c.Log.Level},
		{"log.format", &c.Log.Format},
	}
}

// scheduleKeys are the options of one [[schedule]].
var scheduleKeys = []string{
	"schedule.name", "schedule.kind", "schedule.format", "schedule.target", "schedule.dir", "schedule.compress", "schedule.period",
	"schedule.enrich",
}

// targetKeys are the options of one [[target]].
var targetKeys = []string{"target.domain", "target.sends_mail"}

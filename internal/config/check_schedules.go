package config

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
)

var errSchedule = errors.New(`not a schedule; write [[schedule]] and below it name = "daily"`)

// readSchedules decodes [[schedule]], each key by itself.
func (c *check) readSchedules(given any) []Schedule {
	tables, err := as[[]any](given, errSchedule)
	if err != nil {
		c.wrong("schedule", given, "%v", err)
		c.failed["schedule"] = true
	}
	var list []Schedule
	for i := range tables {
		path := "schedule." + strconv.Itoa(i)
		table, err := as[map[string]any](tables[i], errSchedule)
		if err != nil {
			c.wrong(path, tables[i], "%v", err)
			c.failed["schedule"] = true
			return nil
		}
		s := Schedule{Kind: "aggregate", Format: "csv", Period: "arrived"}
		for key, into := range map[string]any{
			"name": &s.Name, "kind": &s.Kind, "format": &s.Format, "target": &s.Target,
			"dir": &s.Dir, "compress": &s.Compress, "period": &s.Period, "enrich": &s.Enrich,
		} {
			value, given := table[key]
			if !given {
				continue
			}
			if err := decode(value, into); err != nil {
				c.wrong(path+"."+key, value, "%v", err)
				c.failed["schedule."+key] = true // of all: one complaint is enough to begin with
			}
		}
		list = append(list, s)
	}
	return list
}

// longestSchedule bounds the name of a schedule, in bytes: it stands in the names
// of files.
const longestSchedule = 64

// schedules checks the schedules and fills in their folders.
func (c *check) schedules() {
	seen := make(map[string]bool)
	for i := range c.cfg.Schedule {
		s := &c.cfg.Schedule[i]
		path := "schedule." + strconv.Itoa(i)
		switch {
		case s.Name == "":
			c.wrong(path, nil, `has no name; write name = "daily"`)
		case s.Name == "all":
			c.wrong(path+".name", s.Name, "means every schedule on the command line; choose another name")
		case len(s.Name) > longestSchedule || s.Name[0] == '-' || strings.Trim(s.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
			c.wrong(path+".name", s.Name, `not the name of a schedule; write a-z, 0-9 and "-", at most %d`, longestSchedule)
		case seen[s.Name]:
			c.wrong(path+".name", s.Name, "given twice; choose another name")
		}
		seen[s.Name] = true
		c.word(path+".kind", s.Kind, "aggregate", "failure", "tls")
		c.word(path+".format", s.Format, "csv", "json", "ndjson", "ndjson-flat", "parsedmarc-csv", "parsedmarc-json")
		c.word(path+".compress", s.Compress, "", "gzip", "zstd")
		c.word(path+".period", s.Period, "arrived", "day", "week", "month")
		if s.Target != "" {
			d, ok := domainName(s.Target)
			if !ok {
				c.wrong(path+".target", s.Target, `not a domain; write it like "example.com", or "" for all`)
			}
			s.Target = d
		}
		c.enriched(path, s)
		if s.Dir == "" {
			s.Dir = filepath.Join(c.cfg.Storage.Dir, "exports")
		}
	}
}

// enriched checks that a schedule has something to enrich, and to enrich with.
func (c *check) enriched(path string, s *Schedule) {
	switch {
	case !s.Enrich:
	case s.Kind == "tls":
		c.wrong(path+".enrich", s.Enrich, `TLS reports name no source; remove it, or choose kind = "aggregate" or "failure"`)
	case !c.cfg.Enrich.Anything():
		c.wrong(path+".enrich", s.Enrich, "nothing to enrich with; write enrich.databases, or enrich.reverse_dns = true")
	}
}

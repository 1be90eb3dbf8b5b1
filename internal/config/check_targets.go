package config

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// readTargets decodes [[target]], each key by itself.
func (c *check) readTargets(given any) []Target {
	tables, err := as[[]any](given, errTarget)
	if err != nil {
		c.wrong("target", given, "%v", err)
		c.failed["target"] = true
	}
	list := make([]Target, len(tables))
	for i := range tables {
		path := targetPath(i)
		table, err := as[map[string]any](tables[i], errTarget)
		if err != nil {
			c.wrong(path, tables[i], "%v", err)
			c.failed[path] = true
			continue
		}
		list[i].SendsMail = true
		c.readKey(path, "domain", table, &list[i].Domain)
		c.readKey(path, "sends_mail", table, &list[i].SendsMail)
	}
	return list
}

func (c *check) readKey(path, key string, table map[string]any, into any) {
	value, given := table[key]
	if !given {
		return
	}
	if err := decode(value, into); err != nil {
		c.wrong(path+"."+key, value, "%v", err)
		c.failed[path] = true
	}
}

func targetPath(i int) string { return "target." + strconv.Itoa(i) }

// targets checks the targets of both sources and makes the set of them.
func (c *check) targets() {
	seen := make(map[string]bool)
	for i := range c.cfg.Target {
		t := &c.cfg.Target[i]
		path := targetPath(i)
		if c.failed[path] {
			continue
		}
		if t.Domain == "" {
			c.wrong(path, nil, `has no domain; write domain = "example.com"`)
			continue
		}
		d, problem := targetDomain(t.Domain, seen)
		if problem != "" {
			c.wrong(path+".domain", t.Domain, "%s", problem)
			continue
		}
		t.Domain = d
	}
	list := slices.Concat(c.cfg.Target, c.targetsFile(seen))
	c.cfg.Targets = NewTargets(list)
	if len(list) == 0 && !c.failed["targets_file"] {
		c.wrong("target", nil, `none; write [[target]] and below it domain = "example.com", or "*" to let DNS decide`)
	}
}

// targetsFile reads one domain a line; "#" begins a comment.
func (c *check) targetsFile(seen map[string]bool) []Target {
	path := c.cfg.TargetsFile
	if path == "" || c.failed["targets_file"] {
		return nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		if !c.missing("targets_file", path) {
			c.wrong("targets_file", path, "%v; make it readable", err)
		}
		c.failed["targets_file"] = true
		return nil
	}
	var list []Target
	for i, line := range strings.Split(string(content), "\n") {
		text, _, _ := strings.Cut(line, "#")
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		d, problem := targetDomain(text, seen)
		if problem != "" {
			c.errs = append(c.errs, Error{Where: path, Line: i + 1, Key: "target", Value: shown(text), Problem: problem})
			continue
		}
		list = append(list, Target{Domain: d, SendsMail: true})
	}
	return list
}

// targetDomain gives the normal spelling of a target, or what is wrong with it.
func targetDomain(s string, seen map[string]bool) (domain, problem string) {
	d := s
	if s != Wildcard {
		var ok bool
		if d, ok = domainName(s); !ok {
			return "", `not a domain; write it like "example.com", or "*" alone to let DNS decide`
		}
	}
	if seen[d] {
		return "", "a target already; remove one"
	}
	seen[d] = true
	return d, ""
}

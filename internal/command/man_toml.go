package command

import (
	"regexp"
	"strings"
)

// A line of config.example.toml is one of these.
var (
	sectionLine = regexp.MustCompile(`^(?:# )?(\[+[a-z_]+\]+)$`)
	// optionLine shows a default behind "# ", or a value that has none.
	optionLine = regexp.MustCompile(`^(?:# )?([a-z_]+) = (.*)$`)
)

// optionManual gives reportmx.toml(5) from the example of a configuration, which
// explains every option in the comment before it.
func optionManual(example string) []byte {
	var p page
	p.request("TH", "REPORTMX.TOML", "5", "", "reportmx "+buildVersion(), "")
	p.request("SH", "NAME")
	p.text("reportmx.toml - configuration of reportmx")
	p.request("SH", "SYNOPSIS")
	p.text("/etc/reportmx/config.toml")
	p.request("SH", "DESCRIPTION")
	p.text("A TOML file. The default is shown behind each option; [report] domain has none, and the values shown of it and of [[target]] are examples.")
	o := &optionPage{page: &p}
	for line := range strings.SplitSeq(example, "\n") {
		o.line(strings.TrimSpace(line))
	}
	p.request("SH", "SEE ALSO")
	p.text("reportmx(8)")
	return p.Bytes()
}

// optionPage is what has been read so far of the example.
type optionPage struct {
	*page
	words []string // the comment that nothing has followed yet
	named bool     // an option was the last line
}

func (o *optionPage) line(line string) {
	if m := optionLine.FindStringSubmatch(line); m != nil {
		o.option(m[1] + " = " + m[2])
		return
	}
	if m := sectionLine.FindStringSubmatch(line); m != nil {
		o.request("SH", m[1])
		o.text(strings.Join(o.words, "\n"))
		o.words, o.named = nil, false
		return
	}
	o.named = false
	if comment, ok := strings.CutPrefix(line, "#"); ok {
		o.words = append(o.words, strings.TrimSpace(comment))
		return
	}
	o.flush()
}

// option is one with the comment before it; those that follow at once share it.
func (o *optionPage) option(text string) {
	if o.named {
		o.item(text, "See the option above.")
		return
	}
	o.item(text, strings.Join(o.words, "\n"))
	o.words, o.named = nil, true
}

// flush writes a comment that belongs to no option.
func (o *optionPage) flush() {
	if len(o.words) > 0 {
		o.request("PP")
		o.text(strings.Join(o.words, "\n"))
		o.words = nil
	}
	o.named = false
}

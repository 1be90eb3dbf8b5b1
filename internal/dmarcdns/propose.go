package dmarcdns

import (
	"regexp"
	"slices"
	"strings"
)

// Addresses are those of one report domain, as configured: local parts, the first
// of each is the one to publish.
type Addresses struct {
	ReportDomain string
	Aggregate    []string
	Failure      []string
}

// Address is the address to publish for a tag, "" if there is none.
func (a Addresses) Address(tag string) string {
	if locals := a.locals(tag); len(locals) > 0 {
		return locals[0] + "@" + a.host()
	}
	return ""
}

func (a Addresses) locals(tag string) []string {
	if tag == TagFailure {
		return a.Failure
	}
	return a.Aggregate
}

func (a Addresses) host() string {
	if d, err := domainName(a.ReportDomain); err == nil {
		return d
	}
	return a.ReportDomain
}

// accepts tells whether mail to this address is taken here; the local part decides
// nothing but that (design, "Configuration"), so those of both kinds count.
func (a Addresses) accepts(u URI) bool {
	return u.Host == a.host() && (slices.Contains(a.Aggregate, u.Local) || slices.Contains(a.Failure, u.Local))
}

// Propose is the policy record to publish: what is there, mended, with our
// addresses merged in and nothing weakened. Several records become one, with the
// strictest policy. Without any it is the plainest record that asks for reports.
func Propose(existing []string, ours Addresses) string {
	rec := proposal(existing)
	tags := []Tag{{"v", "DMARC1"}, {"p", string(orNone(rec.P))}}
	for _, t := range rec.Tags {
		switch t.Name {
		case "v", "p", TagAggregate, TagFailure:
		case "fo":
			if (len(rec.RUF) > 0 || len(ours.Failure) > 0) && !rec.invalid("fo") {
				tags = append(tags, t)
			}
		default:
			if slices.Contains(keptTags, t.Name) && !rec.invalid(t.Name) {
				tags = append(tags, t)
			}
		}
	}
	tags = append(tags, Tag{TagAggregate, mergeURIs(rec.RUA, ours, TagAggregate)})
	if ruf := mergeURIs(rec.RUF, ours, TagFailure); ruf != "" {
		tags = append(tags, Tag{TagFailure, ruf})
	}
	out := Record{Tags: slices.DeleteFunc(tags, func(t Tag) bool { return t.Value == "" })}
	return out.text()
}

// keptTags are those that a proposal takes over; what is none of DMARC's is left out.
var keptTags = []string{"sp", "np", "psd", "t", "adkim", "aspf", "pct", "rf", "ri"}

// proposed is the record that the check names, the smallest repair: unlike Propose it
// asks for failure reports only where the owner does already, or where there is no
// record yet, and it has no tags that RFC 9989 has removed.
func proposed(existing []string, ours Addresses) string {
	if len(existing) > 0 && !strings.Contains(strings.ToLower(strings.Join(existing, " ")), "ruf") {
		ours.Failure = nil
	}
	return withoutRemoved(Propose(existing, ours))
}

// withoutRemoved takes away the tags that RFC 9989 has removed.
func withoutRemoved(record string) string {
	rec, err := ParseRecord(record)
	if err != nil {
		return record
	}
	rec.Tags = slices.DeleteFunc(rec.Tags, func(t Tag) bool { return t.Name == "pct" || t.Name == "rf" || t.Name == "ri" })
	return rec.text()
}

func orNone(p Policy) Policy {
	if p == "" {
		return PolicyNone
	}
	return p
}

func (r *Record) invalid(tag string) bool {
	return slices.ContainsFunc(r.Flaws, func(f Flaw) bool {
		return f.Tag == tag && (f.Code == FlawValueInvalid || f.Code == FlawPolicyInvalid)
	})
}

var strictness = map[Policy]int{PolicyNone: 1, PolicyQuarantine: 2, PolicyReject: 3}

// proposal is the strictest of the mended records, with the addresses of all.
func proposal(existing []string) Record {
	var best Record
	var rua, ruf []URI
	for _, txt := range existing {
		rec, err := ParseRecord(mend(txt))
		if err != nil {
			continue
		}
		rua, ruf = append(rua, rec.RUA...), append(ruf, rec.RUF...)
		if best.Tags == nil || strictness[rec.P] > strictness[best.P] {
			best = rec
		}
	}
	best.RUA, best.RUF = rua, ruf
	return best
}

var (
	versionWord = regexp.MustCompile(`(?i)^[\s"]*v?\s*=?\s*dmarc1?\b[\s;,:"]*`)
	versionTag  = regexp.MustCompile(`(?i);?\s*\bv\s*=\s*dmarc1?\s*(;|$)`)
	commaTag    = regexp.MustCompile(`(?i)(,)[ \t]*(?:p|sp|np|rua|ruf|adkim|aspf|fo|psd|t|pct|rf|ri)[ \t]*=`)
	colonTypo   = regexp.MustCompile(`(?i)mailto\s*[;,.]\s*([^\s;,:=]+@)`)
	looseURI    = regexp.MustCompile(`(?i);\s*(mailto:[^;=]*@)`)
)

// curledQuotes takes away what word processors make of quotation marks; no record has
// a use for them.
var curledQuotes = strings.NewReplacer("\u201c", "", "\u201d", "", "\u2018", "", "\u2019", "")

// mend puts right what most often goes wrong in writing a record: the version word,
// its place, quotation marks, missing semicolons, and semicolons between addresses or behind mailto.
func mend(txt string) string {
	rest := strings.Trim(curledQuotes.Replace(txt), " \t\r\n\"")
	if loc := versionWord.FindStringIndex(rest); loc != nil {
		rest = rest[loc[1]:]
	} else {
		rest = versionTag.ReplaceAllString(rest, ";")
	}
	for _, pattern := range []*regexp.Regexp{commaTag, tagInside} {
		rest = pattern.ReplaceAllStringFunc(rest, func(s string) string { return "; " + strings.TrimLeft(s, ", \t") })
	}
	rest = colonTypo.ReplaceAllString(rest, "mailto:$1")
	rest = looseURI.ReplaceAllString(rest, ", $1")
	return "v=DMARC1; " + rest
}

// mergeURIs lists our address among the first two, and keeps the others: older
// organizations send to two addresses only (RFC 7489 §6.2). Sizes are dropped.
func mergeURIs(existing []URI, ours Addresses, tag string) string {
	var list []string
	at := -1
	for _, u := range existing {
		u, ok := mendURI(u)
		if !ok {
			continue
		}
		if u.Usable() && u.Host == ours.host() {
			if !ours.accepts(u) || at >= 0 {
				continue
			}
			at = len(list)
		}
		if entry := u.text(); !slices.Contains(list, entry) {
			list = append(list, entry)
		}
	}
	our := ours.Address(tag)
	switch {
	case at >= 2:
		entry := list[at]
		list = slices.Insert(slices.Delete(list, at, at+1), 1, entry)
	case at < 0 && our != "":
		list = slices.Insert(list, min(len(list), 1), "mailto:"+escapeAddress(our))
	}
	return strings.Join(list, ",")
}

var addressInside = regexp.MustCompile(`[^\s:/<>"!?,;=@]+@[^\s:/<>"!?,;=@]+`)

// mendURI puts an address right that is misspelt around the edges. What cannot be
// mended is not worth publishing, but other schemes are their owner's business.
func mendURI(u URI) (URI, bool) {
	if u.Usable() {
		return u, true
	}
	if found := addressInside.FindAllString(u.Raw, 2); len(found) == 1 {
		if mended := parseURI("mailto:" + found[0]); mended.Usable() {
			return mended, true
		}
	}
	return u, u.Broken == FlawURIScheme && strings.Contains(u.Raw, "://")
}

func (u URI) text() string {
	if !u.Usable() {
		return u.Raw
	}
	return "mailto:" + escapeAddress(u.Address())
}

// escapeAddress escapes what must not stand in a URI list (RFC 9989 §4.7, RFC 6068 §2).
func escapeAddress(address string) string {
	var b strings.Builder
	for i := range len(address) {
		c := address[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`!,;%?#"\`, c) >= 0 {
			const hex = "0123456789ABCDEF"
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

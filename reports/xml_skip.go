package reports

import (
	"bytes"
	"strings"
)

// skip passes over the last child and all that it holds.
func (x *xmlElements) skip() {
	if x.finished() {
		return
	}
	for depth := len(x.lengths); x.err == nil && len(x.lengths) >= depth; {
		if _, ok := x.scan.plainText(x.innermost()); ok {
			x.drop()
			continue
		}
		switch kind, tag, name := x.scan.plainTag(x.innermost()); kind {
		case plainEnd:
			x.drop()
		case plainStart, plainEmpty:
			x.pushPlain(kind, tag, name)
			x.finished()
		default:
			x.step()
		}
	}
}

// raw reads the last child to its end and returns it as it stands, tags included.
// An element past maxExtension is "": half of one would be of no use.
func (x *xmlElements) raw() string {
	bound := min(maxExtension, maxExtensions-x.kept)
	kept := append([]byte(nil), x.startTag...)
	start := len(kept)
	x.walk(func(token []byte) {
		if len(kept) <= bound {
			kept = append(kept, token...)
		}
	})
	if x.err != nil {
		return ""
	}
	if len(kept) <= bound {
		if whole, ok := x.declared(kept[:start], kept[start:], bound); ok {
			x.kept += len(whole)
			return strings.ToValidUTF8(whole, "\uFFFD")
		}
	}
	x.note(WarnExtension, kept)
	return ""
}

// declared is an element with the namespaces that it uses and that stand on what is
// around it: RFC 9990 §3.2 has extensions declare theirs on the root element, and
// an element on its own would mean nothing without. A namespace may be long and stand in
// each of many elements: ok is false when the whole passes bound.
func (x *xmlElements) declared(startTag, rest []byte, bound int) (whole string, ok bool) {
	nameEnd := bytes.IndexAny(startTag, " \t\r\n/>")
	if nameEnd < 0 {
		return string(startTag) + string(rest), true
	}
	bound -= len(startTag) + len(rest)
	var declarations strings.Builder
	seen := make(map[string]bool)
	for i := len(x.bindings) - 1; i >= 0; i-- { // the innermost counts
		b := x.bindings[i]
		if b.prefix == "" || seen[b.prefix] || bytes.Contains(startTag, []byte("xmlns:"+b.prefix+"=")) {
			continue
		}
		seen[b.prefix] = true
		if use := []byte(b.prefix + ":"); bytes.Contains(startTag, use) || bytes.Contains(rest, use) {
			if declarations.Len()+len(b.namespace) > bound { // before it is copied
				return "", false
			}
			declarations.WriteString(" xmlns:" + b.prefix + `="` + strings.ReplaceAll(b.namespace, `"`, "&quot;") + `"`)
		}
	}
	return string(startTag[:nameEnd]) + declarations.String() + string(startTag[nameEnd:]) + string(rest), declarations.Len() <= bound
}

// walk shows each token inside the last child, its end tag included.
func (x *xmlElements) walk(show func(token []byte)) {
	if x.finished() {
		return
	}
	for depth := len(x.lengths); x.err == nil && len(x.lengths) >= depth; {
		if token, ok := x.step(); ok {
			show(token)
		}
	}
}

// step reads one token inside the last child and returns it as it stands, but for a raw "<";
// ok is false when there is none.
func (x *xmlElements) step() (raw []byte, ok bool) {
	token, err := x.scan.next()
	if err != nil {
		x.fail(cutShort(err))
		return nil, false
	}
	switch token.kind {
	case xmlStart:
		x.push(&token)
		x.finished()
	case xmlEnd:
		x.pop(token.name)
	case xmlStray:
		x.note(WarnMarkup, token.raw)
		return []byte("&lt;"), true
	}
	return token.raw, true
}

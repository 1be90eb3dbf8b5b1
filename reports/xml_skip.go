package reports

import "strings"

// skip passes over the last child and all that it holds.
func (x *xmlElements) skip() {
	x.walk(func([]byte) {})
}

// raw reads the last child to its end and returns it as it stands, tags included.
// An element past maxExtension is "": half of one would be of no use.
func (x *xmlElements) raw() string {
	bound := min(maxExtension, maxExtensions-x.kept)
	kept := append([]byte(nil), x.startTag...)
	x.walk(func(token []byte) {
		if len(kept) <= bound {
			kept = append(kept, token...)
		}
	})
	if x.err != nil {
		return ""
	}
	if len(kept) > bound {
		x.note(WarnExtension, kept)
		return ""
	}
	x.kept += len(kept)
	return strings.ToValidUTF8(string(kept), "\uFFFD")
}

// walk shows each token inside the last child, its end tag included.
func (x *xmlElements) walk(show func(token []byte)) {
	if x.finished() {
		return
	}
	for depth := len(x.lengths); x.err == nil && len(x.lengths) >= depth; {
		token, err := x.scan.next()
		if err != nil {
			x.fail(cutShort(err))
			return
		}
		switch token.kind {
		case xmlStart:
			x.push(&token)
			x.finished()
		case xmlEnd:
			x.pop(token.name)
		case xmlStray:
			x.fail(errMarkup)
		}
		show(token.raw)
	}
}

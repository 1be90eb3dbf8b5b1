package mailauth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// verdictOf ends the verification of a signature: a result of RFC 8601 §2.7.1 with
// its reason.
type verdictOf struct{ result, reason string }

func permError(format string, v ...any) *verdictOf {
	return &verdictOf{resultPermError, fmt.Sprintf(format, v...)}
}

// verifySignature verifies one signature (RFC 6376 §6.1): what it says of itself,
// its key, the hash of the body, the signature of the header. nil is a pass.
func (v *Verifier) verifySignature(ctx context.Context, l letter, c *candidate) *verdictOf {
	picked, err := pick(l.fields, c)
	if err != nil {
		return &verdictOf{resultPolicy, err.Error()}
	}
	if c.tags["l"] != "" {
		// Deliberately even where l= covers the whole body, unlike RFC 6376 §3.4.5:
		// what follows a shorter one is unsigned, and that is where a report can be put
		// (RFC 8460 §3 forbids l= for TLS reports).
		return &verdictOf{resultPolicy, "l= leaves part of the body unsigned"}
	}
	if no := checkTags(c, time.Now()); no != nil {
		return no
	}
	key, no := v.key(ctx, c)
	if no != nil {
		return no
	}
	if no := key.allows(noSpace(c.tags["a"])); no != nil {
		return no
	}
	header, body, known := canons(c.tags["c"])
	if !known {
		return permError("unsupported canonicalization algorithm")
	}
	wanted, err := decode(c.tags["bh"])
	if err != nil {
		return permError("malformed body hash: %v", err)
	}
	signature, err := decode(c.tags["b"])
	if err != nil {
		return permError("malformed signature: %v", err)
	}
	if subtle.ConstantTimeCompare(l.hashes.sum(body), wanted) != 1 {
		return &verdictOf{resultFail, "body hash did not verify"}
	}
	if err := key.verify(headerHash(picked, l.fields[c.field], header), signature); err != nil {
		return &verdictOf{resultFail, "signature did not verify: " + err.Error()}
	}
	return nil
}

// requiredTags are those of RFC 6376 §3.5.
var requiredTags = []string{"v", "a", "b", "bh", "d", "h", "s"}

// checkTags looks at what needs no key.
func checkTags(c *candidate, now time.Time) *verdictOf {
	if c.tags["v"] != "1" {
		return permError("incompatible signature version")
	}
	for _, tag := range requiredTags {
		if _, ok := c.tags[tag]; !ok {
			return permError("signature missing required tag")
		}
	}
	if agent, ok := c.tags["i"]; ok && !agentFits(noSpace(agent), noSpace(c.tags["d"])) {
		return permError("domain mismatch")
	}
	if !signsFrom(c.tags["h"]) {
		return permError("From field not signed")
	}
	if text, ok := c.tags["t"]; ok {
		if _, err := strconv.ParseInt(noSpace(text), 10, 64); err != nil {
			return permError("malformed time: %v", err)
		}
	}
	if text, ok := c.tags["x"]; ok {
		seconds, err := strconv.ParseInt(noSpace(text), 10, 64)
		if err != nil {
			return permError("malformed expiration time: %v", err)
		}
		if now.After(time.Unix(seconds, 0)) {
			return permError("signature has expired")
		}
	}
	if methods, ok := c.tags["q"]; ok && !listed(methods, "dns/txt") {
		return permError("unsupported public key query method")
	}
	return nil
}

// agentFits tells whether i= is of the domain d= or of one below it (RFC 6376 §3.5).
func agentFits(agent, domain string) bool {
	agent, domain = strings.ToLower(agent), strings.ToLower(domain)
	return strings.HasSuffix(agent, "@"+domain) || strings.HasSuffix(agent, "."+domain)
}

func signsFrom(names string) bool {
	for name := range strings.SplitSeq(names, ":") {
		if strings.EqualFold(noSpace(name), "From") {
			return true
		}
	}
	return false
}

// listed tells whether a list with colons has this word.
func listed(list, word string) bool {
	for item := range strings.SplitSeq(list, ":") {
		if noSpace(item) == word {
			return true
		}
	}
	return false
}

// decode reads base64 with white space anywhere and with or without padding at the
// end (RFC 6376 §2.10).
func decode(text string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(noSpace(text), "="))
}

// pick gives the fields that a signature covers, in the order of h=: of each name
// from below, and a name that is listed more often than it is there covers that there
// is no other (RFC 6376 §5.4.2).
func pick(fields []field, c *candidate) ([]*field, error) {
	names := strings.Split(c.tags["h"], ":")
	if len(names) > maxSignedNames {
		return nil, fmt.Errorf("more than %d names in h=", maxSignedNames)
	}
	for i := range names {
		names[i] = strings.ToLower(noSpace(names[i]))
	}
	byName := make(map[string][]*field, len(names))
	for _, name := range names {
		byName[name] = nil
	}
	// The signature itself comes first, where it stood among the others of its name
	// when it was made.
	list := []*field{&fields[c.field]}
	for i := range fields {
		// A first line that looks folded belongs to no field.
		if i != c.field && !folded(fields[i].raw) {
			list = append(list, &fields[i])
		}
	}
	for _, f := range list {
		name := strings.ToLower(string(f.name()))
		known, signed := byName[name]
		if !signed {
			continue
		}
		if err := f.tooLong(); err != nil {
			return nil, err
		}
		byName[name] = append(known, f)
	}
	picked := make([]*field, 0, len(names))
	for _, name := range names {
		if left := byName[name]; len(left) > 0 {
			picked = append(picked, left[len(left)-1])
			byName[name] = left[:len(left)-1]
		}
	}
	return picked, nil
}

// headerHash is what was signed: the fields, and behind them the signature without
// the value of b= and without its last line end (RFC 6376 §3.7).
func headerHash(picked []*field, signature field, c canon) []byte {
	b := make([]byte, 0, 2<<10)
	for _, f := range picked {
		b = appendField(b, f.raw, c)
	}
	b = bytes.TrimRight(appendField(b, withoutValue(signature.raw), c), "\r\n")
	sum := sha256.Sum256(b)
	return sum[:]
}

// withoutValue gives a signature field without the value of its tag b=.
func withoutValue(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	name, rest, _ := bytes.Cut(raw, []byte(":"))
	out = append(append(out, name...), ':')
	for {
		tag, next, more := bytes.Cut(rest, []byte(";"))
		if key, _, ok := bytes.Cut(tag, []byte("=")); ok && string(bytes.TrimSpace(key)) == "b" {
			tag = tag[:len(key)+1]
		}
		out = append(out, tag...)
		if !more {
			return out
		}
		out, rest = append(out, ';'), next
	}
}

// parseTags reads a tag list (RFC 6376 §3.2).
func parseTags(list string) (map[string]string, error) {
	tags := make(map[string]string, 16)
	for part := range strings.SplitSeq(list, ";") {
		name, value, ok := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if !ok && name == "" {
			continue
		}
		if _, twice := tags[name]; twice || !ok {
			return nil, errors.New("tag list is malformed")
		}
		tags[name] = strings.TrimSpace(value)
	}
	return tags, nil
}

func noSpace(s string) string {
	if strings.IndexFunc(s, unicode.IsSpace) < 0 {
		return s
	}
	return strings.Join(strings.Fields(s), "")
}

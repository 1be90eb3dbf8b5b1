package mailauth

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"reportmx/internal/dmarcdns"
)

// zone is a Resolver made of lines "name TYPE value"; the value of TXT is the rest
// of the line, TEMPERROR stands in the place of a type or of a value, PTR has an
// address for a name, and what has no line does not exist.
type zone struct {
	answers map[string]dmarcdns.Answer // by "TXT example.com"
	broken  map[string]bool

	mu    sync.Mutex
	asked []string
	spent int // questions
}

func newZone(t testing.TB, text string) *zone {
	t.Helper()
	z := &zone{answers: make(map[string]dmarcdns.Answer), broken: make(map[string]bool)}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		kind, value, _ := strings.Cut(rest, " ")
		if err := z.add(name, kind, value); err != nil {
			t.Fatalf("zone line %q: %v", line, err)
		}
	}
	return z
}

func (z *zone) add(name, kind, value string) error {
	key := kind + " " + name
	if value == "TEMPERROR" {
		z.broken[key] = true
		return nil
	}
	a := z.answers[key]
	a.Kind = dmarcdns.Found
	switch kind {
	case "TXT":
		a.TXT = append(a.TXT, value)
	case "A", "AAAA":
		addr, err := netip.ParseAddr(value)
		if err != nil {
			return err
		}
		a.Addrs = append(a.Addrs, addr)
	case "MX":
		preference, host, _ := strings.Cut(value, " ")
		n, err := strconv.ParseUint(preference, 10, 16)
		if err != nil {
			return err
		}
		a.MX = append(a.MX, dmarcdns.MX{Preference: uint16(n), Host: host})
	case "PTR":
		a.Names = append(a.Names, value)
	case "TEMPERROR":
		z.broken[name] = true
		return nil
	default:
		return fmt.Errorf("unknown type %q", kind)
	}
	z.answers[key] = a
	return nil
}

func (z *zone) ask(ctx context.Context, kind, name string) (dmarcdns.Answer, error) {
	key := kind + " " + name
	if kind != "PTR" {
		fqdn, err := dmarcdns.Name(name)
		if err != nil {
			return dmarcdns.Answer{}, err
		}
		name = strings.TrimSuffix(fqdn, ".")
		key = kind + " " + name
	}
	z.mu.Lock()
	z.asked = append(z.asked, key)
	z.spent++
	z.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return dmarcdns.Answer{}, fmt.Errorf("%w: %w", dmarcdns.ErrTemporary, err)
	}
	if z.broken[name] || z.broken[key] {
		return dmarcdns.Answer{}, fmt.Errorf("%w: servfail", dmarcdns.ErrTemporary)
	}
	if a, ok := z.answers[key]; ok {
		return a, nil
	}
	for _, other := range []string{"A ", "AAAA "} {
		if _, ok := z.answers[other+name]; ok {
			return dmarcdns.Answer{Kind: dmarcdns.NoData}, nil
		}
	}
	return dmarcdns.Answer{Kind: dmarcdns.NXDomain}, nil
}

func (z *zone) TXT(ctx context.Context, name string) (dmarcdns.Answer, error) {
	return z.ask(ctx, "TXT", name)
}

func (z *zone) MX(ctx context.Context, name string) (dmarcdns.Answer, error) {
	return z.ask(ctx, "MX", name)
}

func (z *zone) A(ctx context.Context, name string) (dmarcdns.Answer, error) {
	return z.ask(ctx, "A", name)
}

func (z *zone) AAAA(ctx context.Context, name string) (dmarcdns.Answer, error) {
	return z.ask(ctx, "AAAA", name)
}

func (z *zone) PTR(ctx context.Context, addr netip.Addr) (dmarcdns.Answer, error) {
	return z.ask(ctx, "PTR", addr.String())
}

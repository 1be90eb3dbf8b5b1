package dmarcdns

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"reportmx/internal/dmarcdns/dnstest"
)

// Each file of testdata/vectors is a sentence, a zone, and for each domain in want
// what becomes of each of its addresses.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, file := range files {
		zone, want := readCase(t, file)
		for _, network := range []string{"udp", "tcp"} {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+network, func(t *testing.T) {
				t.Parallel()
				srv := dnstest.Start(t, zone)
				if network == "tcp" {
					srv.OnlyTCP()
				}
				c, err := New(Config{Servers: []string{srv.Addr}, Try: 200 * time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(outcome(t.Context(), c, want), want); d != "" {
					t.Errorf("outcome differs (-got +want):\n%s", d)
				}
			})
		}
	}
}

func readCase(t *testing.T, file string) (zone, want string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		switch f.Name {
		case "zone":
			zone = string(f.Data)
		case "want":
			want = string(f.Data)
		}
	}
	return zone, want
}

// outcome asks about each domain that want names, in order, once.
func outcome(ctx context.Context, c *Client, want string) string {
	var b strings.Builder
	asked := map[string]bool{}
	for line := range strings.Lines(want) {
		domain := strings.TrimSuffix(strings.Fields(line)[0], ":")
		if asked[domain] {
			continue
		}
		asked[domain] = true
		found, decisions, err := Destinations(ctx, c, domain)
		switch {
		case err != nil:
			fmt.Fprintf(&b, "%s: %v\n", domain, err)
		case found.PolicyDomain == "":
			fmt.Fprintf(&b, "%s: no policy\n", domain)
		}
		for _, d := range decisions {
			to := strings.Join(d.Addresses, ", ")
			if to == "" {
				to = "nobody"
			}
			if d.Depends() {
				to += " depends"
			}
			fmt.Fprintf(&b, "%s %s %s: walk %s, list %s -> %s\n", domain, d.Tag, d.URI.Address(), d.Walk, d.List, to)
		}
	}
	return b.String()
}

package command

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"reportmx/internal/config"
	"reportmx/storage/bolt"
)

// exposed gives the labels of each metric that the program has.
func exposed(t *testing.T) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("[report]\ndomain = \"reports.example.net\"\n[[target]]\ndomain = \"example.com\"\n[dns]\nservers = [\"127.0.0.1:9\"]\n[storage]\ndir = %q\n", dir)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	store, err := openStore(cfg, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	a, err := newApp(cfg, store, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	descs := make(chan *prometheus.Desc, 1000)
	a.registry.Describe(descs)
	close(descs)
	form := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)
	labels := make(map[string][]string)
	for d := range descs {
		m := form.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("%s has another form than this test knows", d)
		}
		labels[m[1]] = strings.Split(m[2], ",")
	}
	return labels
}

// used is a metric in a query, with what is selected of it.
var used = regexp.MustCompile(`(reportmx_[a-z_]+)(\{[^}]*\})?`)

// faults tells what in a file of contrib is no metric, or no label, of the program.
func faults(text string, labels map[string][]string) (list []string, metrics int) {
	for _, m := range used.FindAllStringSubmatch(text, -1) {
		metrics++
		name := strings.TrimSuffix(strings.TrimSuffix(m[1], "_bucket"), "_count")
		known, ok := labels[name]
		if !ok {
			list = append(list, "no such metric: "+m[1])
			continue
		}
		for _, l := range regexp.MustCompile(`([a-z_]+)=~?"`).FindAllStringSubmatch(m[2], -1) {
			if l[1] != "instance" && !slices.Contains(known, l[1]) {
				list = append(list, m[1]+" has no label "+l[1])
			}
		}
	}
	return list, metrics
}

// TestContrib holds the alerts and the dashboard to the metrics of the program.
func TestContrib(t *testing.T) {
	labels := exposed(t)
	rules, err := os.ReadFile("../../contrib/prometheus/reportmx.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("../../contrib/grafana/reportmx.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(file, &dashboard); err != nil {
		t.Fatal(err)
	}
	var queries strings.Builder
	for _, p := range dashboard.Panels {
		for _, q := range p.Targets {
			fmt.Fprintln(&queries, q.Expr)
		}
	}
	for name, text := range map[string]string{"alerts": string(rules), "dashboard": queries.String()} {
		wrong, metrics := faults(text, labels)
		if len(wrong) > 0 || metrics < 10 {
			t.Errorf("%s: %d metrics, and wrong are %q", name, metrics, wrong)
		}
	}
}

// TestContribFindsFaults: the test above can fail.
func TestContribFindsFaults(t *testing.T) {
	labels := map[string][]string{"reportmx_a_seconds": {"target"}}
	got, _ := faults(`reportmx_a_seconds_bucket{target="x",instance=~"y"} + reportmx_b + reportmx_a_seconds{code="1"}`, labels)
	want := []string{"no such metric: reportmx_b", "reportmx_a_seconds has no label code"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

package crowd

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var deep = flag.Bool("deep", false, "the long form of each campaign; writes docs/runs")

// size is the short or the deep form of a figure.
func size[T int | time.Duration](short, long T) T {
	if *deep {
		return long
	}
	return short
}

// together lets the short campaigns run at the same time.
func together(t *testing.T) {
	if !*deep {
		t.Parallel()
	}
}

// program is the server, built without the race detector.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "crowd")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "reportmx")
	if out, err := exec.Command("go", "build", "-o", program, "reportmx").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the server: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// record logs the figures of a campaign, and keeps them when it was the deep one.
func record(t *testing.T, name string, started time.Time, figures []string) {
	t.Helper()
	text := strings.Join(figures, "\n")
	t.Log(text)
	if !*deep {
		return
	}
	outcome := "passed"
	if t.Failed() {
		outcome = "FAILED"
	}
	head := fmt.Sprintf("command: go test ./internal/crowd -run '^%s$' -timeout 1h -args -deep\ndate:    %s\ncommit:  %s\nmachine: %d cores, %s\ntook:    %s\noutcome: %s\n\n",
		t.Name(), started.UTC().Format(time.RFC3339), commit(), runtime.NumCPU(), said("uname", "-sr"), time.Since(started).Round(time.Second), outcome)
	file := filepath.Join("..", "..", "docs", "runs", name+".txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(head+text+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// commit is asked for once: what the first campaign writes makes the tree dirty.
var commit = sync.OnceValue(func() string { return said("git", "describe", "--always", "--dirty", "--abbrev=12") })

func said(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "not known"
	}
	return strings.TrimSpace(string(out))
}

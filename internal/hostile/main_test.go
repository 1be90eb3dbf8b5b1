package hostile

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	deep = flag.Bool("deep", false, "the long form; writes docs/runs")
	seed = flag.Uint64("seed", 0, "seed of all inputs; 0 takes the time")
	only = flag.Int("only", -1, "send only the input of this number")
)

// size is the short or the deep form of a figure.
func size(short, long int) int {
	if *deep {
		return long
	}
	return short
}

// program is the server, built without the race detector: the bounds on CPU and memory
// are those of what is installed.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hostile")
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

// record logs the figures of a run, and keeps them when it was the deep one.
func record(t *testing.T, started time.Time, commit string, figures []string) {
	t.Helper()
	text := strings.Join(figures, "\n")
	t.Log(text)
	if !*deep || *only >= 0 {
		return
	}
	outcome := "passed"
	if t.Failed() {
		outcome = "FAILED"
	}
	head := fmt.Sprintf("command: go test ./internal/hostile -run '^%s$' -timeout 3h -args -deep -seed %d\ndate:    %s\ncommit:  %s\nmachine: %s\ntook:    %s\noutcome: %s\n\n",
		t.Name(), *seed, started.UTC().Format(time.RFC3339), commit,
		said("sh", "-c", `echo "$(nproc) cores, $(uname -sr)"`), time.Since(started).Round(time.Second), outcome)
	file := filepath.Join("..", "..", "docs", "runs", "hostile.txt")
	if err := os.WriteFile(file, []byte(head+text+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// said is what a program prints, for the head of a record.
func said(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "not known"
	}
	return strings.TrimSpace(string(out))
}

package faults

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var deep = flag.Bool("deep", false, "the long form of each campaign; writes docs/runs")

// size is the short or the deep form of a figure.
func size(short, long int) int {
	if *deep {
		return long
	}
	return short
}

// together lets the short campaigns run at the same time, since each of them waits a
// lot. A deep one has the machine for itself.
func together(t *testing.T) {
	if !*deep {
		t.Parallel()
	}
}

// atATime is how many short campaigns that are, unless -parallel says otherwise.
const atATime = "4"

func setParallel() error {
	told := *deep
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == "test.parallel" })
	if told {
		return nil
	}
	return flag.Set("test.parallel", atATime)
}

// roleVariable makes this binary another program: see imagesRole.
const roleVariable = "REPORTMX_FAULTS_ROLE"

// binary is the server, built without the race detector: the campaigns are about
// the disk, and need its speed.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(roleVariable) == imagesRole {
		os.Exit(examineImages(os.Stdin, os.Stdout))
	}
	if err := apart(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(run(m))
}

// apartVariable is set in a mount namespace of our own.
const apartVariable = "REPORTMX_FAULTS_APART"

// apart runs this program again in a mount namespace of its own, where it may mount:
// another process that copies the namespace would keep a disk that was cut off alive,
// and the same dead disk would come back from a mount.
func apart() error {
	unshare, err := exec.LookPath("unshare")
	if err != nil || os.Geteuid() != 0 || os.Getenv(apartVariable) != "" {
		return nil
	}
	args := append([]string{"unshare", "--mount", "--propagation", "private", os.Args[0]}, os.Args[1:]...)
	return syscall.Exec(unshare, args, append(os.Environ(), apartVariable+"=1"))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := setParallel(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "reportmx")
	if out, err := exec.Command("go", "build", "-o", binary, "reportmx").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the server: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// need tells whether the machine has what a campaign needs. Where it has not, the
// campaign shows nothing: that is said, and in CI it is a failure.
func need(t *testing.T, root bool, programs ...string) bool {
	t.Helper()
	missing := ""
	if root && os.Geteuid() != 0 {
		missing = "root"
	}
	if _, err := os.Stat("/dev/loop-control"); root && err != nil {
		missing = "loop devices"
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing = p
		}
	}
	if missing == "" {
		return true
	}
	t.Logf("NOT SHOWN: this campaign needs %s, which is not here", missing)
	if os.Getenv("CI") != "" {
		t.Errorf("in CI %s must be here", missing)
	}
	return false
}

// record logs the figures of a campaign, and keeps them when it was the deep one.
func record(t *testing.T, name string, started time.Time, figures ...string) {
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
	head := fmt.Sprintf("command: go test ./internal/faults -run '^%s$' -parallel %s -timeout 3h -args -deep\ndate:    %s\ncommit:  %s\nmachine: %s\ntook:    %s\noutcome: %s\n\n",
		t.Name(), flag.Lookup("test.parallel").Value, started.UTC().Format(time.RFC3339), commit(),
		said(t, "sh", "-c", `echo "$(nproc) cores, $(uname -sr)"`), time.Since(started).Round(time.Second), outcome)
	file := filepath.Join("..", "..", "docs", "runs", "faults-"+name+".txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(head+text+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// commit is asked for once: what the first campaign writes makes the tree dirty.
var commit = sync.OnceValue(func() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "not known"
	}
	return strings.TrimSpace(string(out))
})

// said is what a program prints.
func said(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

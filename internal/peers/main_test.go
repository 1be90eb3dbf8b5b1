package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const binaryVariable = "REPORTMX_PEERS_BINARY"

// program is the path of the built reportmx.
var program string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run builds the program and runs the tests, the deep ones in namespaces.
func run(m *testing.M) (code int, err error) {
	if program = os.Getenv(binaryVariable); program != "" {
		if err := makeWorld(); err != nil {
			return 0, fmt.Errorf("make the namespaces ready: %w", err)
		}
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "peers")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "reportmx")
	if out, err := exec.Command("go", "build", "-o", program, "reportmx").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build reportmx: %w\n%s", err, out)
	}
	if mode() == "deep" {
		return runInWorld()
	}
	return m.Run(), nil
}

func mode() string { return os.Getenv("REPORTMX_PEERS") }

// have tells whether the programs that a test needs are here. Where they must be,
// a missing one is a failure.
func have(t *testing.T, programs ...string) bool {
	t.Helper()
	var missing []string
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	switch {
	case len(missing) == 0:
		return true
	case mode() == "":
		t.Logf("nothing is tested here: not installed: %s", strings.Join(missing, ", "))
		return false
	}
	t.Fatalf("not installed: %s; internal/peers/deep.sh and .ci/run name the packages", strings.Join(missing, ", "))
	return false
}

// deep tells whether the deep form is wanted, and what it needs is here.
func deep(t *testing.T, programs ...string) bool {
	t.Helper()
	if mode() != "deep" {
		t.Log("nothing is tested here: this test belongs to the deep form, internal/peers/deep.sh")
		return false
	}
	return have(t, programs...)
}

// size is the short or the deep form of a figure.
func size(short, deep int) int {
	if mode() == "deep" {
		return deep
	}
	return short
}

// together lets short tests run at the same time: each has servers of its own, and waits
// for them a lot. The deep ones share a network, and have the machine for themselves.
func together(t *testing.T) {
	if mode() != "deep" {
		t.Parallel()
	}
}

// command runs a program and gives what it printed.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// write makes a file with all folders above it.
func write(t *testing.T, text string, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// openDir is a temporary folder that other users may enter: mail servers drop root.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

package hostile

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// memory is what the server may use, with all that the kernel counts: its heap, its
// sockets, and the pages of its store.
const memory = 256 << 20

// cage is a memory cgroup of its own (v1), or nothing but a bound on the resident set
// where there is no such controller.
type cage struct {
	dir string // "" without a controller

	mu   sync.Mutex
	most int64 // largest resident set that was seen, without pages of files
}

// newCage makes a cgroup of so many bytes; it is removed with the test.
func newCage(t *testing.T, bytes int64) *cage {
	t.Helper()
	dir, err := os.MkdirTemp("/sys/fs/cgroup/memory", "hostile")
	if err == nil {
		t.Cleanup(func() { os.Remove(dir) })
		err = os.WriteFile(filepath.Join(dir, "memory.limit_in_bytes"), []byte(strconv.FormatInt(bytes, 10)), 0o644)
	}
	if err == nil {
		return &cage{dir: dir}
	}
	t.Logf("NOT SHOWN: survival in a cgroup of %d MiB, which this machine cannot make (%v); the resident set is looked at instead", bytes>>20, err)
	if os.Getenv("CI") != "" {
		t.Error("in CI the v1 memory controller must be here")
	}
	return &cage{}
}

// wrap gives the command that runs another one in the cage.
func (c *cage) wrap(shell string) string {
	if c.dir == "" {
		return shell
	}
	return "echo 0 > " + filepath.Join(c.dir, "cgroup.procs") + " && " + shell
}

// watch looks at the resident set of a process until that ends.
func (c *cage) watch(pid int, ended <-chan struct{}) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		rss := anonymous(pid)
		c.mu.Lock()
		c.most = max(c.most, rss)
		c.mu.Unlock()
		select {
		case <-ended:
			return
		case <-tick.C:
		}
	}
}

// check reports what the cgroup saw: its peak holds pages of files too, which the
// kernel takes back, so that it may come up to the limit without harm.
func (c *cage) check(t *testing.T) string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most >= memory {
		t.Errorf("the server's own memory came up to %d MiB, want less than %d", c.most>>20, int64(memory)>>20)
	}
	if c.dir == "" {
		return fmt.Sprintf("no cgroup; own memory %d MiB at most", c.most>>20)
	}
	kills := c.field(t, "memory.oom_control", "oom_kill ")
	if kills != "0" {
		t.Errorf("the kernel killed %s times for memory", kills)
	}
	peak, err := strconv.ParseInt(c.field(t, "memory.max_usage_in_bytes", ""), 10, 64)
	if err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("cgroup of %d MiB: killed %s times; own memory %d MiB at most, with sockets and pages of files %d MiB, limit met %s times",
		int64(memory)>>20, kills, c.most>>20, peak>>20, c.field(t, "memory.failcnt", ""))
}

// field is the rest of the line of a cgroup file that begins so.
func (c *cage) field(t *testing.T, file, begin string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, file))
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, begin); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// anonymous is the memory of a process that is not pages of files, in bytes; 0 when
// it is gone.
func anonymous(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	rest, _, _ = strings.Cut(rest, "kB")
	n, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// cpu is the time that a process has spent on the processors.
func cpu(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("read /proc/%d/stat: %q", pid, stat)
	}
	var ticks int64
	for _, f := range fields[11:13] { // utime and stime, proc(5)
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	const perSecond = 100 // USER_HZ, the same on every Linux that Go runs on
	return time.Duration(ticks) * time.Second / perSecond, nil
}

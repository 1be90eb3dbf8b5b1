package faults

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// step is one thing that the server did to its file, or said, in order.
type step struct {
	Kind  string // write, truncate, sync, ack
	At    int64  // write: offset; truncate: size
	Data  []byte // write
	Acked []string
}

// trace is what a server did, from a file that was whole on.
type trace struct {
	Base  []byte
	Steps []step
	Sent  map[string][sha256.Size]byte
}

// traceServer records what the server does to its file while it takes so many mails.
func traceServer(t *testing.T, program string, mails int) (*trace, error) {
	t.Helper()
	s := newServer(t, program, filepath.Join(t.TempDir(), "data"))
	if err := s.start(); err != nil {
		return nil, err
	}
	s.end(syscall.SIGTERM)
	base, err := os.ReadFile(s.store())
	if err != nil {
		return nil, err
	}
	out := filepath.Join(t.TempDir(), "trace")
	s.wrap = []string{"strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "100000000", "-qq", "-o", out,
		"-e", "trace=pwrite64,fdatasync,fsync,ftruncate,write", "-e", "signal=none"}
	l := newLedger()
	if err := s.start(); err != nil {
		return nil, err
	}
	clients := startLoad(s.addr, l, 8)
	wait(func() bool { return l.count() >= mails })
	s.end(syscall.SIGKILL)
	clients.stop()

	ids := map[string]string{} // the server's id → report id
	for id, text := range l.acked {
		ids[idOf(text)] = id
	}
	steps, err := readTrace(out, s.store(), ids)
	return &trace{Base: base, Steps: steps, Sent: l.sent}, err
}

// A line of strace: "PID call(FD<PATH>, rest", "PID <... call resumed>rest".
var (
	calledLine  = regexp.MustCompile(`^\d+\s+(\w+)\(\d+<([^>]*)>(?:, )?(.*)$`)
	resumedLine = regexp.MustCompile(`^\d+\s+<\.\.\. (\w+) resumed>(.*)$`)
	idText      = regexp.MustCompile(`250 2\.0\.0 [^\r]*\(id ([a-z0-9]+)\)`)
)

// readTrace takes the steps out of strace's output. A write counts from its call on, a
// sync from its return, a reply from its call: each as early as it could matter.
func readTrace(file, store string, ids map[string]string) ([]step, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var steps []step
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<30)
	path := ""
	for _, c := range []byte(store) {
		path += fmt.Sprintf(`\x%02x`, c) // as -xx shows it
	}
	waiting := map[string]bool{} // by process: a sync of the store has not returned yet
	var broken error             // of the last line, which strace's end may cut short
	for lines.Scan() {
		if broken != nil {
			return nil, broken
		}
		line := lines.Text()
		pid, _, _ := strings.Cut(line, " ")
		if m := resumedLine.FindStringSubmatch(line); m != nil {
			if waiting[pid] && strings.HasSuffix(m[2], "= 0") {
				steps = append(steps, step{Kind: "sync"})
			}
			delete(waiting, pid)
			continue
		}
		m := calledLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		st, err := stepOf(m[1], m[2] == path, m[3], ids)
		if err != nil {
			broken = fmt.Errorf("%.200s: %w", line, err)
			continue
		}
		if st.Kind == "sync" && !strings.HasSuffix(line, "= 0") {
			waiting[pid] = true
			continue
		}
		if st.Kind != "" {
			steps = append(steps, st)
		}
	}
	return steps, lines.Err()
}

// stepOf reads one call; what does not matter is a step without a kind.
func stepOf(call string, ours bool, rest string, ids map[string]string) (step, error) {
	switch {
	case ours && call == "pwrite64":
		data, rest, err := quoted(rest)
		if err != nil {
			return step{}, err
		}
		args := regexp.MustCompile(`^, \d+, (\d+)`).FindStringSubmatch(rest)
		if args == nil {
			return step{}, fmt.Errorf("no offset in %.100s", rest)
		}
		at, err := strconv.ParseInt(args[1], 10, 64)
		return step{Kind: "write", At: at, Data: data}, err
	case ours && call == "ftruncate":
		size, err := strconv.ParseInt(strings.FieldsFunc(rest, func(r rune) bool { return r < '0' || r > '9' })[0], 10, 64)
		return step{Kind: "truncate", At: size}, err
	case ours && (call == "fdatasync" || call == "fsync"):
		return step{Kind: "sync"}, nil
	case call == "write" && strings.HasPrefix(rest, `"\x32\x35\x30`):
		text, _, err := quoted(rest)
		if err != nil {
			return step{}, err
		}
		var acked []string
		for _, m := range idText.FindAllSubmatch(text, -1) {
			if id, ok := ids[string(m[1])]; ok {
				acked = append(acked, id)
			}
		}
		if acked == nil {
			return step{}, nil
		}
		return step{Kind: "ack", Acked: acked}, nil
	}
	return step{}, nil
}

// quoted reads a string of the form "\x00\x01", and gives what follows it.
func quoted(s string) (data []byte, rest string, err error) {
	end := strings.Index(s[1:], `"`)
	if s[0] != '"' || end < 0 {
		return nil, "", fmt.Errorf("no string in %.100s", s)
	}
	data, err = hex.DecodeString(strings.ReplaceAll(s[1:1+end], `\x`, ""))
	return data, s[end+2:], err
}

// summary counts the steps of a trace.
func (tr *trace) summary() string {
	n := map[string]int{}
	for _, s := range tr.Steps {
		n[s.Kind]++
		n["acked"] += len(s.Acked)
	}
	return fmt.Sprintf("%d writes, %d syncs, %d truncations, %d acknowledged", n["write"], n["sync"], n["truncate"], n["acked"])
}

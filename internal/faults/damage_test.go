package faults

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// damagedReports is how many reports the store has that is damaged.
const damagedReports = 200

// pageBytes is the page size of the store.
const pageBytes = 8 << 10

// ways are how a file is damaged; used is how much of it holds pages.
var ways = []struct {
	name  string
	spoil func(b []byte, used int, random *rand.Rand) []byte
}{
	{"bit", func(b []byte, used int, random *rand.Rand) []byte {
		b[random.IntN(used)] ^= 1 << random.IntN(8)
		return b
	}},
	{"zero page", func(b []byte, used int, random *rand.Rand) []byte {
		at := random.IntN(used/pageBytes) * pageBytes
		clear(b[at : at+pageBytes])
		return b
	}},
	{"cut", func(b []byte, used int, random *rand.Rand) []byte { return b[:random.IntN(used)] }},
	{"header noise", func(b []byte, used int, random *rand.Rand) []byte {
		at := random.IntN(used/pageBytes) * pageBytes
		for i := range 16 {
			b[at+i] = byte(random.IntN(256))
		}
		return b
	}},
}

// TestDamage starts the server on damaged files: it says so and ends with 65, or what
// it exports is right, or the export fails. Every second file looks as the clean stop
// left it, so that only the ends are examined at the start.
func TestDamage(t *testing.T) {
	together(t)
	begun := time.Now()
	s := newServer(t, binary, filepath.Join(t.TempDir(), "data"))
	whole, used := s.fill(t)
	want, err := s.export()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 5))
	said := map[string]int{}
	figures := []string{fmt.Sprintf("damaged files: %d of each kind; silent wrong answers and uncaught deaths fail the test", size(25, 100))}
	for _, way := range ways {
		clear(said)
		for n := range size(25, 100) {
			if err := s.damage(whole, way.spoil(bytes.Clone(whole.content), used, random), n%2 == 1); err != nil {
				t.Fatal(err)
			}
			answer := s.askDamaged(want)
			said[strings.SplitN(answer, ":", 2)[0]]++
			if answer != answerRight && answer != answerRefused && answer != answerFails {
				t.Errorf("%s %d: %s", way.name, n, answer)
			}
		}
		figures = append(figures, fmt.Sprintf("%s: %v", way.name, said))
	}
	record(t, "damage", begun, figures...)
}

// wholeFile is a store as a clean stop left it.
type wholeFile struct {
	content  []byte
	mark     []byte // of the clean stop
	modified time.Time
}

// fill fills the store and stops cleanly.
func (s *server) fill(t *testing.T) (f wholeFile, used int) {
	t.Helper()
	l := newLedger()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	clients := startLoad(s.addr, l, 4)
	wait(func() bool { return l.count() >= damagedReports })
	clients.stop()
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Fatalf("server ended with %d\n%s", code, s.log)
	}
	content, err := os.ReadFile(s.store())
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.store())
	if err != nil {
		t.Fatal(err)
	}
	mark, err := os.ReadFile(s.mark())
	if err != nil {
		t.Fatal(err)
	}
	used = len(bytes.TrimRight(content, "\x00"))
	return wholeFile{content, mark, info.ModTime()}, (used + pageBytes - 1) / pageBytes * pageBytes
}

// mark is the path of what a clean stop leaves.
func (s *server) mark() string { return filepath.Join(s.data, "reports.clean") }

// damage puts content in the store's place; a quiet one has the time of the whole one.
func (s *server) damage(whole wholeFile, content []byte, quiet bool) error {
	if err := os.WriteFile(s.store(), content, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(s.mark(), whole.mark, 0o600); err != nil || !quiet {
		return err
	}
	return os.Chtimes(s.store(), whole.modified, whole.modified)
}

// What the server answers from a damaged file.
const (
	answerRight   = "right"
	answerRefused = "refused at the start"
	answerFails   = "the export fails"
)

// askDamaged starts the server on the file that is there and asks for all of it.
func (s *server) askDamaged(want []byte) string {
	if err := s.start(); err != nil {
		if errors.Is(err, errStart) && s.code() == 65 && strings.Contains(s.log.String(), "store is damaged") {
			return answerRefused
		}
		return "wrong end at the start: " + err.Error()
	}
	got, err := s.export()
	l := newLedger()
	l.next = 1 << 20
	clients := startLoad(s.addr, l, 1)
	wait(func() bool { return l.count()+l.times(451) > 0 || s.over() })
	clients.stop()
	switch code := s.end(syscall.SIGTERM); {
	case code != 0 && code != 75 && code != 65:
		return fmt.Sprintf("the server ended with %d: %s", code, lastLines(s.log.String()))
	case err != nil:
		return answerFails
	case !bytes.Equal(got, want):
		return fmt.Sprintf("a silent wrong answer: %d bytes instead of %d", len(got), len(want))
	}
	return answerRight
}

// over tells whether the server has ended.
func (s *server) over() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// export gives all reports, by the running server or from the file.
func (s *server) export() ([]byte, error) {
	return exec.Command(s.program, "export", "aggregate", "--format", "ndjson", "--config", s.config).Output()
}

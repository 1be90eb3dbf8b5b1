package main

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// scheduleKills is how often the story below kills; its long form, with 100 and
// more, is REPORTMX_SCHEDULE_KILLS=100.
func scheduleKills(t *testing.T) int {
	text := os.Getenv("REPORTMX_SCHEDULE_KILLS")
	if text == "" {
		return 10
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestStoryScheduleKilled: while reports arrive, runs of a scheduled export are
// killed at random moments, and now and then the server with them. The files hold
// each report exactly once.
func TestStoryScheduleKilled(t *testing.T) {
	s := &server{dir: t.TempDir(), config: "config.toml"}
	config := baseConfig + "[authorization]\nmode = \"off\"\n[limits]\nper_minute = 1000000\n[[schedule]]\nname = \"all-day\"\ndir = \"out\"\n"
	if err := os.WriteFile(filepath.Join(s.dir, s.config), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.start(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)

	begun := time.Now()
	s.finishedRun(t)
	longest := int64(time.Since(begun)) * 3 / 2 // with load it takes longer
	random := rand.New(rand.NewPCG(6, 2))
	kills, left := 0, make(map[string]int)
	acked := make(map[string]bool)
	for kills < scheduleKills(t) {
		load := startReports(s, kills)
		for range 5 {
			if s.killedRun(t, time.Duration(random.Int64N(longest))) {
				kills++
			}
			left[s.leftBehind(t)]++
		}
		if random.IntN(2) == 0 { // the server dies while a run asks it
			process := s.cmd.Process
			time.AfterFunc(time.Duration(random.Int64N(longest)), func() { process.Kill() })
			s.killedRun(t, time.Second)
			<-s.exited
			load.stop(acked)
			kills++
			if err := s.start(nil); err != nil {
				t.Fatal(err)
			}
			continue
		}
		load.stop(acked)
	}
	for range 2 { // the first may end a range that was left behind
		if !s.finishedRun(t) {
			t.Fatal("a run that nobody kills fails")
		}
	}
	t.Logf("%d kills, %d reports acknowledged; left behind by runs: %v", kills, len(acked), left)
	s.checkFiles(t, acked)
}

// load sends reports, one after the other, until it is stopped.
type load struct {
	end  atomic.Bool
	wait sync.WaitGroup
	mu   sync.Mutex
	ids  []string      // of reports that were acknowledged
	more chan struct{} // holds one thing when there are new ones
}

func startReports(s *server, round int) *load {
	l := &load{more: make(chan struct{}, 1)}
	addr := &server{addr: s.addr}
	for sender := range 3 {
		l.wait.Go(func() {
			for n := 0; !l.end.Load(); n++ {
				id := fmt.Sprintf("r%d-s%d-n%d", round, sender, n)
				reply, err := addr.send("reports@receiver.example", "dmarc@reports.example.net", reportAbout("example.com", id))
				if err == nil && strings.HasPrefix(reply, "250") {
					l.note(id)
				}
			}
		})
	}
	return l
}

// note notes an acknowledged report.
func (l *load) note(id string) {
	l.mu.Lock()
	l.ids = append(l.ids, id)
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
}

func (l *load) stop(acked map[string]bool) {
	l.end.Store(true)
	l.wait.Wait()
	for _, id := range l.ids {
		acked[id] = true
	}
}

func (s *server) scheduledRun() *exec.Cmd {
	run := exec.Command("reportmx", "export", "--scheduled", "all-day", "--config", s.config)
	run.Dir = s.dir
	return run
}

// killedRun begins a run and kills it after a while; false when it was done before.
func (s *server) killedRun(t *testing.T, after time.Duration) bool {
	t.Helper()
	run := s.scheduledRun()
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { run.Process.Kill() })
	defer timer.Stop()
	run.Wait()
	status, ok := run.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled()
}

func (s *server) finishedRun(t *testing.T) bool {
	t.Helper()
	out, err := s.scheduledRun().CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return err == nil
}

// leftBehind tells at what point the last run ended.
func (s *server) leftBehind(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(s.dir, "out", ".all-day.tmp")); err == nil {
		return "a temporary file"
	}
	return "none"
}

// checkFiles compares what the files hold with what was acknowledged, and with what
// the store has: a report whose acknowledgement was lost is in both or in neither.
func (s *server) checkFiles(t *testing.T, acked map[string]bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "out", "all-day-[0-9]*.csv"))
	if err != nil || len(files) < 2 {
		t.Fatalf("got %d files (%v), want several", len(files), err)
	}
	found := make(map[string]int)
	for _, name := range files {
		countReports(t, name, found)
	}
	for id := range acked {
		if found[id] != 1 {
			t.Errorf("report %s is in the files %d times, want once", id, found[id])
		}
	}
	whole := filepath.Join(s.dir, "whole.csv")
	cmd := exec.Command("reportmx", "export", "aggregate", "--output", whole, "--config", s.config)
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	stored := make(map[string]int)
	countReports(t, whole, stored)
	for id, n := range found {
		if n != 1 || stored[id] != 1 {
			t.Errorf("report %s is in the files %d times and in the store %d times, want once", id, n, stored[id])
		}
	}
	if len(found) != len(stored) {
		t.Errorf("the files hold %d reports, the store %d", len(found), len(stored))
	}
}

// countReports counts the rows of each report id; the reports have one each.
func countReports(t *testing.T, name string, into map[string]int) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("%s: %v", name, err)
	}
	column := -1
	for i, name := range rows[0] {
		if name == "report_id" {
			column = i
		}
	}
	for _, row := range rows[1:] {
		into[row[column]]++
	}
}

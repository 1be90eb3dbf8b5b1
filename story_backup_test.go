package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStoryBackup: backups are taken while reports arrive, restored in a folder of
// their own as docs/operations.md says, and served. Each verifies and holds all that
// was acknowledged before it began.
func TestStoryBackup(t *testing.T) {
	s := &server{dir: t.TempDir(), config: "config.toml"}
	writeConfig(t, s.dir)
	if err := s.start(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)

	load := startReports(s, 0)
	defer func() { load.stop(map[string]bool{}) }()
	for round := range 3 {
		before := load.atLeast(t, (round+1)*50)
		backup := filepath.Join(t.TempDir(), "reports.db")
		s.must(t, "backup", backup)
		during := len(load.acknowledged())
		s.must(t, "verify", backup)
		stored := restored(t, backup)
		for _, id := range before {
			if stored[id] != 1 {
				t.Errorf("report %s was acknowledged before the backup and is in it %d times, want once", id, stored[id])
			}
		}
		t.Logf("%d reports acknowledged before the backup, %d at its end, %d in it", len(before), during, len(stored))
	}
}

// restored serves a backup and counts its reports.
func restored(t *testing.T, backup string) map[string]int {
	t.Helper()
	s := &server{dir: t.TempDir(), config: "config.toml"}
	writeConfig(t, s.dir)
	if err := os.Mkdir(filepath.Join(s.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(backup, filepath.Join(s.dir, "data", "reports.db")); err != nil {
		t.Fatal(err)
	}
	if err := s.start(nil); err != nil {
		t.Fatal(err)
	}
	defer s.kill()
	whole := filepath.Join(s.dir, "whole.csv")
	s.must(t, "export", "aggregate", "--output", whole)
	stored := make(map[string]int)
	countReports(t, whole, stored)
	return stored
}

func writeConfig(t *testing.T, dir string) {
	t.Helper()
	config := baseConfig + "[authorization]\nmode = \"off\"\n[limits]\nper_minute = 1000000\n"
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// must runs a command that has to succeed.
func (s *server) must(t *testing.T, args ...string) {
	t.Helper()
	if out, errs, code := s.run(t, args...); code != 0 {
		t.Fatalf("reportmx %s: exit code %d: %s%s", strings.Join(args, " "), code, out, errs)
	}
}

// acknowledged is the reports that have been so far.
func (l *load) acknowledged() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ids[:len(l.ids):len(l.ids)]
}

// atLeast waits until so many reports have been acknowledged, and gives them.
func (l *load) atLeast(t *testing.T, n int) []string {
	t.Helper()
	tooLate := time.After(time.Minute)
	for {
		if ids := l.acknowledged(); len(ids) >= n {
			return ids
		}
		select {
		case <-l.more:
		case <-tooLate:
			t.Fatalf("not even %d reports were acknowledged in a minute", n)
		}
	}
}

package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mutant is the server with a bug seeded into one file.
type mutant struct {
	name     string
	file     string // below the module
	old, new string
}

var (
	noSync = mutant{"no sync", "storage/bolt/bolt.go",
		"NoStatistics:    true,", "NoStatistics: true, NoSync: true,"}
	earlyReply = mutant{"250 before the commit", "internal/intake/intake.go",
		"if out, err = in.Store.Commit(ctx, b); err != nil {",
		"go in.Store.Commit(context.WithoutCancel(ctx), b)\nif out.Reports = make([]storage.ReportOutcome, len(b.Reports)); err != nil {"}
	deafReply = mutant{"250 in spite of an error", "internal/intake/intake.go",
		"if out, err = in.Store.Commit(ctx, b); err != nil {",
		"if out, err = in.Store.Commit(ctx, b); err != nil {\nout.Reports, err = make([]storage.ReportOutcome, len(b.Reports)), nil\n}\nif err != nil {"}
	deafEnd = mutant{"250 in spite of an error, and no end", "internal/intake/intake.go",
		"in.Fatal(fmt.Errorf(\"store message: %w\", err))", "in.Log.Error(\"store message\", \"error\", fmt.Errorf(\"%w\", err))"}
	cutChunk = mutant{"truncated BDAT accepted", "smtpd/conn.go",
		"c.visit.end(EndClosed)\n\tdefault:", "c.visit.end(EndClosed)\n\t\treturn io.EOF\n\tdefault:"}
)

// build makes the mutant's program. A patch that fits nowhere, or in two places, is a
// failure: the code has changed, and the mutant must be thought of anew.
func (m mutant) build(t *testing.T, dir string) string {
	t.Helper()
	original, err := filepath.Abs(filepath.Join("..", "..", m.file))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(source, []byte(m.old)); n != 1 {
		t.Fatalf("mutant %q: %q stands %d times in %s, want 1", m.name, m.old, n, m.file)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: filepath.Join(dir, "mutant.go")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"mutant.go": bytes.Replace(source, []byte(m.old), []byte(m.new), 1), "overlay.json": overlay} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "reportmx")
	if out, err := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, "reportmx").CombinedOutput(); err != nil {
		t.Fatalf("build mutant %q: %v\n%s", m.name, err, out)
	}
	return program
}

// TestMutants shows that the campaigns can find what they look for.
func TestMutants(t *testing.T) {
	together(t)
	begun := time.Now()
	var figures []string
	build := t // its folders outlive one case
	programs := map[string]string{}
	for _, c := range []struct {
		mutant
		campaign string
		caught   func(t *testing.T, program string) error
		root     bool
		needs    []string
	}{
		{noSync, "power cuts", cuts, true, []string{"mkfs.ext4"}},
		{noSync, "crash images", images, false, []string{"strace"}},
		{earlyReply, "kills", kills, false, nil},
		{earlyReply, "crash images", images, false, []string{"strace"}},
		{deafReply, "I/O errors", ioErrors, false, []string{"strace"}},
		{deafEnd, "I/O errors", ioErrors, false, []string{"strace"}},
		{cutChunk, "a chunk that breaks off", brokenChunk, false, nil},
	} {
		t.Run(c.name+"/"+c.campaign, func(t *testing.T) {
			if !need(t, c.root, c.needs...) {
				return
			}
			if programs[c.name] == "" {
				programs[c.name] = c.build(t, build.TempDir())
			}
			caught := c.caught(t, programs[c.name])
			if caught == nil {
				t.Errorf("the mutant %q is not caught by %s", c.name, c.campaign)
			}
			figures = append(figures, fmt.Sprintf("%s: %s say: %s", c.name, c.campaign, firstLine(caught)))
		})
	}
	record(t, "mutants", begun, figures...)
}

func kills(t *testing.T, program string) error {
	_, _, _, err := killCampaign(t, program, 30)
	return err
}

func cuts(t *testing.T, program string) error {
	_, _, err := cutCampaign(t, program, ext4, 20)
	return err
}

func images(t *testing.T, program string) error {
	tr, err := traceServer(t, program, mailsPerTrace)
	if err != nil {
		t.Fatal(err)
	}
	r, err := crashImages(t, imageJob{Trace: *tr, Images: 800, Enough: 20, Seed: 1})
	if err == nil && r.Bad > 0 {
		err = fmt.Errorf("%d of %d images are bad, the first: %s", r.Bad, r.Images, r.First)
	}
	return err
}

// ioErrors is the campaign of TestErrors at a few positions.
func ioErrors(t *testing.T, program string) error {
	for _, f := range []fault{{"fdatasync", "EIO", 5}, {"pwrite64", "ENOSPC", 6}, {"fdatasync", "EIO", 8}, {"fdatasync", "EIO", 11}} {
		if _, err := errorRun(t, program, f); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
	}
	return nil
}

// TestBrokenChunk is the oracle of the mutant that takes truncated chunks.
func TestBrokenChunk(t *testing.T) {
	if err := brokenChunk(t, binary); err != nil {
		t.Error(err)
	}
}

// brokenChunk ends connections within the last chunk of a message, where the report in
// it is whole already: such a message is never acknowledged and never stored.
func brokenChunk(t *testing.T, program string) error {
	s := newServer(t, program, filepath.Join(t.TempDir(), "data"))
	if err := s.start(); err != nil {
		return err
	}
	l := newLedger()
	for range 5 {
		_, message := l.mail(rand.New(rand.NewPCG(4, 4)))
		reply, err := sendBroken(s.addr, message)
		if err != nil {
			return err
		}
		if reply/100 == 2 {
			return fmt.Errorf("a truncated chunk was answered %d", reply)
		}
	}
	s.end(syscall.SIGTERM)
	if n, err := verify(s.store(), l); n != 0 || err != nil {
		return fmt.Errorf("%d reports stored from truncated chunks, error %v", n, err)
	}
	return nil
}

// sendBroken announces more than it sends, and gives the last reply, 0 for none.
func sendBroken(addr string, message []byte) (code int, err error) {
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(patience))
	c := textproto.NewConn(raw)
	if _, _, err := c.ReadResponse(220); err != nil {
		return 0, err
	}
	if err := c.PrintfLine("EHLO [192.0.2.1]"); err != nil {
		return 0, err
	}
	if _, _, err := c.ReadResponse(250); err != nil {
		return 0, err
	}
	fmt.Fprintf(c.W, "MAIL FROM:<>\r\nRCPT TO:<dmarc@reports.example.net>\r\nBDAT %d LAST\r\n%s", len(message)+30, message)
	if err := c.W.Flush(); err != nil {
		return 0, err
	}
	if err := raw.(*net.TCPConn).CloseWrite(); err != nil {
		return 0, err
	}
	for range 3 {
		last, _, err := c.ReadResponse(0)
		if err != nil {
			return 0, nil // closed without a word
		}
		code = last
	}
	return code, nil
}

func firstLine(err error) string {
	if err == nil {
		return "nothing"
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

package faults

import (
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// imagesRole is this binary as a process that examines crash images: bbolt's check
// can take its process with it when it meets a file that contradicts itself.
const imagesRole = "images"

// imageJob is what that process is asked, imageResult what it says.
type (
	imageJob struct {
		Trace  trace
		Folder string
		Images int
		Enough int // so many bad ones say it all; 0: none do
		Seed   uint64
	}
	imageResult struct {
		Images, Torn, Bad int
		First             string // what was wrong with the first bad one
	}
)

// mailsPerTrace bounds the file that each image is a copy of.
const mailsPerTrace = 120

// TestImages lets the power fail at every point of a trace of writes: what came after
// the last sync is on the disk not at all, wholly, in part, or torn.
func TestImages(t *testing.T) {
	together(t)
	if !need(t, false, "strace") {
		return
	}
	begun := time.Now()
	images, perTrace := size(3200, 100_000), size(1600, 5000)
	var sum imageResult
	var traces []string
	for sum.Images < images {
		tr, err := traceServer(t, binary, mailsPerTrace)
		if err != nil {
			t.Fatal(err)
		}
		traces = append(traces, tr.summary())
		r, err := crashImages(t, imageJob{Trace: *tr, Images: min(perTrace, images-sum.Images), Seed: uint64(len(traces))})
		if err != nil {
			t.Fatal(err)
		}
		sum.Images, sum.Torn, sum.Bad = sum.Images+r.Images, sum.Torn+r.Torn, sum.Bad+r.Bad
		if r.Bad > 0 {
			t.Errorf("%d bad images, the first: %s", r.Bad, r.First)
		}
	}
	record(t, "images", begun,
		fmt.Sprintf("crash images: %d, with %d torn writes, from %d traces; bad: %d", sum.Images, sum.Torn, len(traces), sum.Bad),
		"traces:", "  "+strings.Join(traces, "\n  "))
}

// crashImages has a process of its own do the job.
func crashImages(t *testing.T, job imageJob) (r imageResult, err error) {
	t.Helper()
	program, err := imagesProgram()
	if err != nil {
		return r, err
	}
	if job.Folder, err = os.MkdirTemp(memoryFolder(), "images"); err != nil {
		return r, err
	}
	defer os.RemoveAll(job.Folder) // here: the process may die
	in, out, err := os.Pipe()
	if err != nil {
		return r, err
	}
	defer in.Close()
	go func() {
		gob.NewEncoder(out).Encode(job)
		out.Close()
	}()
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), roleVariable+"="+imagesRole)
	cmd.Stdin = in
	var complaint strings.Builder
	cmd.Stderr = &complaint
	said, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("examine images: %w: %.2000s", err, complaint.String())
	}
	return r, json.Unmarshal(said, &r)
}

// imagesProgram is this test binary without the race detector, which would take ten
// times as long to read the same files.
var imagesProgram = sync.OnceValues(func() (string, error) {
	program := filepath.Join(filepath.Dir(binary), "images")
	out, err := exec.Command("go", "test", "-c", "-o", program, "reportmx/internal/faults").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the examination of images: %w: %s", err, out)
	}
	return program, nil
})

// examineImages is the process: a job in, a result out.
func examineImages(in io.Reader, out io.Writer) int {
	var job imageJob
	err := gob.NewDecoder(in).Decode(&job)
	var r imageResult
	if err == nil {
		r, err = job.run()
	}
	if err == nil {
		err = json.NewEncoder(out).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (j *imageJob) run() (r imageResult, err error) {
	file, err := os.Create(filepath.Join(j.Folder, "reports.db"))
	if err != nil {
		return r, err
	}
	defer file.Close()
	if _, err := file.Write(j.Trace.Base); err != nil {
		return r, err
	}
	m := &image{file: file, whole: append([]byte{}, j.Trace.Base...), random: rand.New(rand.NewPCG(3, j.Seed)), acked: map[string]string{}}
	for n, s := range j.Trace.Steps {
		m.take(s)
		// The images are spread evenly over the points of the trace.
		for r.Images < j.Images*(n+1)/len(j.Trace.Steps) {
			torn, bad, err := m.examine(r.Images, &j.Trace)
			if err != nil {
				return r, err
			}
			if r.Images, r.Torn = r.Images+1, r.Torn+torn; bad != nil {
				if r.Bad++; r.First == "" {
					r.First = fmt.Sprintf("behind step %d: %v", n, bad)
				}
				if r.Bad == j.Enough || errors.Is(bad, errEndless) {
					return r, nil
				}
			}
		}
	}
	return r, nil
}

// memoryFolder is where a file system needs no disk, "" if there is none.
func memoryFolder() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

// image is the file as it is on the disk for certain, with what may be there, too.
type image struct {
	file    *os.File
	whole   []byte // as of the last sync
	pending []step // since then
	acked   map[string]string
	random  *rand.Rand
}

func (m *image) take(s step) {
	switch s.Kind {
	case "ack":
		for _, id := range s.Acked {
			m.acked[id] = ""
		}
	case "sync":
		for _, p := range m.pending {
			m.whole = p.apply(m.whole)
			m.put(p)
		}
		m.pending = nil
	default:
		m.pending = append(m.pending, s)
	}
}

// apply gives the content with the step done.
func (s step) apply(b []byte) []byte {
	size := s.At
	if s.Kind == "write" {
		size = max(int64(len(b)), s.At+int64(len(s.Data)))
	}
	if int64(len(b)) < size {
		b = append(b, make([]byte, size-int64(len(b)))...)
	}
	copy(b[min(s.At, size):], s.Data)
	return b[:size]
}

func (m *image) put(s step) error {
	if s.Kind == "truncate" {
		return m.file.Truncate(s.At)
	}
	_, err := m.file.WriteAt(s.Data, s.At)
	return err
}

// The ways in which what was not synced may be on the disk, by turns.
var survivals = []string{"none", "all", "some", "torn", "torn", "some"}

// examine makes one image, holds it against what was acknowledged, and undoes it.
func (m *image) examine(n int, tr *trace) (torn int, bad, err error) {
	var done []step
	way := survivals[n%len(survivals)]
	for _, s := range m.pending {
		if way == "none" || way != "all" && m.random.IntN(2) == 0 {
			continue
		}
		parts := []step{s}
		if way == "torn" && s.Kind == "write" && m.random.IntN(4) > 0 {
			parts, torn = m.tear(s), torn+1
		}
		for _, p := range parts {
			if err := m.put(p); err != nil {
				return torn, nil, err
			}
		}
		done = append(done, s)
	}
	if bad = m.verify(tr); errors.Is(bad, errEndless) {
		return torn, bad, nil // it is still being read
	}
	return torn, bad, m.undo(done)
}

// errEndless: pages that contradict each other can lead bbolt in circles.
var errEndless = errors.New("reading it does not end")

// imagePatience is how long one image may take; it takes milliseconds.
const imagePatience = 20 * time.Second

func (m *image) verify(tr *trace) error {
	done := make(chan error, 1)
	go func() {
		_, err := verifyMaps(m.file.Name(), tr.Sent, m.acked)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(imagePatience):
		return errEndless
	}
}

// sector is what a disk writes as a whole, in bytes.
const sector = 512

// tear gives some of the sectors of a write.
func (m *image) tear(s step) []step {
	var parts []step
	for at := 0; at < len(s.Data); at += sector {
		if m.random.IntN(2) == 0 {
			parts = append(parts, step{Kind: "write", At: s.At + int64(at), Data: s.Data[at:min(at+sector, len(s.Data))]})
		}
	}
	return parts
}

func (m *image) undo(done []step) error {
	for _, s := range done {
		if s.Kind != "write" || s.At >= int64(len(m.whole)) {
			continue
		}
		old := m.whole[s.At:min(s.At+int64(len(s.Data)), int64(len(m.whole)))]
		if _, err := m.file.WriteAt(old, s.At); err != nil {
			return err
		}
	}
	return m.file.Truncate(int64(len(m.whole)))
}

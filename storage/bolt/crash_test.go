package bolt

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// TestKill kills a process that commits, again and again, and looks for what it
// acknowledged. It shows that a commit is whole and in the file before it is
// acknowledged; it cannot show that it was synced, since the kernel lives on.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reports.db")
	acked := map[int]uint64{} // report → sequence number
	for kill := range 10 {
		for n, seq := range killedWriter(t, path, 5+40*kill) {
			if old, ok := acked[n]; ok && old != seq {
				t.Errorf("report %d: acknowledged as %d and as %d", n, old, seq)
			}
			acked[n] = seq
		}
		checkAcked(t, path, acked)
	}
}

// killedWriter runs a writer, kills it when it has acknowledged so many reports,
// and gives all that it acknowledged.
func killedWriter(t *testing.T, path string, many int) map[int]uint64 {
	cmd := exec.CommandContext(t.Context(), os.Args[0], path)
	cmd.Env = append(os.Environ(), roleVariable+"=writer")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := map[int]uint64{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var n int
		var seq uint64
		if _, err := fmt.Sscanf(lines.Text(), "%d %d.", &n, &seq); err != nil {
			t.Errorf("the writer says %q", lines.Text())
			break
		}
		acked[n] = seq
		if len(acked) == many {
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(acked) < many {
		t.Fatalf("the writer ended by itself after %d reports: error %v", len(acked), err)
	}
	return acked
}

// writeUntilKilled commits reports by many callers and says which are stored. All
// numbers are tried from the start, so that each life meets what the last one left.
func writeUntilKilled(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for {
				n := int(next.Add(1))
				b := storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, n%40)}, Raw: storagetest.Raw(n)}
				o, err := s.Commit(context.Background(), b)
				if err != nil {
					fmt.Println(err)
					return
				}
				fmt.Printf("%d %d.\n", n, o.Reports[0].Seq)
			}
		})
	}
	group.Wait()
	return nil
}

// checkAcked tells whether the store holds each acknowledged report once and
// whole, and nothing that it should not.
func checkAcked(t *testing.T, path string, acked map[int]uint64) {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	bySeq := map[uint64]int{}
	for r, err := range s.Reports(t.Context(), storage.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if _, err := fmt.Sscan(r.Warnings[0].Text, &n); err != nil {
			t.Fatal(err)
		}
		if len(r.Aggregate.Records) != n%40 {
			t.Errorf("report %d: got %d records, want %d", n, len(r.Aggregate.Records), n%40)
		}
		if raw, err := s.Raw(r.Seq); err != nil || !slices.Equal(raw, storagetest.Raw(n)) {
			t.Errorf("message of report %d: got %d bytes and error %v", n, len(raw), err)
		}
		bySeq[r.Seq] = n
	}
	for n, seq := range acked {
		if got, ok := bySeq[seq]; !ok || got != n {
			t.Errorf("report %d was acknowledged as %d and is not there", n, seq)
		}
	}
	err = s.view(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("check: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

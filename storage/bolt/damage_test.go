package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"reportmx/reports"
	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// What stands in the store that is damaged.
const (
	damageReports = 300
	damageHeld    = 30
)

// TestDamage spoils a store in many ways and reads it in a process of its own: an
// error is fine, the right answer is, another answer is not. Nor is a hang.
func TestDamage(t *testing.T) {
	whole, used := damageStore(t)
	random := rand.New(rand.NewPCG(2, 3))
	ways := []struct {
		name  string
		spoil func(b []byte) []byte
	}{
		{"bit", func(b []byte) []byte {
			b[random.IntN(used)] ^= 1 << random.IntN(8)
			return b
		}},
		{"zero page", func(b []byte) []byte {
			at := random.IntN(used/pageSize) * pageSize
			clear(b[at : at+pageSize])
			return b
		}},
		{"swapped pages", func(b []byte) []byte {
			x, y := random.IntN(used/pageSize)*pageSize, random.IntN(used/pageSize)*pageSize
			page := slices.Clone(b[x : x+pageSize])
			copy(b[x:], b[y:y+pageSize])
			copy(b[y:], page)
			return b
		}},
		{"cut", func(b []byte) []byte { return b[:random.IntN(used)] }},
	}
	said := map[string]int{}
	for _, way := range ways {
		for i := range 6 {
			path := filepath.Join(t.TempDir(), "reports.db")
			if err := os.WriteFile(path, way.spoil(slices.Clone(whole)), 0o600); err != nil {
				t.Fatal(err)
			}
			answer := askReader(t, path)
			said[way.name+": "+answer]++
			if answer != "right" && answer != "damaged" {
				t.Errorf("%s %d: the reader says: %s", way.name, i, answer)
			}
		}
	}
	t.Log(said)
}

// TestDamagedBranch spoils keys in the pages above the values by one: whoever reads on from
// key to key sees nothing of it, and whoever looks for a single one does not find it.
func TestDamagedBranch(t *testing.T) {
	whole, used := damageStore(t)
	var keys [][]byte
	for at := 0; at < used; at += pageSize {
		keys = append(keys, branchKeys(whole[at:min(at+pageSize, used)])...)
	}
	found := 0
	for i := range 6 {
		key := keys[i*(len(keys)-1)/5]
		key[len(key)-1]++
		path := filepath.Join(t.TempDir(), "reports.db")
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		key[len(key)-1]--
		switch answer := askReader(t, path); answer {
		case "damaged":
			found++
		case "right": // of a page that is no longer used
		default:
			t.Errorf("key %x: the reader says: %s", key, answer)
		}
	}
	if found == 0 {
		t.Error("no damage was found")
	}
}

// branchKeys are the keys in a branch page of bbolt but for the first; nil of other pages.
func branchKeys(page []byte) (keys [][]byte) {
	const header, element, branch = 16, 16, 1
	if binary.LittleEndian.Uint16(page[8:]) != branch {
		return nil
	}
	for i := 1; i < int(binary.LittleEndian.Uint16(page[10:])); i++ {
		at := header + i*element
		key := at + int(binary.LittleEndian.Uint32(page[at:]))
		keys = append(keys, page[key:key+int(binary.LittleEndian.Uint32(page[at+4:]))])
	}
	return keys
}

// damageStore gives the bytes of a store, and how many of them are used.
func damageStore(t *testing.T) (whole []byte, used int) {
	s := openStore(t, t.TempDir(), Options{})
	for n := range damageReports {
		b := storage.Batch{Reports: []storage.Report{storagetest.Aggregate(n, 1+n%30)}, Raw: storagetest.Raw(n)}
		if n < damageHeld {
			b.Held = storagetest.Held(n)
		}
		if _, err := s.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	tx, err := s.db.Begin(false)
	if err != nil {
		t.Fatal(err)
	}
	used = int(tx.Size())
	path := s.db.Path()
	if err := errors.Join(tx.Rollback(), s.Close()); err != nil {
		t.Fatal(err)
	}
	whole, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return whole, used
}

// askReader has a process read a store, and gives its last line.
func askReader(t *testing.T, path string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], path)
	cmd.Env = append(os.Environ(), roleVariable+"=reader", "GOTRACEBACK=single")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "nothing: it hangs"
	}
	if err != nil {
		return string(out[:min(len(out), 2000)])
	}
	return strings.TrimSpace(string(out))
}

// readDamaged reads all of a store by every way that there is, and prints "right"
// or "damaged"; any other answer is an error.
func readDamaged(path string) error {
	s, err := Open(path, Options{})
	if err == nil {
		// Reading everything finds that keys are hidden, a query alone cannot.
		if err = s.Check(context.Background()); err == nil {
			err = readAllWays(s)
		}
		s.Close()
	}
	switch {
	case errors.Is(err, storage.ErrDamaged):
		fmt.Println("damaged")
		return nil
	case err == nil:
		fmt.Println("right")
	}
	return err
}

func readAllWays(s *Store) error {
	ctx := context.Background()
	for _, q := range []storage.Query{{}, {Kind: reports.KindAggregate}, {Target: "example.com"}, {Until: time.Now().AddDate(100, 0, 0)}} {
		all, err := storagetest.Collect(s.Reports(ctx, q))
		if err != nil {
			return err
		}
		if len(all) != damageReports {
			return fmt.Errorf("wrong: %d reports for %+v", len(all), q)
		}
		for n := range all {
			want := storagetest.Aggregate(n, 1+n%30)
			want.Seq = all[n].Seq
			if fmt.Sprintf("%+v", *all[n].Aggregate.PolicyPublished.PCT) != "100" {
				return fmt.Errorf("wrong: report %d", n)
			}
			all[n].Aggregate.PolicyPublished.PCT, want.Aggregate.PolicyPublished.PCT = nil, nil
			if fmt.Sprintf("%+v", *all[n].Aggregate) != fmt.Sprintf("%+v", *want.Aggregate) {
				return fmt.Errorf("wrong: report %d", n)
			}
			raw, err := s.Raw(all[n].Seq)
			if err != nil {
				return err
			}
			if !slices.Equal(raw, storagetest.Raw(n)) {
				return fmt.Errorf("wrong: message of report %d", n)
			}
		}
	}
	held := 0
	for h, err := range s.HeldMessages(ctx) {
		if err != nil {
			return err
		}
		raw, err := s.HeldRaw(h.Seq)
		if err != nil {
			return err
		}
		if !slices.Equal(raw, storagetest.Raw(held)) || h.Hash != storagetest.Held(held).Hash {
			return fmt.Errorf("wrong: held message %d", held)
		}
		held++
	}
	if held != damageHeld {
		return fmt.Errorf("wrong: %d held messages", held)
	}
	return nil
}

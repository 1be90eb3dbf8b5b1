package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reportmx/reports"
	"reportmx/storage"
)

// fakeStore holds a few reports and fails after failAfter of them.
type fakeStore struct {
	reports   []*storage.Report
	held      []*storage.Held
	failAfter int
	query     storage.Query
}

var errDisk = errors.New("disk on fire")

func (f *fakeStore) Reports(_ context.Context, q storage.Query) iter.Seq2[*storage.Report, error] {
	f.query = q
	return func(yield func(*storage.Report, error) bool) {
		for i, r := range f.reports {
			if f.failAfter > 0 && i == f.failAfter {
				yield(nil, errDisk)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (f *fakeStore) Digests(ctx context.Context, q storage.Query) iter.Seq2[*storage.Digest, error] {
	return func(yield func(*storage.Digest, error) bool) {
		for r, err := range f.Reports(ctx, q) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(storage.DigestOf(r), nil) {
				return
			}
		}
	}
}

func (f *fakeStore) HeldMessages(context.Context) iter.Seq2[*storage.Held, error] {
	return func(yield func(*storage.Held, error) bool) {
		for i, h := range f.held {
			if f.failAfter > 0 && i == f.failAfter {
				yield(nil, errDisk)
				return
			}
			if !yield(h, nil) {
				return
			}
		}
	}
}

func (f *fakeStore) HeldRaw(seq uint64) ([]byte, error) {
	if seq != 1 {
		return nil, storage.ErrNotFound
	}
	return []byte("Subject: held\r\n\r\n"), nil
}

func (f *fakeStore) DropHeld(_ context.Context, seq uint64) error {
	if seq != 1 {
		return storage.ErrNotFound
	}
	f.held = nil
	return nil
}

func (f *fakeStore) Stats() (storage.Stats, error) { return storage.Stats{}, nil }

func threeReports() []*storage.Report {
	var list []*storage.Report
	for seq := uint64(1); seq <= 3; seq++ {
		list = append(list, &storage.Report{Seq: seq, Last: true, Report: reports.Report{
			Kind: reports.KindAggregate,
			Aggregate: &reports.Aggregate{
				PolicyPublished: reports.PolicyPublished{Domain: "example.com"},
				Records:         []reports.Record{{Count: int64(seq)}},
			},
		}})
	}
	return list
}

// clients gives one client through a socket and one in this process: all that is
// promised holds for both.
func clients(t *testing.T, s *Server) map[string]*Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	server := Serve(l, s.Handler(), slog.New(slog.DiscardHandler))
	t.Cleanup(func() { server.Close() })
	dialled, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dialled.Close)
	return map[string]*Client{"socket": dialled, "local": Local(s.Handler())}
}

func TestRender(t *testing.T) {
	store := &fakeStore{reports: threeReports()}
	for name, c := range clients(t, &Server{Store: store}) {
		t.Run(name, func(t *testing.T) {
			want := storage.Query{
				Kind: reports.KindAggregate, Since: time.Unix(1000, 0).UTC(), ArrivedUntil: time.Unix(2000, 5).UTC(),
				Target: "example.com", OrgName: "A & B", Authenticated: true, After: 7,
			}
			v := EncodeQuery(want)
			v.Set("format", "ndjson")
			var out strings.Builder
			n, err := c.Render(t.Context(), "/v1/reports/aggregate", v, &out)
			if err != nil {
				t.Fatal(err)
			}
			if lines := strings.Count(out.String(), "\n"); n != 3 || lines != 3 {
				t.Errorf("got count %d and %d lines, want 3", n, lines)
			}
			if d := cmp.Diff(want, store.query); d != "" {
				t.Errorf("query changed on its way: %s", d)
			}
		})
	}
}

func TestErrorInTheMiddle(t *testing.T) {
	store := &fakeStore{reports: threeReports(), held: []*storage.Held{{Seq: 1}, {Seq: 2}}, failAfter: 1}
	for name, c := range clients(t, &Server{Store: store}) {
		t.Run(name, func(t *testing.T) {
			_, err := c.Render(t.Context(), "/v1/reports/aggregate", map[string][]string{"format": {"csv"}}, io.Discard)
			if err == nil || !strings.Contains(err.Error(), errDisk.Error()) {
				t.Errorf("export: got %v, want %v", err, errDisk)
			}
			lines := 0
			err = c.List(t.Context(), "/v1/held", nil, func(json.RawMessage) error { lines++; return nil })
			if err == nil || !strings.Contains(err.Error(), errDisk.Error()) || lines != 1 {
				t.Errorf("list: got %v after %d lines, want %v after 1", err, lines, errDisk)
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	for name, c := range clients(t, &Server{Store: &fakeStore{}}) {
		t.Run(name, func(t *testing.T) {
			for path, v := range map[string]map[string][]string{
				"/v1/reports/aggregate": {"since": {"yesterday"}, "format": {"csv"}},
				"/v1/summary":           {"by": {"colour"}, "format": {"json"}},
				"/v1/held/9/raw":        nil,
				"/v1/held/x/raw":        nil,
				"/v1/nothing":           nil,
			} {
				if _, err := c.Render(t.Context(), path, v, io.Discard); err == nil {
					t.Errorf("%s %v: got no error", path, v)
				}
			}
		})
	}
}

// cutShort answers without an end, as a killed server would.
func TestCutShort(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"seq":1}`+"\n") })
	c := Local(h)
	if _, err := c.Render(t.Context(), "/", nil, io.Discard); !errors.Is(err, ErrCutShort) {
		t.Errorf("render: got %v, want ErrCutShort", err)
	}
	if err := c.List(t.Context(), "/", nil, func(json.RawMessage) error { return nil }); !errors.Is(err, ErrCutShort) {
		t.Errorf("list: got %v, want ErrCutShort", err)
	}
}

func TestHeld(t *testing.T) {
	for _, way := range []string{"socket", "local"} {
		t.Run(way, func(t *testing.T) {
			store := &fakeStore{held: []*storage.Held{{Seq: 1, Code: "limit", Reason: "too deep"}}}
			c := clients(t, &Server{Store: store})[way]
			var got []Held
			err := c.List(t.Context(), "/v1/held", nil, func(line json.RawMessage) error {
				var h Held
				got = append(got, h)
				return json.Unmarshal(line, &got[len(got)-1])
			})
			if err != nil || len(got) != 1 || got[0].Reason != "too deep" {
				t.Errorf("got %+v (%v), want the one message", got, err)
			}
			var raw strings.Builder
			if _, err := c.Render(t.Context(), "/v1/held/1/raw", nil, &raw); err != nil || raw.String() != "Subject: held\r\n\r\n" {
				t.Errorf("got %q (%v), want the message", raw.String(), err)
			}
			if err := c.Send(t.Context(), http.MethodDelete, "/v1/held/2", nil, nil, nil); err == nil {
				t.Error("dropped a message that is not there")
			}
			if err := c.Send(t.Context(), http.MethodDelete, "/v1/held/1", nil, nil, nil); err != nil || store.held != nil {
				t.Errorf("drop: %v, left %v", err, store.held)
			}
		})
	}
}

// TestStrangerMayNotChange: only root and the service's user change anything.
func TestStrangerMayNotChange(t *testing.T) {
	for _, tt := range []struct {
		name string
		ctx  context.Context
		want bool
	}{
		{"root", context.WithValue(t.Context(), peerKey{}, uint32(0)), true},
		{"service", context.WithValue(t.Context(), peerKey{}, uint32(os.Geteuid())), true},
		{"another user", context.WithValue(t.Context(), peerKey{}, uint32(os.Geteuid()+4711)), false},
		{"nobody knows", t.Context(), false},
		{"this process", context.WithValue(t.Context(), localKey{}, true), true},
	} {
		if got := mayChange(tt.ctx); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("got mode %v (%v), want 0660", info.Mode(), err)
	}
	if _, err := Listen(path); err == nil {
		t.Error("took the socket of a server that answers")
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // a killed server leaves it behind
	l.Close()
	again, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// TestListenSpares: whatever the configuration names by mistake stays.
func TestListenSpares(t *testing.T) {
	dir := t.TempDir()
	file, folder, link := filepath.Join(dir, "reports.db"), filepath.Join(dir, "empty"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(file, []byte("all reports"), 0o600), os.Mkdir(folder, 0o700), os.Symlink(file, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, folder, link} {
		if l, err := Listen(path); err == nil {
			l.Close()
			t.Errorf("took the place of %s", path)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// copier gives a copy that has fewer bytes than it says, or none.
type copier struct {
	text string
	size int64
	err  error
	dir  string
}

func (c *copier) Copy() (*os.File, int64, error) {
	if c.err != nil {
		return nil, 0, c.err
	}
	path := filepath.Join(c.dir, "copy")
	if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	return f, c.size, err
}

func TestBackup(t *testing.T) {
	for name, test := range map[string]struct {
		copier copier
		want   string // of the error
	}{
		"whole":     {copier{text: "a store", size: 7}, ""},
		"too short": {copier{text: "a sto", size: 7}, "the copy ended after 5 of 7 bytes"},
		"none":      {copier{err: errDisk}, errDisk.Error()},
	} {
		test.copier.dir = t.TempDir()
		for way, c := range clients(t, &Server{Store: &fakeStore{}, Copier: &test.copier}) {
			t.Run(name+" "+way, func(t *testing.T) {
				var out strings.Builder
				n, err := c.Backup(t.Context(), &out)
				got := ""
				if err != nil {
					got = err.Error()
				}
				if got != test.want || err == nil && (n != 7 || out.String() != "a store") {
					t.Errorf("got %d bytes %q and error %q, want error %q", n, out.String(), got, test.want)
				}
			})
		}
	}
}

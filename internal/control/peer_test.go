package control

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"reportmx/storage"
)

// doer has everything that changes or deletes, and notes what was done.
type doer struct{ done []string }

func (d *doer) Import(context.Context, string, io.Reader) (Imported, error) {
	d.done = append(d.done, "import")
	return Imported{}, nil
}

func (d *doer) Retry(_ context.Context, _ uint64, by string) (Imported, error) {
	d.done = append(d.done, "retry")
	return Imported{}, nil
}

func (d *doer) Prune(context.Context, PruneOrder) (Pruned, error) {
	d.done = append(d.done, "prune")
	return Pruned{}, nil
}

func (d *doer) Reparse(context.Context, ReparseOrder) iter.Seq2[Reparsed, error] {
	d.done = append(d.done, "reparse")
	return func(yield func(Reparsed, error) bool) { yield(Reparsed{Seq: 1}, nil) }
}

func (d *doer) Copy() (*os.File, int64, error) {
	d.done = append(d.done, "backup")
	return nil, 0, errDisk
}

func (d *doer) BeginExport(context.Context, storage.Schedule, time.Time) (*storage.Range, bool, error) {
	d.done = append(d.done, "begin")
	return nil, false, nil
}

func (d *doer) ConfirmExport(context.Context, storage.Schedule, storage.Range, time.Time) error {
	d.done = append(d.done, "confirm")
	return nil
}

func (d *doer) server() *Server {
	return &Server{Store: &fakeStore{}, Importer: d, Retrier: d, Reparser: d, Pruner: d, Copier: d, Schedules: d}
}

// changes are the requests that only root and the service's user may make.
var changes = []struct{ method, path, body, done string }{
	{"POST", "/v1/import?name=a", "x", "import"},
	{"POST", "/v1/held/1/retry", "", "retry"},
	{"POST", "/v1/held/1/accept", "", "retry"},
	{"POST", "/v1/prune", "", "prune"},
	{"POST", "/v1/reparse", "", "reparse"},
	{"POST", "/v1/reparse?check=true", "", "reparse"},
	{"POST", "/v1/schedule/a/begin?kind=tls&period=day", "", "begin"},
	{"POST", "/v1/schedule/a/confirm?kind=tls&period=day", "{}", "confirm"},
	{"GET", "/v1/backup", "", "backup"},
	{"DELETE", "/v1/held/2", "", ""},
}

// TestOwnersOnly: a stranger is refused before anything is done; the owner is not.
func TestOwnersOnly(t *testing.T) {
	for _, change := range changes {
		for user, ctx := range map[string]context.Context{
			"stranger": context.WithValue(t.Context(), peerKey{}, uint32(os.Geteuid()+4711)),
			"owner":    context.WithValue(t.Context(), peerKey{}, uint32(os.Geteuid())),
		} {
			t.Run(user+" "+change.method+" "+change.path, func(t *testing.T) {
				d := &doer{}
				w := httptest.NewRecorder()
				d.server().Handler().ServeHTTP(w, httptest.NewRequestWithContext(ctx, change.method, change.path, strings.NewReader(change.body)))
				stranger := user == "stranger"
				if refused := w.Code == http.StatusForbidden; refused != stranger {
					t.Errorf("got status %d: %s", w.Code, w.Body)
				}
				if done := change.done != "" && slices.Contains(d.done, change.done); done == stranger && change.done != "" {
					t.Errorf("done: %v", d.done)
				}
			})
		}
	}
}

// TestNoChangeByGET: what changes is no page that one can come upon by reading.
func TestNoChangeByGET(t *testing.T) {
	for _, change := range changes {
		if change.method == http.MethodGet || change.method == http.MethodDelete {
			continue
		}
		d := &doer{}
		w := httptest.NewRecorder()
		ctx := context.WithValue(t.Context(), localKey{}, true)
		d.server().Handler().ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, change.path, nil))
		if w.Code != http.StatusMethodNotAllowed || len(d.done) != 0 {
			t.Errorf("GET %s: got status %d, done: %v", change.path, w.Code, d.done)
		}
	}
}

// dialAs connects to the socket c in the working directory as another user: one
// thread takes that identity, and ends with it.
func dialAs(uid int) (net.Conn, error) {
	type dialled struct {
		conn net.Conn
		err  error
	}
	done := make(chan dialled)
	go func() {
		runtime.LockOSThread() // and never let go
		const same = ^uintptr(0)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, same, uintptr(uid), same); errno != 0 {
			done <- dialled{nil, errno}
			return
		}
		c, err := net.Dial("unix", "c")
		done <- dialled{c, err}
	}()
	d := <-done
	return d.conn, d.err
}

// TestPeerOnTheSocket asks over a real socket as another user, which only root can
// become; as the user of the test in any case.
func TestPeerOnTheSocket(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir) // the folders above it are closed to other users
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := Listen("c")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod("c", 0o666); err != nil { // as if the other one were in the group
		t.Fatal(err)
	}
	d := &doer{}
	server := Serve(l, d.server().Handler(), slog.New(slog.DiscardHandler))
	t.Cleanup(func() { server.Close() })
	users := map[int]int{os.Geteuid(): http.StatusOK}
	if os.Geteuid() == 0 {
		users[65534] = http.StatusForbidden
	} else {
		t.Log("not root: no other user asks over the socket")
	}
	for uid, want := range users {
		for _, path := range []string{"/v1/held/1/retry", "/v1/held/1/accept", "/v1/prune", "/v1/reparse"} {
			conn, err := dialAs(uid)
			if err != nil {
				t.Fatalf("connect as user %d: %v", uid, err)
			}
			client := http.Client{Transport: &http.Transport{
				DialContext:       func(context.Context, string, string) (net.Conn, error) { return conn, nil },
				DisableKeepAlives: true,
			}}
			res, err := client.Post("http://reportmx"+path, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("user %d, POST %s: got status %d, want %d", uid, path, res.StatusCode, want)
			}
		}
	}
	if n := len(d.done); n != 4 {
		t.Errorf("done: %v, want the four of the owner", d.done)
	}
}

func TestReparseClient(t *testing.T) {
	for name, c := range clients(t, (&doer{}).server()) {
		var got []uint64
		err := c.Reparse(t.Context(), ReparseOrder{CheckOnly: true}, func(r Reparsed) error { got = append(got, r.Seq); return nil })
		if err != nil || !slices.Equal(got, []uint64{1}) {
			t.Errorf("%s: got %v (%v)", name, got, err)
		}
	}
}

// enrichment tells what a run says of itself.
type enrichment struct {
	Enrichment
	note string
	err  error
}

func (e *enrichment) Ahead(_ context.Context, seq iter.Seq2[*storage.Report, error]) iter.Seq2[*storage.Report, error] {
	return seq
}
func (e *enrichment) Note() string { return e.note }
func (e *enrichment) Close() error { return e.err }

func TestEnrich(t *testing.T) {
	for name, test := range map[string]struct {
		open       error
		run        enrichment
		note, want string
	}{
		"all is well": {},
		"a note":      {run: enrichment{note: "no answer about 1 addresses"}, note: "no answer about 1 addresses"},
		"no database": {open: errDisk, want: errDisk.Error()},
		"damage":      {run: enrichment{err: errDisk}, want: errDisk.Error()},
	} {
		for way, c := range clients(t, &Server{Store: &fakeStore{}, Enrich: func() (Enrichment, error) { return &test.run, test.open }}) {
			t.Run(name+" "+way, func(t *testing.T) {
				note := ""
				c.Note = func(text string) { note = text }
				v := map[string][]string{"format": {"csv"}}
				Enriched(v)
				var out strings.Builder
				_, err := c.Render(t.Context(), "/v1/reports/aggregate", v, &out)
				got := ""
				if err != nil {
					got = err.Error()
				}
				if got != test.want || note != test.note {
					t.Errorf("got error %q and note %q, want %q and %q", got, note, test.want, test.note)
				}
				if err == nil && !strings.Contains(out.String(), "source_asn") {
					t.Errorf("got %q", out.String())
				}
			})
		}
	}
	v := map[string][]string{"format": {"csv"}, "enrich": {"true"}}
	if _, err := Local((&Server{Store: &fakeStore{}}).Handler()).Render(t.Context(), "/v1/reports/aggregate", v, io.Discard); err == nil {
		t.Error("enriched where nobody can")
	}
	if text, err := json.Marshal(end{End: true}); err != nil || string(text) != `{"end":true,"count":0}` {
		t.Errorf("the end of an answer is %s (%v)", text, err)
	}
}

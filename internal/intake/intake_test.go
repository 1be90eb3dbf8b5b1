package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"reportmx/internal/dmarcdns"
	"reportmx/internal/mailauth"
	"reportmx/reports"
	"reportmx/smtpd"
	"reportmx/storage"
)

// memory is a store that remembers batches, or fails.
type memory struct {
	mu      sync.Mutex
	batches []storage.Batch
	fail    error
	known   bool // everything is a duplicate
}

func (m *memory) Commit(_ context.Context, b storage.Batch) (storage.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return storage.Outcome{}, m.fail
	}
	b.Raw = bytes.Clone(b.Raw) // it is recycled
	m.batches = append(m.batches, b)
	var out storage.Outcome
	for range b.Reports {
		out.Reports = append(out.Reports, storage.ReportOutcome{Seq: uint64(len(m.batches)), Duplicate: m.known})
	}
	return out, nil
}

// zone answers for authorization records; a name that is not in it has none.
type zone struct {
	mu    sync.Mutex
	txt   map[string]string
	err   error
	asked int
}

func (z *zone) TXT(_ context.Context, name string) (dmarcdns.Answer, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked++
	if z.err != nil {
		return dmarcdns.Answer{}, z.err
	}
	if t, ok := z.txt[strings.TrimSuffix(name, ".")]; ok {
		return dmarcdns.Answer{TXT: []string{t}}, nil
	}
	return dmarcdns.Answer{}, nil
}

// sender is what the verifier finds, and the mail that it was asked about.
type sender struct {
	mu     sync.Mutex
	result mailauth.Result
	asked  []mailauth.Mail
	until  []time.Time // when each answer had to be there
}

func (s *sender) Verify(ctx context.Context, m mailauth.Mail) mailauth.Result {
	until, _ := ctx.Deadline()         // zero without one
	m.Message = bytes.Clone(m.Message) // it is recycled
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.until = append(s.asked, m), append(s.until, until)
	return s.result
}

type targets []string

func (l targets) Match(domain string) (string, bool) {
	for _, t := range l {
		if domain == t || strings.HasSuffix(domain, "."+t) {
			return t, true
		}
	}
	return "", false
}

// bench is an intake with all that is around it.
type bench struct {
	*Intake
	store  *memory
	zone   *zone
	fresh  *zone
	sender *sender
	fatal  error
	dir    string
}

func newBench(t testing.TB, change func(*Config)) *bench {
	t.Helper()
	b := &bench{store: &memory{}, zone: &zone{}, fresh: &zone{}, sender: &sender{result: mailauth.Result{Verdict: mailauth.Pass, Domain: "receiver.example"}}, dir: t.TempDir()}
	maildir, err := OpenMaildir(b.dir, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		Hostname:  "mx.example.net",
		Domain:    "reports.example.net",
		Addresses: NewAddresses("reports.example.net", "mx.example.net", map[reports.Kind][]string{reports.KindAggregate: {"dmarc"}, reports.KindFailure: {"ruf"}}),
		Targets:   func() Targets { return targets{"example.com"} },
		Policy:    Policy{Authorization: Observe, OnFail: Accept},
		Keep:      KeepHeaders,
		Quota:     Quota{Domain: 2, Total: 3},
		DNSBudget: time.Minute, MaxMessage: 1 << 20, InFlight: 8 << 20,
		Store: b.store, DNS: b.zone, FreshDNS: b.fresh, Verifier: b.sender, Postmaster: maildir,
		FreeSpace: func() (int64, error) { return 1 << 40, nil },
		Metrics:   NewMetrics(prometheus.NewRegistry()),
		Log:       slog.New(slog.DiscardHandler),
		Fatal:     func(err error) { b.fatal = err },
	}
	if change != nil {
		change(&c)
	}
	b.Intake = New(c)
	return b
}

// deliver sends a mail to the address for aggregate reports, or to others.
func (b *bench) deliver(t *testing.T, message string, rcpt ...string) string {
	t.Helper()
	if len(rcpt) == 0 {
		rcpt = []string{"dmarc@reports.example.net"}
	}
	env := &smtpd.Envelope{ClientIP: netip.MustParseAddr("192.0.2.1"), Helo: "client.example", Extended: true, MailFrom: "reports@receiver.example", RcptTo: rcpt}
	return b.Data(t.Context(), env, strings.NewReader(message)).String()
}

func document(domain, id string) string {
	return fmt.Sprintf(`<feedback><version>1.0</version><report_metadata><org_name>Receiver</org_name><email>dmarc@receiver.example</email><report_id>%s</report_id>
<date_range><begin>1795132800</begin><end>1795219199</end></date_range></report_metadata>
<policy_published><domain>%s</domain><p>none</p></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>1</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row>
<identifiers><header_from>%s</header_from></identifiers><auth_results><spf><domain>%s</domain><result>pass</result></spf></auth_results></record></feedback>`, id, domain, domain, domain)
}

func mailWith(documents ...string) string {
	var b strings.Builder
	b.WriteString("From: reports@receiver.example\r\nSubject: Report Domain: x Submitter: y\r\nMessage-ID: <1@receiver.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
	for _, d := range documents {
		b.WriteString("--b\r\nContent-Type: text/xml\r\n\r\n" + d + "\r\n")
	}
	b.WriteString("--b--\r\n")
	return b.String()
}

const failureMail = "From: ruf@receiver.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain\r\n\r\nA failure.\r\n" +
	"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: auth-failure\r\nUser-Agent: T/1\r\nVersion: 1\r\nAuth-Failure: dmarc\r\nReported-Domain: example.com\r\nSource-IP: 192.0.2.9\r\n\r\n" +
	"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@example.com\r\nSubject: secret\r\n\r\nthe body\r\n--b--\r\n"

func TestStored(t *testing.T) {
	b := newBench(t, nil)
	message := mailWith(document("example.com", "1"), document("sub.example.com", "2"))
	if got := b.deliver(t, message); !strings.HasPrefix(got, "250 2.0.0 report stored (id ") {
		t.Fatalf("got %q", got)
	}
	if len(b.store.batches) != 1 || len(b.store.batches[0].Reports) != 2 {
		t.Fatalf("got %+v, want both reports in one batch", b.store.batches)
	}
	batch := b.store.batches[0]
	raw := string(batch.Raw)
	if !strings.HasPrefix(raw, "Received: from client.example") || !strings.HasSuffix(raw, message) {
		t.Errorf("raw message is not the Received line and what was received: %q", raw[:200])
	}
	r := batch.Reports[0]
	if r.Message.Envelope.ClientIP != "192.0.2.1" || r.Message.Source != storage.SourceSMTP || r.Message.MessageID != "1@receiver.example" ||
		r.Message.Sender.Result != "pass" || r.Message.Sender.Contact != "fits" || r.Authorization != "missing" {
		t.Errorf("facts of the message: got %+v, authorization %q", r.Message, r.Authorization)
	}
	if string(b.sender.asked[0].Message) != message {
		t.Error("the sender was not authenticated on exactly the bytes received")
	}
}

func TestKnown(t *testing.T) {
	b := newBench(t, nil)
	b.store.known = true
	if got := b.deliver(t, mailWith(document("example.com", "1"))); !strings.HasPrefix(got, "250 2.0.0 already have it") {
		t.Errorf("got %q", got)
	}
}

func TestHeldWithReason(t *testing.T) {
	b := newBench(t, nil)
	message := mailWith(document("example.com", "1"), "<feedback><report_metadata>")
	if got := b.deliver(t, message); !strings.HasPrefix(got, "250 2.0.0 report stored") {
		t.Fatalf("got %q", got)
	}
	batch := b.store.batches[0]
	if len(batch.Reports) != 1 || batch.Held == nil || batch.Held.Reason == "" || batch.Held.Code != reports.CodeAggregate {
		t.Errorf("got %d reports and held %+v, want the readable one stored and the message held", len(batch.Reports), batch.Held)
	}
}

func TestEnforceAsksAgain(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Policy.Authorization = Enforce })
	const name = "example.com._report._dmarc.reports.example.net"
	if got := b.deliver(t, mailWith(document("example.com", "1"))); !strings.HasPrefix(got, "550 5.7.1 ") || !strings.Contains(got, name) {
		t.Errorf("missing: got %q, want a refusal that names %s", got, name)
	}
	b.fresh.txt = map[string]string{name: "v=DMARC1;"} // published since the answer was cached
	if got := b.deliver(t, mailWith(document("example.com", "1"))); !strings.HasPrefix(got, "250 ") {
		t.Errorf("just published: got %q, want it stored", got)
	}
	b.zone.err = dmarcdns.ErrTemporary
	if got := b.deliver(t, mailWith(document("example.com", "1"))); !strings.HasPrefix(got, "451 4.4.3 ") {
		t.Errorf("no answer: got %q, want 451 4.4.3", got)
	}
}

func TestRefusedCostsNoDNS(t *testing.T) {
	b := newBench(t, nil)
	b.deliver(t, mailWith(document("other.example", "1")))
	b.deliver(t, "Subject: hello\r\n\r\nno report\r\n")
	if b.zone.asked != 0 || len(b.sender.asked) != 0 {
		t.Errorf("asked %d records and %d senders for messages that are refused anyway", b.zone.asked, len(b.sender.asked))
	}
	if len(b.store.batches) != 0 {
		t.Errorf("stored %+v", b.store.batches)
	}
}

func TestOneDeferredDefersAll(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Policy.OnFail = Hold })
	b.sender.result.Verdict = mailauth.TempError
	if got := b.deliver(t, mailWith(document("example.com", "1"), document("other.example", "2"))); !strings.HasPrefix(got, "451 4.4.3") {
		t.Errorf("got %q", got)
	}
	if len(b.store.batches) != 0 {
		t.Error("stored something of a message that is to come again")
	}
}

func TestStoreFails(t *testing.T) {
	b := newBench(t, nil)
	b.store.fail = errors.New("no space left on device")
	if got := b.deliver(t, mailWith(document("example.com", "1"))); !strings.HasPrefix(got, "451 4.3.0 ") || strings.Contains(got, "device") {
		t.Errorf("got %q, want 451 4.3.0 without our inner words", got)
	}
	if b.fatal != nil {
		t.Errorf("a plain error ended the process: %v", b.fatal)
	}
	b.store.fail = fmt.Errorf("sync: %w", storage.ErrUncertain)
	if got := b.deliver(t, mailWith(document("example.com", "1"))); !strings.HasPrefix(got, "451 4.3.0 ") {
		t.Errorf("got %q", got)
	}
	if !errors.Is(b.fatal, storage.ErrUncertain) {
		t.Errorf("got fatal error %v, want ErrUncertain: the process must end", b.fatal)
	}
}

func TestPostmaster(t *testing.T) {
	b := newBench(t, nil)
	letter := "Subject: hello\r\n\r\na letter\r\n"
	if got := b.deliver(t, letter, "postmaster@reports.example.net"); !strings.HasPrefix(got, "250 2.0.0 delivered to the postmaster") {
		t.Fatalf("got %q", got)
	}
	files, err := filepath.Glob(filepath.Join(b.dir, "new", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got %v (%v), want one file", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || !strings.HasPrefix(string(text), "Received: ") || !strings.HasSuffix(string(text), letter) {
		t.Errorf("got %q (%v)", text, err)
	}
	if got := b.deliver(t, "Subject: big\r\n\r\n"+strings.Repeat("x", 1<<20-20), "postmaster@reports.example.net"); !strings.HasPrefix(got, "452 4.2.2 ") {
		t.Errorf("mailbox full: got %q", got)
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, "tmp", "*")); len(left) != 0 {
		t.Errorf("left %v behind", left)
	}
}

// TestSmallLetters: a file takes a block at least, so that their number is bounded, too.
func TestSmallLetters(t *testing.T) {
	d, err := OpenMaildir(t.TempDir(), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, nil, errMailboxFull} {
		if err := d.Deliver("Received: x\r\n", []byte("y\r\n")); !errors.Is(err, want) {
			t.Errorf("letter %d: got error %v, want %v", i+1, err, want)
		}
	}
}

func TestFailureKeep(t *testing.T) {
	for keep, want := range map[Keep]string{
		KeepNone:    "",
		KeepHeaders: "From: a@example.com\r\nSubject: secret\r\n",
		KeepFull:    "From: a@example.com\r\nSubject: secret\r\n\r\nthe body",
	} {
		t.Run(string(keep), func(t *testing.T) {
			b := newBench(t, func(c *Config) { c.Keep = keep })
			if got := b.deliver(t, failureMail, "ruf@reports.example.net"); !strings.HasPrefix(got, "250 ") {
				t.Fatalf("got %q", got)
			}
			batch := b.store.batches[0]
			if got := string(batch.Reports[0].Failure.Sample.Raw); strings.TrimRight(got, "\r\n") != strings.TrimRight(want, "\r\n") {
				t.Errorf("sample: got %q, want %q", got, want)
			}
			if kept := batch.Reports[0].Failure.Sample.Subject != ""; kept != (keep != KeepNone) {
				t.Errorf("subject of the sample kept: %v", kept)
			}
			if (batch.Raw != nil) != (keep == KeepFull) {
				t.Errorf("raw message kept: %v", batch.Raw != nil)
			}
		})
	}
}

// TestNoRaw keeps no messages of aggregate reports; one in the hold is still whole.
func TestNoRaw(t *testing.T) {
	b := newBench(t, func(c *Config) { c.NoRaw = true })
	b.deliver(t, mailWith(document("example.com", "1")))
	if batch := b.store.batches[0]; len(batch.Reports) != 1 || batch.Raw != nil {
		t.Errorf("a report: got %d reports and %d bytes of message", len(batch.Reports), len(batch.Raw))
	}
	b.deliver(t, mailWith("<feedback><version>1.0</version>"))
	if batch := b.store.batches[1]; batch.Held == nil || batch.Raw == nil {
		t.Errorf("one that cannot be read: got held %v and %d bytes of message", batch.Held, len(batch.Raw))
	}
}

func TestRcptDiskLow(t *testing.T) {
	b := newBench(t, func(c *Config) { c.FreeSpace = func() (int64, error) { return 1 << 20, nil } })
	if no := b.Rcpt(t.Context(), &smtpd.Envelope{}, "dmarc@reports.example.net"); no == nil || no.Code != 452 || no.Enhanced != [3]int{4, 3, 1} {
		t.Errorf("got %v, want 452 4.3.1", no)
	}
	if no := b.Rcpt(t.Context(), &smtpd.Envelope{}, "nobody@reports.example.net"); no == nil || no.Code != 550 {
		t.Errorf("got %v, want 550 whatever the disk", no)
	}
}

func TestReadMessage(t *testing.T) {
	short := io.MultiReader(strings.NewReader("Subject: x\r\n"), errReader{io.ErrUnexpectedEOF})
	budget := newBudget(256<<10, 128<<10)
	for _, tt := range []struct {
		name string
		r    io.Reader
		want error
	}{
		{"whole", strings.NewReader(strings.Repeat("x", 100<<10)), nil},
		{"exactly the limit", strings.NewReader(strings.Repeat("x", 128<<10)), nil},
		{"one byte more", strings.NewReader(strings.Repeat("x", 128<<10+1)), errTooBig},
		{"cut short", short, io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := budget.share()
			defer s.release()
			if _, err := readMessage(t.Context(), tt.r, 128<<10, s); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	if !budget.first.TryAcquire(256<<10/3) || !budget.rest.TryAcquire(256<<10-256<<10/3) {
		t.Error("a share was not given back")
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestBudgetRunsOut(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // stands for the end of the wait
	budget := newBudget(firstShare, 1<<20)
	first := budget.share()
	if err := first.grow(t.Context(), firstShare); err != nil {
		t.Fatal(err)
	}
	second := budget.share()
	if _, err := readMessage(ctx, strings.NewReader("x"), 1<<20, second); !errors.Is(err, errNoShare) {
		t.Errorf("got %v, want errNoShare", err)
	}
	first.release()
	if _, err := readMessage(t.Context(), strings.NewReader("x"), 1<<20, second); err != nil {
		t.Errorf("after the first is done: %v", err)
	}
}

// TestUnread: each way of a message that does not arrive whole is counted as what it is.
func TestUnread(t *testing.T) {
	for want, test := range map[string]struct {
		err  error
		code int
	}{
		"cut_short": {io.ErrUnexpectedEOF, 451},
		"too_big":   {fmt.Errorf("read: %w", smtpd.ErrTooLarge), 552},
		"in_flight": {errNoShare, 452},
	} {
		b := newBench(t, nil)
		env := &smtpd.Envelope{ClientIP: netip.MustParseAddr("192.0.2.1")}
		got := b.Data(t.Context(), env, io.MultiReader(strings.NewReader("Subject: x\r\n"), errReader{test.err}))
		if got.Code != test.code || testutil.ToFloat64(b.Metrics.reasons.WithLabelValues(want)) != 1 {
			t.Errorf("%v: got %v, want it counted as %s", test.err, got, want)
		}
	}
}

// TestBudgetOfSmallMessages holds that one that fits into its first share does not wait
// behind large ones, and that there is always room for one message of any size.
func TestBudgetOfSmallMessages(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	const most = 1 << 20
	for _, size := range []int64{most, most + firstShare, 2 * most, 8 * most} {
		budget := newBudget(size, most)
		read := 0
		for {
			large := budget.share()
			if _, err := readMessage(ctx, strings.NewReader(strings.Repeat("x", most)), most, large); err != nil {
				large.release()
				break
			}
			read++
		}
		if read == 0 || int64(read) > size/most {
			t.Errorf("%d bytes: there was room for %d large ones", size, read)
		}
		if size < 2*most { // the first share of the large one is the only one
			continue
		}
		if _, err := readMessage(ctx, strings.NewReader("x"), most, budget.share()); err != nil {
			t.Errorf("%d bytes: a small one beside large ones: %v", size, err)
		}
	}
}

func TestImport(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Policy = Policy{Authorization: Enforce, OnFail: Reject} })
	b.sender.result.Verdict = mailauth.None
	res, err := b.Import(t.Context(), "report.xml", strings.NewReader(document("example.com", "1")))
	if err != nil || len(res.Kept) != 1 || res.Kept[0].Outcome != "stored" {
		t.Fatalf("got %+v (%v), want it stored", res, err)
	}
	r := b.store.batches[0].Reports[0]
	if r.Message.Source != storage.SourceImport || r.Authorization != "unchecked" || r.Message.Sender.Result != "" {
		t.Errorf("got %+v, authorization %q: want nothing that only SMTP can know", r.Message, r.Authorization)
	}
	if len(b.sender.asked) != 0 {
		t.Error("a bare document has no sender, and one was authenticated")
	}
	if _, err = b.Import(t.Context(), "report.eml", strings.NewReader(mailWith(document("example.com", "2")))); err != nil {
		t.Fatal(err)
	}
	if len(b.sender.asked) != 1 || b.sender.asked[0].ClientIP.IsValid() || b.sender.asked[0].MailFrom != "" {
		t.Errorf("asked %+v, want one mail without the facts that only SMTP knows", b.sender.asked)
	}
	if res, err = b.Import(t.Context(), "other.xml", strings.NewReader(document("other.example", "1"))); err != nil || !res.Refused() || res.Reason == "" {
		t.Errorf("not a target: got %+v (%v)", res, err)
	}
}

func TestMissingIsNewsOnce(t *testing.T) {
	var m missing
	steps := []struct {
		a    dmarcdns.Authorization
		want bool
	}{
		{dmarcdns.Missing, true},
		{dmarcdns.Missing, false},
		{dmarcdns.Unknown, false},
		{dmarcdns.Missing, false},
		{dmarcdns.Authorized, false},
		{dmarcdns.Missing, true},
	}
	for i, s := range steps {
		if got := m.news("example.com", s.a); got != s.want {
			t.Errorf("step %d, %s: got %v, want %v", i, s.a, got, s.want)
		}
	}
	for i := range 3 * maxMissing {
		m.news(fmt.Sprint(i), dmarcdns.Missing)
	}
	if len(m.domains) > maxMissing {
		t.Errorf("remembers %d domains, more than %d", len(m.domains), maxMissing)
	}
}

// everything serves one listed target, and all others by "*".
type everything struct{}

func (everything) Match(domain string) (string, bool) {
	if domain == "example.com" {
		return domain, true
	}
	return wildcard, true
}

func TestWildcardQuota(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Targets = func() Targets { return everything{} } })
	for i, step := range []struct{ domain, want string }{
		{"one.example", "250 "}, {"one.example", "250 "},
		{"one.example", "451 4.7.1 too many reports about one.example"}, // its own bound
		{"two.example", "250 "},
		{"three.example", "451 4.7.1 "},                                                                    // that of all
		{"example.com", "250 "}, {"example.com", "250 "}, {"example.com", "250 "}, {"example.com", "250 "}, // listed: none
	} {
		if got := b.deliver(t, mailWith(document(step.domain, fmt.Sprint(i)))); !strings.HasPrefix(got, step.want) {
			t.Errorf("step %d, %s: got %q, want %q", i, step.domain, got, step.want)
		}
	}
}

func TestQuotaComesBackAndIsBounded(t *testing.T) {
	q := newQuota(Quota{Domain: 24, Total: 1 << 30})
	for i := range 25 {
		if got, want := q.take("a.example", noon), i < 24; got != want {
			t.Errorf("report %d: got %v, want %v", i+1, got, want)
		}
	}
	if !q.take("a.example", noon.Add(time.Hour+time.Second)) {
		t.Error("after an hour a 24th of the day's worth should be back")
	}
	for i := range 2 * maxQuotaDomains {
		q.take(fmt.Sprint(i), noon)
	}
	if len(q.domains) > maxQuotaDomains {
		t.Errorf("remembers %d domains, more than %d", len(q.domains), maxQuotaDomains)
	}
	q.take("new.example", noon.Add(24*time.Hour))
	if len(q.domains) > maxQuotaDomains/2 {
		t.Errorf("remembers %d domains a day later", len(q.domains))
	}
}

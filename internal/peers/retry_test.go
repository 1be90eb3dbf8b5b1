package peers

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestPostfixRetries: a server that is killed again and again while a Postfix brings
// it mail. Postfix is the oracle: what it was told 250 for, it forgets; what it was
// not, it brings again. In the end each mail is stored once and none was bounced.
func TestPostfixRetries(t *testing.T) {
	together(t)
	if !havePostfix(t) {
		return
	}
	const records = 20
	mails, kills := size(300, 10_000), size(10, 200)
	m := newMX(t)
	postfix := startPostfix(t, m.addr)
	random := rand.New(rand.NewPCG(1, 2))
	begin := time.Now()
	for i := range kills {
		postfix.fill(t, "retry", mails*i/kills, mails*(i+1)/kills, records)
		<-time.After(time.Duration(random.IntN(300)) * time.Millisecond)
		m.kill(t)
		m.start(t)
		postfix.flush(t)
	}
	postfix.settle(t, 10*time.Minute)
	log := postfix.log(t)
	t.Logf("%d kills in %s: Postfix was told 250 %d times, %d of them \"already have it\"; it deferred %d times, saw %d connections lost, bounced %d",
		kills, time.Since(begin).Round(time.Second), strings.Count(log, "status=sent"), strings.Count(log, "already have it"),
		strings.Count(log, "status=deferred"), strings.Count(log, "lost connection with"), strings.Count(log, "status=bounced"))
	if bounced := strings.Count(log, "status=bounced"); bounced > 0 || strings.Count(log, "status=sent") != mails {
		t.Errorf("Postfix: got %d bounced and %d sent, want 0 and %d", bounced, strings.Count(log, "status=sent"), mails)
	}
	if strings.Count(log, "status=deferred") == 0 {
		t.Error("no kill hit a delivery: nothing was tested")
	}
	m.wantOnce(t, "retry", mails, records)
}

// TestPostfixDelivers: one mail, with TLS.
func TestPostfixDelivers(t *testing.T) {
	together(t)
	if !havePostfix(t) {
		return
	}
	m := newMX(t)
	startPostfix(t, m.addr).deliver(t, m)
}

// deliver brings one mail through the relay and compares how it came.
func (r *relay) deliver(t *testing.T, m *mx) {
	t.Helper()
	r.fill(t, "one", 0, 1, 100)
	r.settle(t, patience)
	m.wantOnce(t, "one", 1, 100)
	for _, s := range m.export(t, "aggregate") {
		if !strings.HasPrefix(s.Envelope.TLS, "TLS 1.3") || s.Envelope.MailFrom != "a@receiver.example" {
			t.Errorf("%s came with %q from %q", r.name, s.Envelope.TLS, s.Envelope.MailFrom)
		}
	}
	t.Log(fmt.Sprintf("%s: ", r.name) + strings.TrimSpace(tail(m.logText(t), 1)))
}

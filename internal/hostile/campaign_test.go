package hostile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"reportmx/internal/dmarcdns/dnstest"
)

// perInput is the CPU that one input may cost.
const perInput = time.Second

// sessions is how many clients send at once, each from its own address.
const sessions = 24

var families = slices.Concat(mimeFamilies, headerFamilies, gzipFamilies, zipFamilies, xmlFamilies, aggregateFamilies, failureFamilies, tlsFamilies)

// input is one message, made when it is sent.
type input struct {
	number int
	family family
	worst  bool
	first  bool
	mutant bool
}

func (in input) String() string {
	kind := ""
	switch {
	case in.worst:
		kind = ", worst form"
	case in.mutant:
		kind = ", mutant"
	}
	return fmt.Sprintf("input %d (%s%s)", in.number, in.family.name, kind)
}

// build makes the message.
func (in input) build() (mailFrom string, message []byte) {
	m := newMaker(*seed, uint64(in.number))
	m.worst, m.first = in.worst, in.first
	if in.mutant {
		m.layer = 1 + m.IntN(3)
	}
	message = in.family.make(m)
	return m.mailFrom, message
}

// inputs are the worst form of each family, then others, mutants for the larger part.
func inputs(n int) []input {
	var list []input
	for _, f := range families {
		list = append(list, input{number: len(list), family: f, worst: true})
	}
	choice := newMaker(*seed, 1<<40)
	for len(list) < n {
		in := input{number: len(list), mutant: choice.IntN(3) > 0}
		from := families
		if in.mutant && choice.IntN(4) == 0 {
			from = honest
		}
		in.family = from[choice.IntN(len(from))]
		list = append(list, in)
	}
	return list
}

// TestHostile sends everything that strangers may send.
func TestHostile(t *testing.T) {
	if len(families) < 60 {
		t.Errorf("got %d families, want 60 at least", len(families))
	}
	begun, at := time.Now(), said("git", "describe", "--always", "--dirty", "--abbrev=12")
	list := inputs(size(2200, 100_000+len(families)))
	if *only >= 0 {
		list = list[*only : *only+1]
	}
	dns := dnstest.Start(t, hostileZone)
	figures := []string{fmt.Sprintf("seed %d: %d families, %d inputs, config.example.toml as it is", *seed, len(families), len(list))}
	t.Log(figures[0])
	alone, dearest := oneByOne(t, list, dns.Addr)
	switch {
	case *only >= 0:
	case *deep:
		list = slices.Insert(list, len(families), dearest.manyTimes(20, sessions)...)
	default: // the worst have been sent, and what they leave makes exports of many minutes
		list = list[len(families):]
	}
	figures = append(figures, alone...)
	figures = append(figures, atOnce(t, list, dns.Addr)...)
	record(t, begun, at, figures)
}

// oneByOne sends the worst of each family alone, to see what it costs and what it is
// answered.
func oneByOne(t *testing.T, list []input, resolver string) (figures []string, dearest costs) {
	c := newCage(t, memory)
	s := startServer(t, c, resolver)
	one := &client{server: s.addr, from: "127.1.0.1", chunks: true}
	for _, in := range list {
		if !in.worst {
			continue
		}
		in.first = true
		spent, reply, err := s.costOf(one, in)
		for again := 0; spent > perInput && again < size(1, 4); again++ { // neighbours on the machine cost, too
			least, _, wrong := s.costOf(one, in)
			spent, err = min(spent, least), errors.Join(err, wrong)
		}
		if !s.alive() {
			t.Errorf("%s KILLED the server: %s", in, c.check(t))
			s = startServer(t, c, resolver)
			one.server = s.addr
			continue
		}
		dearest = append(dearest, cost{in, spent})
		if err != nil || !strings.HasPrefix(reply, in.family.want) {
			t.Errorf("%s: got %q, %v, want %q\n%s", in, reply, err, in.family.want, s.logged(reply))
		}
	}
	one.close()
	dearest.check(t)
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("the server ended with code %d", code)
	}
	return []string{fmt.Sprintf("%d alone: %s", len(dearest), c.check(t)), dearest.String()}, dearest
}

// costOf sends an input while nobody else does, and gives the CPU that the server spent
// meanwhile.
func (s *server) costOf(c *client, in input) (spent time.Duration, reply string, err error) {
	mailFrom, message := in.build()
	before, err := cpu(s.pid())
	if err != nil {
		return 0, "", err
	}
	code, text, err := c.send(mailFrom, message)
	if err != nil {
		return 0, "", err
	}
	after, err := cpu(s.pid())
	return after - before, fmt.Sprintf("%d %s", code, text), err
}

// cost is the CPU that one input took.
type cost struct {
	input
	spent time.Duration
}

type costs []cost

// check holds each input to its bound in the deep form. The short one runs beside other
// tests, on machines of any speed: it only looks for what is out of all proportion.
func (c costs) check(t *testing.T) {
	bound := perInput * time.Duration(size(10, 1))
	for _, one := range c {
		if one.spent > bound {
			t.Errorf("%s: %s of CPU, want %s at most", one.input, one.spent, bound)
		}
	}
}

// String names the dearest.
func (c costs) String() string {
	c.sort()
	var b strings.Builder
	b.WriteString("CPU of one input alone, the dearest:")
	for _, one := range c[:min(len(c), 12)] {
		fmt.Fprintf(&b, "\n  %5d ms  %s", one.spent.Milliseconds(), one.input)
	}
	return b.String()
}

func (c costs) sort() {
	slices.SortStableFunc(c, func(a, b cost) int { return int(b.spent - a.spent) })
}

// manyTimes is the n dearest, each so many times in a row, so that the same is read
// in many sessions at once.
func (c costs) manyTimes(n, times int) []input {
	c.sort()
	var list []input
	for _, one := range c[:min(len(c), n)] {
		list = append(list, slices.Repeat([]input{one.input}, times)...)
	}
	return list
}

// flood is all inputs, from many sessions at once.
type flood struct {
	list []input
	next atomic.Int64

	mu      sync.Mutex
	codes   map[string]int // how often each reply came
	took    []time.Duration
	slow    []slowInput       // what may have cost too much
	unheard []string          // what was not answered
	ids     map[string]string // name of each message that has an id
}

func atOnce(t *testing.T, list []input, resolver string) []string {
	c := newCage(t, memory)
	s := startServer(t, c, resolver)
	begun := time.Now()
	f := &flood{list: list, codes: map[string]int{}, ids: map[string]string{}}
	var senders sync.WaitGroup
	for i := range sessions {
		senders.Go(func() {
			one := &client{server: s.addr, from: fmt.Sprintf("127.1.%d.1", i+1)}
			defer one.close()
			for s.alive() && f.sendNext(one) {
			}
		})
	}
	senders.Wait()
	figures := f.figures(t, time.Since(begun))
	if !s.alive() {
		t.Errorf("the server died with code %d, near the %dth input\n%s", s.cmd.ProcessState.ExitCode(), f.next.Load(), s.lastLines())
		return append(figures, "at once: "+c.check(t))
	}
	figures = append(figures, s.again(t, f.slow))
	figures = append(figures, s.afterwards(t, f.ids)...)
	return append(figures, "at once, and the exports: "+c.check(t))
}

// slowInput is an input with the time to its answer.
type slowInput struct {
	input
	took time.Duration
}

// suspect is the time within which an input cannot have cost too much, whatever else
// ran: on two processors nothing spends more than twice the time that passes.
const suspect = perInput / 2

// sendNext sends the next input; false when there is none.
func (f *flood) sendNext(c *client) bool {
	n := int(f.next.Add(1)) - 1
	if n >= len(f.list) {
		return false
	}
	in := f.list[n]
	mailFrom, message := in.build()
	begun := time.Now()
	code, text, err := c.send(mailFrom, message)
	took := time.Since(begun)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.unheard = append(f.unheard, fmt.Sprintf("%s, %d bytes: %v after %s", in, len(message), err, took.Round(time.Millisecond)))
		return true
	}
	f.took = append(f.took, took)
	if took > suspect && !in.worst {
		f.slow = append(f.slow, slowInput{in, took})
	}
	sentence, id, _ := strings.Cut(text, " (id ")
	f.ids[strings.TrimSuffix(id, ")")] = in.String()
	f.codes[fmt.Sprintf("%d %s", code, general(sentence))]++
	return true
}

// general is a sentence without the domain that it is about.
func general(sentence string) string {
	before, rest, about := strings.Cut(sentence, "reports about ")
	if !about {
		return sentence
	}
	if _, after, whole := strings.Cut(rest, " are "); whole {
		return before + "reports about … are " + after
	}
	return before + "reports about …" // of a domain that fills the line
}

func (f *flood) figures(t *testing.T, took time.Duration) []string {
	for i, what := range f.unheard {
		if i < 20 {
			t.Errorf("not answered: %s", what)
		}
	}
	if len(f.took) == 0 {
		return nil
	}
	slices.Sort(f.took)
	at := func(share float64) time.Duration {
		return f.took[int(share*float64(len(f.took)-1))].Round(time.Millisecond)
	}
	out := []string{fmt.Sprintf("at once, from %d addresses: %d answered, %d not, in %s; half within %s, 99 %% within %s, all within %s",
		sessions, len(f.took), len(f.unheard), took.Round(time.Second), at(0.5), at(0.99), at(1))}
	for _, reply := range slices.Sorted(maps.Keys(f.codes)) {
		out = append(out, fmt.Sprintf("  %6d  %s", f.codes[reply], reply))
	}
	return out
}

// again sends alone what took longest among the others, and may have cost too much.
func (s *server) again(t *testing.T, slow []slowInput) string {
	one := &client{server: s.addr, from: "127.1.0.1"}
	defer one.close()
	var list costs
	slices.SortFunc(slow, func(a, b slowInput) int { return int(b.took - a.took) })
	for _, in := range slow[:min(len(slow), size(100, 2000))] {
		spent, _, err := s.costOf(one, in.input)
		if err != nil {
			t.Errorf("%s, again: %v", in, err)
			continue
		}
		list = append(list, cost{in.input, spent})
	}
	list.check(t)
	return fmt.Sprintf("%d of the small ones and mutants took more than %s among the others; the %d slowest again, alone:\n%s", len(slow), suspect, len(list), list)
}

// afterwards looks whether the server is as good as before, and at what it gives out.
func (s *server) afterwards(t *testing.T, ids map[string]string) []string {
	one := &client{server: s.addr, from: "127.1.0.1"}
	defer one.close()
	for i, f := range honest {
		m := newMaker(*seed, uint64(1<<50+i))
		code, text, err := one.send("", f.make(m))
		if reply := fmt.Sprintf("%d %s", code, text); err != nil || !strings.HasPrefix(reply, stored) {
			t.Errorf("%s afterwards: got %q, %v, want %q", f.name, reply, err, stored)
		}
	}
	figures := s.checkOutputs(t)
	if !s.alive() {
		t.Errorf("the server died with code %d at the exports\n%s", s.cmd.ProcessState.ExitCode(), s.lastLines())
	}
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("the server ended with code %d\n%s", code, s.lastLines())
	}
	if err := s.command(nothing, "verify"); err != nil {
		t.Errorf("verify: %v", err)
	}
	err := errors.Join(s.checkLog(ids))
	if err != nil {
		t.Error(err)
	}
	return figures
}

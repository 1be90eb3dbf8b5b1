package peers

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// relay is a mail server of others that brings what it gets for reports.example.net
// to our server.
type relay struct {
	name  string
	addr  string                  // where it takes mail, in plain text
	queue func(*testing.T) int    // how many messages it still holds
	flush func(*testing.T)        // lets it try again at once
	log   func(*testing.T) string // what it wrote
}

// settle waits until the relay holds nothing any more.
func (r *relay) settle(t *testing.T, limit time.Duration) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("end of %s's log:\n%s", r.name, tail(r.log(t), 40))
		}
	}()
	var flushed time.Time
	await(t, r.name+" to empty its queue", limit, func() bool {
		left := r.queue(t)
		if left > 0 && time.Since(flushed) > 2*time.Second {
			r.flush(t)
			flushed = time.Now()
		}
		return left == 0
	})
}

// taken is the reply to an end of data by which Postfix, Exim, OpenSMTPD and
// reportmx take a message.
var taken = regexp.MustCompile(`^250 (.*queued as|OK id=|2\.0\.0 [0-9a-f]{8} Message accepted|2\.0\.0 (report stored|already have it|kept for inspection))`)

// dialog sends a mail's commands one after the other and then, at once, what stands
// for its content and all behind it, and QUIT after the first reply to that. It gives
// how many messages the server took.
func dialog(addr, from, content string) (took int, replies []string, err error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return 0, nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(conn)
	for _, step := range []string{"", "EHLO client.example\r\n", "MAIL FROM:<" + from + ">\r\n", "RCPT TO:<" + address + ">\r\n", "DATA\r\n"} {
		if _, err := conn.Write([]byte(step)); err != nil {
			return 0, replies, err
		}
		reply, err := readReply(r)
		if err != nil {
			return 0, replies, err
		}
		if replies = append(replies, reply); reply[0] != '2' && reply[0] != '3' {
			return 0, replies, fmt.Errorf("%q was answered %q", step, reply)
		}
	}
	if _, err := conn.Write([]byte(content)); err != nil {
		return 0, replies, err
	}
	for {
		reply, err := readReply(r)
		if err != nil { // the end, as it should be, or a server that had enough
			return took, replies, nil
		}
		if replies = append(replies, reply); len(replies) == 6 {
			conn.Write([]byte("QUIT\r\n"))
		}
		if taken.MatchString(reply) {
			took++
		}
	}
}

// readReply gives the last line of the next reply.
func readReply(r *bufio.Reader) (string, error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if len(line) > 3 && line[3] != '-' {
			return strings.TrimRight(line, "\r\n"), nil
		}
	}
}

// fill gives the relay the mails "prefix-first" to "prefix-(end-1)" over four
// connections at a time.
func (r *relay) fill(t *testing.T, prefix string, first, end, records int) {
	t.Helper()
	next := make(chan int)
	var sending sync.WaitGroup
	for range 4 {
		sending.Go(func() {
			for i := range next {
				content := mail(fmt.Sprintf("%s-%d", prefix, i), records) + ".\r\n"
				if took, replies, err := dialog(r.addr, "a@receiver.example", content); err != nil || took != 1 {
					t.Errorf("%s did not take mail %d: %v %q", r.name, i, err, replies)
				}
			}
		})
	}
	for i := first; i < end && !t.Failed(); i++ {
		next <- i
	}
	close(next)
	sending.Wait()
	if t.Failed() {
		t.Fatalf("end of %s's log:\n%s", r.name, tail(r.log(t), 20))
	}
}

// runServer starts a server in the foreground, waits until it listens at addr, and
// ends it with the test. It gives the file with what it writes.
func runServer(t *testing.T, name string, args []string, addr string) (log string) {
	t.Helper()
	file, err := os.Create(filepath.Join(openDir(t), name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) // its children end with it
		select {
		case <-exited:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
		}
		file.Close()
		if t.Failed() {
			text, _ := os.ReadFile(file.Name())
			t.Logf("end of what %s wrote:\n%s", name, tail(string(text), 30))
		}
	})
	await(t, name+" to listen at "+addr, patience, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return file.Name()
}

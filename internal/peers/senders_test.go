package peers

import (
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSenders: clients that people have at hand deliver, and tell what we answered.
func TestSenders(t *testing.T) {
	together(t)
	tests := []struct {
		name  string
		needs string
		args  string // HOST, PORT, ID, DIR and CRT are replaced; ID.eml is the mail
		exit  int
		want  []string // in what it prints
		tls   string   // how the stored mail came
	}{
		{"swaks in plain text", "swaks", "--server HOST:PORT --from a@receiver.example --to " + address + " --data @DIR/ID.eml --suppress-data", 0,
			[]string{"<-  250 2.0.0 report stored ("}, ""},
		{"swaks with STARTTLS", "swaks", "--server HOST:PORT --tls --from a@receiver.example --to " + address + " --data @DIR/ID.eml --suppress-data", 0,
			[]string{"<-  220 2.0.0 ready to start TLS", "=== TLS started with cipher TLSv1.3:", "<~  250 2.0.0 report stored ("}, "TLS 1.3"},
		{"swaks with pipelining", "swaks", "--server HOST:PORT --tls --pipeline --from <> --to " + address + " --data @DIR/ID.eml --suppress-data", 0,
			[]string{"<~  250 2.0.0 report stored ("}, "TLS 1.3"},
		{"swaks asks to relay", "swaks", "--server HOST:PORT --from a@receiver.example --to someone@relay.example --quit-after RCPT", 24,
			[]string{"<** 550 5.7.1 this server takes mail for reports.example.net only"}, "none"},
		{"swaks to nobody", "swaks", "--server HOST:PORT --from a@receiver.example --to nobody@reports.example.net --quit-after RCPT", 24,
			[]string{"<** 550 5.1.1 no such address here, reports go to dmarc@reports.example.net"}, "none"},
		{"swaks without a report", "swaks", "--server HOST:PORT --from a@receiver.example --to " + address + " --body hello", 26,
			[]string{"<** 554 5.6.0 no DMARC report in this message"}, "none"},
		{"msmtp in plain text", "msmtp", "-C /dev/null -d --host=HOST --port=PORT --tls=off --auth=off --domain=receiver.example --from=a@receiver.example " + address, 0,
			[]string{"<-- 250 2.0.0 report stored ("}, ""},
		{"msmtp with STARTTLS", "msmtp", "-C /dev/null -d --host=HOST --port=PORT --tls=on --tls-trust-file=CRT --tls-host-override=mx.example.net --auth=off --domain=receiver.example --from=a@receiver.example " + address, 0,
			[]string{"<-- 250 2.0.0 report stored ("}, "TLS 1.3"},
		{"curl in plain text", "curl", "-sSv --url smtp://HOST:PORT/receiver.example --mail-from a@receiver.example --mail-rcpt " + address + " -T DIR/ID.eml", 0,
			[]string{"< 250 2.0.0 report stored ("}, ""},
		{"curl with a verified certificate", "curl", "-sSv --url smtp://mx.example.net:PORT/receiver.example --ssl-reqd --cacert CRT --resolve mx.example.net:PORT:HOST --mail-from a@receiver.example --mail-rcpt " + address + " -T DIR/ID.eml", 0,
			[]string{"SSL certificate verify ok", "< 250 2.0.0 report stored ("}, "TLS 1.3"},
		{"curl with TLS 1.2", "curl", "-sSv --url smtp://HOST:PORT/receiver.example --ssl-reqd -k --tls-max 1.2 --mail-from a@receiver.example --mail-rcpt " + address + " -T DIR/ID.eml", 0,
			[]string{"SSL connection using TLSv1.2 / ECDHE-ECDSA-", "< 250 2.0.0 report stored ("}, "TLS 1.2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !have(t, tt.needs) {
				return
			}
			m := newMX(t)
			host, port, _ := net.SplitHostPort(m.addr)
			file := write(t, mail("one-0", 3), m.dir, "one-0.eml")
			args := strings.NewReplacer("HOST", host, "PORT", port, "ID", "one-0", "DIR", m.dir, "CRT", filepath.Join(m.dir, "mx.crt")).Replace(tt.args)
			cmd := exec.Command(tt.needs, strings.Fields(args)...)
			if tt.needs == "msmtp" {
				cmd = exec.Command("sh", "-c", `exec msmtp "$@" <`+file, "msmtp")
				cmd.Args = append(cmd.Args, strings.Fields(args)...)
			}
			out, err := cmd.CombinedOutput()
			wantExit(t, err, tt.exit, out)
			for _, want := range tt.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if tt.tls == "none" {
				m.wantOnce(t, "one", 0, 3)
				return
			}
			m.wantOnce(t, "one", 1, 3)
			if got := m.export(t, "aggregate")[0].Envelope.TLS; !strings.HasPrefix(got, tt.tls) || (got == "") != (tt.tls == "") {
				t.Errorf("stored with TLS %q, want %q", got, tt.tls)
			}
		})
	}
}

func wantExit(t *testing.T, err error, want int, out []byte) {
	t.Helper()
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("exit code: got %d, want %d\n%s", got, want, out)
	}
}

// TestSMTPSource: Postfix's load generator sends mails that are no reports over ten
// sessions; each is refused for good. The same with a report: it is stored once.
func TestSMTPSource(t *testing.T) {
	together(t)
	if !have(t, "smtp-source") {
		return
	}
	m := newMX(t)
	file := write(t, strings.ReplaceAll(mail("load-0", 40), "\r\n", "\n"), m.dir, "load.eml")
	args := []string{"-m", "500", "-s", "10", "-f", "a@receiver.example", "-t", address}
	command(t, "smtp-source", append(args, "-F", file, m.addr)...)
	m.wantOnce(t, "load", 1, 40)
	if got := m.accepted(t); got != 500 {
		t.Errorf("got %d mails answered with 250, want 500", got)
	}
	out, err := exec.Command("smtp-source", append(args, "-l", "20000", m.addr)...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "554 5.6.0 no DMARC report in this message") {
		t.Errorf("mails without a report: got %v\n%s", err, out)
	}
}

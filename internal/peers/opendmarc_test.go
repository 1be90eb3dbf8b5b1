package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenDMARC: a mail that pretends to come from example.com goes through a Postfix
// with OpenDMARC's filter, which sends a failure report and writes its history; out
// of the history opendmarc-reports makes an aggregate report.
func TestOpenDMARC(t *testing.T) {
	if !deep(t, "opendmarc", "opendmarc-import", "opendmarc-reports", "mariadbd", "mariadb-install-db", "swaks", "msmtp", "postfix") {
		return
	}
	m := newInternet(t, "")
	submission := startSubmission(t)
	host, port, _ := strings.Cut(submission.addr, ":")
	dir, milter := openDir(t), freeAddr(t)
	milterHost, milterPort, _ := strings.Cut(milter, ":")
	history := filepath.Join(dir, "history")
	sender := write(t, `#!/bin/sh
tee `+dir+`/failure.eml | msmtp -C /dev/null --host=`+host+` --port=`+port+` --tls=off --auth=off --domain=allowed.example --from=failures@allowed.example -t >`+dir+`/msmtp.log 2>&1
`, dir, "send")
	config := write(t, `AuthservID allowed.example
Background false
FailureReports true
FailureReportsOnNone true
FailureReportsSentBy failures@allowed.example
ReportCommand /bin/sh `+sender+`
SPFIgnoreResults true
SPFSelfValidate true
HistoryFile `+history+`
Socket inet:`+milterPort+`@`+milterHost+`
PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
`, dir, "opendmarc.conf")
	runServer(t, "opendmarc", []string{"opendmarc", "-f", "-l", "-v", "-c", config}, milter)
	receiver := startPostfix(t, "127.0.0.1:1", "relay_domains = allowed.example", "transport_maps = inline:{ {allowed.example=discard:} }",
		"smtpd_milters = inet:"+milter, "smtpd_authorized_xclient_hosts = 127.0.0.1", "milter_default_action = tempfail")
	runIn(t, dir, nil, "swaks", "--server", receiver.addr, "--xclient", "ADDR=192.0.2.1 NAME=spoofer.example", "--helo", "spoofer.example",
		"--from", "somebody@denied.example", "--to", "bob@allowed.example",
		"--header", "From: Boss <boss@example.com>", "--header", "Subject: pay this =cmd|calc", "--body", "Please pay.")
	receiver.settle(t, patience)
	submission.settle(t, patience)
	made, err := os.ReadFile(filepath.Join(dir, "failure.eml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("OpenDMARC made:\n%s\nPostfix brought it:\n%s", made, submission.log(t))
	if text, err := os.ReadFile(filepath.Join(dir, "msmtp.log")); err != nil || len(text) > 0 {
		t.Errorf("OpenDMARC's command: %v %s", err, text)
	}
	failure := wantReport(t, m, "failure", "allowed.example", "pass")
	for _, want := range []string{`"192.0.2.1"`, `pay this =cmd|calc`, `example.com`} {
		if !strings.Contains(failure.raw, want) {
			t.Errorf("the failure report does not say %s", want)
		}
	}

	database := startMariaDB(t)
	text, err := os.ReadFile(history)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("OpenDMARC's history:\n%s", text)
	login := []string{"--dbhost=127.0.0.1", "--dbport=" + database}
	runIn(t, dir, nil, "opendmarc-import", append(login, "--verbose", "--input="+history)...)
	runIn(t, dir, nil, "opendmarc-reports", append(login, "--verbose", "--utc", "--smtp-server="+host, "--smtp-port="+port,
		"--report-email=reports@allowed.example", "--report-org=Allowed")...)
	submission.settle(t, patience)
	wantAggregate(t, m, "Allowed", "allowed.example", "pass", 1)
}

// startMariaDB runs a database of its own with OpenDMARC's tables and gives its port.
func startMariaDB(t *testing.T) (port string) {
	t.Helper()
	dir, addr := openDir(t), freeAddr(t)
	_, port, _ = strings.Cut(addr, ":")
	data, socket := filepath.Join(dir, "db"), filepath.Join(dir, "s")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	command(t, "chown", "mysql", dir, data)
	command(t, "mariadb-install-db", "--no-defaults", "--user=mysql", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	runServer(t, "mariadbd", []string{"mariadbd", "--no-defaults", "--user=mysql", "--datadir=" + data, "--socket=" + socket,
		"--port=" + port, "--bind-address=127.0.0.1", "--skip-name-resolve"}, addr)
	tables, err := os.ReadFile("/usr/share/dbconfig-common/data/opendmarc/install/mysql")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("mariadb", "--no-defaults", "--socket="+socket, "--user=root")
	cmd.Stdin = strings.NewReader(string(tables) + "\nCREATE USER opendmarc@'127.0.0.1' IDENTIFIED BY 'opendmarc'; GRANT ALL ON opendmarc.* TO opendmarc@'127.0.0.1';\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make OpenDMARC's tables: %v\n%s", err, out)
	}
	return port
}

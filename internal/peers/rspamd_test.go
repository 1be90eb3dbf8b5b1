package peers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRspamd: rspamd scans three mails and its dmarc_report tells of them. Its mail
// comes from elsewhere than its SPF record says, and is not signed.
func TestRspamd(t *testing.T) {
	if !deep(t, "rspamd", "rspamadm", "rspamc", "redis-server", "postfix") {
		return
	}
	m := newInternet(t, "")
	submission := startSubmission(t)
	_, port, _ := strings.Cut(submission.addr, ":")
	dir, redis := openDir(t), freeAddr(t)
	_, redisPort, _ := strings.Cut(redis, ":")
	runServer(t, "redis", []string{"redis-server", "--port", redisPort, "--bind", "127.0.0.1", "--dir", dir, "--save", ""}, redis)

	etc := filepath.Join(dir, "etc")
	command(t, "cp", "-r", "/etc/rspamd", etc)
	write(t, `reporting {
  enabled = true;
  report_local_controller = true;
  email = "reports@denied.example";
  domain = "denied.example";
  org_name = "Denied";
  smtp = "127.0.0.1";
  smtp_port = `+port+`;
  from_name = "Rspamd";
  helo = "denied.example";
}
`, etc, "local.d", "dmarc.conf")
	write(t, "servers = \""+redis+"\";\n", etc, "local.d", "redis.conf")
	// The whole list of suffixes takes rspamd half a minute to compile.
	tld := write(t, "com\nnet\nexample\n", etc, "tld")
	write(t, "dns { nameserver = [\"127.0.0.1:53\"]; }\nlocal_addrs = [];\nurl_tld = \""+tld+"\";\n", etc, "override.d", "options.inc")
	write(t, "type = \"console\";\n", etc, "override.d", "logging.inc")
	vars := []string{"--var=CONFDIR=" + etc, "--var=LOCAL_CONFDIR=" + etc}
	for _, name := range []string{"DBDIR", "RUNDIR", "LOGDIR"} {
		folder := filepath.Join(dir, name)
		if err := os.Mkdir(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		command(t, "chown", "_rspamd", folder)
		vars = append(vars, "--var="+name+"="+folder)
	}
	config := filepath.Join(etc, "rspamd.conf")
	runServer(t, "rspamd", append([]string{"rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", config}, vars...), "127.0.0.1:11333")
	text := write(t, "From: Boss <boss@example.com>\r\nTo: bob@denied.example\r\nSubject: hello\r\nDate: "+
		time.Now().Format(time.RFC1123Z)+"\r\nMessage-ID: <1@example.com>\r\n\r\nHello.\r\n", dir, "mail.eml")
	for range 3 {
		runIn(t, dir, nil, "rspamc", "-h", "127.0.0.1:11333", "-i", "192.0.2.1", "-F", "boss@example.com", "-r", "bob@denied.example", "--helo=mail.example.com", text)
	}
	runIn(t, dir, nil, "rspamadm", append(vars, "dmarc_report", "-v", "-c", config, time.Now().UTC().Format("20060102"))...)
	submission.settle(t, patience)
	wantAggregate(t, m, "Denied", "denied.example", "fail", 3)
}

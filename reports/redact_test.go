package reports

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mark makes a token that shows what it was made of.
func mark(local string) string { return "<<" + strings.ToUpper(local) + ">>" }

func TestRedactText(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"bare":               {"jo@example.com", "<<JO>>@example.com"},
		"one spelling":       {"Jo@example.com jO@example.com", "<<JO>>@example.com <<JO>>@example.com"},
		"in brackets":        {"Jo <jo@example.com>, <bo@example.org>", "Jo <<<JO>>@example.com>, <<<BO>>@example.org>"},
		"quoted":             {`"jo smith"@example.com`, `<<JO SMITH>>@example.com`},
		"quoted quote":       {`"jo\" @ x"@example.com`, `<<JO" @ X>>@example.com`},
		"quoted for nothing": {`"jo"@example.com`, `<<JO>>@example.com`},
		"quoted in part":     {`x."jo".y@example.com`, `<<X.JO.Y>>@example.com`},
		"quoted text":        {`said "jo@example.com" so`, `said "<<JO>>@example.com" so`},
		"single quotes":      {`'jo@example.com'`, `'<<JO>>@example.com'`},
		"apostrophe":         {"o'neil@example.com", "<<O'NEIL>>@example.com"},
		"tag":                {"jo+dmarc@example.com", "<<JO+DMARC>>@example.com"},
		"VERP":               {"bounce+jo=example.org@list.example", "<<BOUNCE+JO=EXAMPLE.ORG>>@list.example"},
		"VERP at its start":  {"jo=example.org@list.example", "<<JO=EXAMPLE.ORG>>@list.example"},
		"property":           {"spf=pass smtp.mailfrom=jo@example.com;", "spf=pass smtp.mailfrom=<<JO>>@example.com;"},
		"quoted property":    {`envelope-from="jo@example.com"`, `envelope-from="<<JO>>@example.com"`},
		"no local part":      {"header.i=@example.com", "header.i=@example.com"},
		"mailto":             {"mailto:jo@example.com?cc=bo@example.com&subject=x", "mailto:<<JO>>@example.com?cc=<<BO>>@example.com&subject=x"},
		"in a URI":           {"https://x.example/?email=jo%40example.com&i=1", "https://x.example/?email=<<JO>>%40example.com&i=1"},
		"quoted-printable":   {"to jo=40example.com", "to <<JO>>=40example.com"},
		"HTML":               {"jo&#64;example.com", "<<JO>>&#64;example.com"},
		"percent":            {"100%40 of x=40 y", "100%40 of x=40 y"},
		"source route":       {"<@a.example,@b.example:jo@c.example>", "<@a.example,@b.example:<<JO>>@c.example>"},
		"percent hack":       {"jo%a.example@b.example", "<<JO%A.EXAMPLE>>@b.example"},
		"encoded in it":      {"jo%40a.example@b.example", "<<JO%40A.EXAMPLE>>@b.example"},
		"two signs":          {"jo@smith@example.com", "<<JO@SMITH>>@example.com"},
		"address literal":    {"jo@[192.0.2.1]", "<<JO>>@[192.0.2.1]"},
		"host without dot":   {"jo@localhost", "<<JO>>@localhost"},
		"UTF-8":              {"jürgen@bücher.example", "<<JÜRGEN>>@bücher.example"},
		"list":               {"a@b.example,c@d.example;e@f.example", "<<A>>@b.example,<<C>>@d.example;<<E>>@f.example"},
		"no address":         {"at 5 @ home, user@ home, @", "at 5 @ home, user@ home, @"},
		"nothing":            {"", ""},
		"X.400":              {"/G=Jo/S=Smith/@gw.example", "/<<G=JO/S=SMITH/>>@gw.example"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := RedactText(test.text, mark); got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestRedactHeader(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"field":             {"To: jo@example.com\r\n", "To: <<JO>>@example.com\r\n"},
		"folded":            {"To: Jo\r\n <jo\r\n @ example.com>\r\nX: y\r\n", "To: Jo\r\n <<<JO>>\r\n @ example.com>\r\nX: y\r\n"},
		"line ends":         {"To: jo@example.com\nFrom: bo@example.com\rX: y", "To: <<JO>>@example.com\nFrom: <<BO>>@example.com\rX: y"},
		"received":          {"Received: from x (y [192.0.2.1])\n\tfor <jo@example.com>; Thu\n", "Received: from x (y [192.0.2.1])\n\tfor <<<JO>>@example.com>; Thu\n"},
		"ids of mails":      {"Message-ID: <a@b.example>\r\nReferences: <c@d.example>\r\n", "Message-ID: <a@b.example>\r\nReferences: <c@d.example>\r\n"},
		"without a domain":  {"Delivered-To: jo\r\nReturn-Path: <>\r\n", "Delivered-To: <<JO>>\r\nReturn-Path: <>\r\n"},
		"words":             {"From: =?utf-8?q?J=C3=B6?= <jo@example.com>\r\n", "From: Jö <<<JO>>@example.com>\r\n"},
		"in a word":         {"From: =?utf-8?B?am9AZXhhbXBsZS5jb20=?= <jo@example.com>\r\n", "From: <<JO>>@example.com <<<JO>>@example.com>\r\n"},
		"in two words":      {"Subject: =?utf-8?q?jo=40?=\r\n =?utf-8?q?example.com?=\r\n", "Subject: <<JO>>@example.com\r\n"},
		"a word with lines": {"Subject: =?utf-8?q?a=0D=0AX:_b=40c.example?=\r\n", "Subject: a X: <<B>>@c.example\r\n"},
		"words as they are": {"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n", "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n"},
		"unknown charset":   {"Subject: =?x-none?B?am9AZXhhbXBsZS5jb20=?=\r\n", "Subject: (not kept)\r\n"},
		"a stray line":      {"> jo@example.com: hello\r\nX: y\r\n", "> <<JO>>@example.com: hello\r\nX: y\r\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := string((redactor{token: mark}).header([]byte(test.text))); got != test.want {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestRedactBody(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"lines":           {"to jo@example.com\r\nand bo@example.com\r\n", "to <<JO>>@example.com\r\nand <<BO>>@example.com\r\n"},
		"broken":          {"to jo.smi=\r\nth@example.com or jo=\r\n@example.com\r\nx", "to <<JO.SMITH>>@example.com or <<JO>>@example.com\r\nx"},
		"broken twice":    {"to jo= \t\n=\n=40ex=\nample.com", "to <<JO>>=40example.com"},
		"broken for none": {"a= \r\nb=\nc=\rd\n", "a= \r\nb=\nc=\rd\n"},
		"at the end":      {"jo@example.com =", "<<JO>>@example.com ="},
		"a rule":          {"=====\njo@example.com\n", "=====\n<<JO>>@example.com\n"},
		"a word":          {"=?utf-8?B?am9AZXhhbXBsZS5jb20=?=\nx\n", "<<JO>>@example.com\nx\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := []byte(test.text)
			if got := string((redactor{token: mark}).body(text)); got != test.want {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
			if string(text) != test.text {
				t.Errorf("the text itself became %q", text)
			}
		})
	}
}

// secretMail brings "vip" in every place that a report has for it.
const secretMail = "From: ruf@receiver.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain\r\n\r\nA failure.\r\n" +
	"--b\r\nContent-Type: message/feedback-report; name=\"vip@example.com.txt\"\r\n\r\n" +
	"Feedback-Type: auth-failure\r\nUser-Agent: T/1 (vip@example.com)\r\nVersion: 1\r\nAuth-Failure: dmarc\r\nReported-Domain: example.com\r\n" +
	"Original-Envelope-Id: q=vip@example.com\r\nOriginal-Mail-From: <VIP@example.com>\r\nOriginal-Rcpt-To: <vip@receiver.example>\r\nOriginal-Rcpt-To: rfc822; vip\r\n" +
	"Original-Mail-From: <vip@example.net>\r\nSource-IP: 192.0.2.9\r\nReporting-MTA: dns; vip@mx.receiver.example\r\n" +
	"Authentication-Results: mx.receiver.example; spf=fail smtp.mailfrom=vip@example.com; dkim=fail header.i=vip@example.com\r\n" +
	"Reported-URI: mailto:vip@example.com\r\nIdentity-Alignment: none\r\nDelivery-Result: delivered\r\n" +
	"DKIM-Domain: example.com\r\nDKIM-Identity: vip@example.com\r\nDKIM-Selector: s\r\nDKIM-Selector-DNS: \"v=DKIM1; n=vip@example.com\"\r\n" +
	"DKIM-ADSP-DNS: \"dkim=all; r=vip@example.com\"\r\nSPF-DNS: txt : example.com : \"v=spf1 exp=vip@example.com\"\r\n" +
	"DKIM-Canonicalized-Header: ZnJvbTpCb3NzIDx2aXBAZXhhbXBsZS5jb20+DQo=\r\nDKIM-Canonicalized-Body: d3JpdGUgdG8gdmlwQGV4YW1wbGUuY29tDQo=\r\n" +
	"X-Rcpt-To: vip@receiver.example\r\nArrival-Date: Thu, 19 Nov 2026 13:00:00 +0100 (vip@example.com)\r\n\r\n" +
	"--b\r\nContent-Type: message/rfc822\r\n\r\nReturn-Path: <vip@example.com>\r\nDelivered-To: vip\r\n" +
	"Received: from a by b for <vip@receiver.example>; Thu, 19 Nov 2026 13:00:00 +0100\r\nFrom: Boss <vip@example.com>\r\nTo: <vip@receiver.example>,\r\n\t\"vip\"@example.org\r\n" +
	"Cc: vip@example.com\r\nReply-To: =?utf-8?q?vip=40example.com?= <vip@example.com>\r\nSender: vip@example.com\r\nSubject: for vip@example.com\r\nMessage-ID: <1@example.com>\r\n" +
	"Date: Thu, 19 Nov 2026 13:00:00 +0100\r\n\r\nDear vip@receiver.example,\r\nwrite to <a href=\"mailto:vip&#64;example.com\">.\r\n--b--\r\n"

// TestRedact: no field of a report has the local part any more, and what was
// computed of it stays.
func TestRedact(t *testing.T) {
	before := Find([]byte(secretMail), Limits{}).Reports[0]
	after := Find([]byte(secretMail), Limits{}).Reports[0]
	after.Redact(func(local string) string {
		if strings.Contains(local, "vip") {
			return "<<VIP>>"
		}
		return mark(local)
	})
	for path, text := range texts(reflect.ValueOf(after), "Report") {
		if strings.Contains(strings.ToLower(strings.ReplaceAll(text, "<<VIP>>", "")), "vip") {
			t.Errorf("%s still is %q", path, text)
		}
	}
	for path, text := range texts(reflect.ValueOf(before), "Report") { // the test sees them all
		if strings.Contains(strings.ToLower(text), "vip") && !strings.Contains(fmt.Sprint(texts(reflect.ValueOf(after), "Report")[path]), "<<VIP>>") {
			t.Errorf("%s was %q and is no token now", path, text)
		}
	}
	if after.ContentHash != before.ContentHash || after.Failure.PolicyDomain != before.Failure.PolicyDomain || after.Failure.SPFAligned != before.Failure.SPFAligned {
		t.Error("what was computed of the report has changed")
	}
	f := after.Failure
	if d := cmp.Diff([]string{f.OriginalMailFrom, f.OriginalRcptTo[0], f.OriginalRcptTo[1], f.Sample.From, f.Sample.MessageID, f.AuthenticationResults[0]},
		[]string{"<<VIP>>@example.com", "<<VIP>>@receiver.example", "rfc822; <<VIP>>", "Boss <<<VIP>>@example.com>", "<1@example.com>",
			"mx.receiver.example; spf=fail smtp.mailfrom=<<VIP>>@example.com; dkim=fail header.i=<<VIP>>@example.com"}); d != "" {
		t.Errorf("got (-) want (+):\n%s", d)
	}
}

// TestRedactEveryField fills every text of a failure report with an address: a field
// that Redact does not know fails here.
func TestRedactEveryField(t *testing.T) {
	const secret = "Jo.Secret@example.com"
	stay := map[string]bool{ // what Redact says, and what no stranger wrote
		"Report.Kind": true, "Report.Warnings[0].Code": true, "Report.Failure.ArrivalDateField": true, "Report.Failure.FeedbackType": true,
		"Report.Failure.PolicyDomain": true, "Report.Failure.DKIMAligned": true, "Report.Failure.SPFAligned": true,
		"Report.Failure.Sample.MessageID": true,
	}
	r := &Report{Failure: &Failure{}}
	fill(reflect.ValueOf(r), secret)
	r.Kind = KindFailure
	before := texts(reflect.ValueOf(r), "Report")
	r.Redact(func(string) string { return "x" })
	after := texts(reflect.ValueOf(r), "Report")
	for path, text := range before {
		want := strings.ReplaceAll(text, "Jo.Secret", "x")
		if stay[path] {
			want = text
		}
		if after[path] != want {
			t.Errorf("%s: got %q, want %q", path, after[path], want)
		}
	}
	if len(before) < 35 {
		t.Errorf("got %d texts, want all of a failure report", len(before))
	}
}

// fill puts a text in every text below a value, and in one element of each list. Of bytes
// it makes a field and a body.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), text)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(text + ": " + text + "\r\n\r\n" + text + "\r\n"))
			break
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text)
	case reflect.String:
		v.SetString(text)
	}
}

// texts are all texts below a value, by path.
func texts(v reflect.Value, path string) map[string]string {
	all := make(map[string]string)
	add := func(v reflect.Value, path string) {
		for p, text := range texts(v, path) {
			all[p] = text
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			add(v.Elem(), path)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				add(v.Field(i), path+"."+v.Type().Field(i).Name)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			all[path] = string(v.Bytes())
			break
		}
		for i := range v.Len() {
			add(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.String:
		all[path] = v.String()
	}
	return all
}

func FuzzRedact(f *testing.F) {
	f.Add(secretMail)
	f.Add("From: =?utf-8?B?am9AZXhhbXBsZS5jb20=?=\r\n\r\n\"a\\\"b\"@c @d.e jo%40x.y@z")
	f.Fuzz(func(t *testing.T, text string) {
		d := redactor{token: func(local string) string {
			if local == "" {
				t.Fatal("a token of nothing")
			}
			return "x"
		}}
		for _, whole := range []string{text + " vip@example.com", text + "<vip@example.com>", "vip@example.com " + text, text + ",vip%40example.com " + text} {
			if got := d.text(whole); strings.Count(got, "vip") > strings.Count(text+text, "vip") {
				t.Errorf("%q becomes %q", whole, got)
			}
		}
		d.sample([]byte(text), false)
		d.sample([]byte(text), true)
		d.mailbox(text)
		if soft := d.body([]byte("jo vi=\np@example.com\n" + text)); bytes.HasPrefix(soft, []byte("jo vi")) {
			t.Errorf("%q becomes %q", text, soft)
		}
	})
}

// TestRedactIsLinear: what a stranger writes to keep us busy takes no longer than
// its size asks for.
func TestRedactIsLinear(t *testing.T) {
	const size = 1 << 20
	for _, piece := range []string{"a", "a.", "\"", "@", "a@", "\"@", "\"a\"@b", "a\"@b ", "?=", "?a=", "%40", "a@b", "=?", "&", ".", "a=40b", "a=\n", "=\n", "@= \n", "a@b=\n"} {
		text := strings.Repeat(piece, size/len(piece))
		start := time.Now()
		RedactText(text, mark)
		if strings.HasSuffix(piece, "\n") {
			redactor{token: mark}.body([]byte(text))
		} else {
			RedactText(text+"@example.com", mark)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%q repeated: %v", piece, took)
		}
	}
}

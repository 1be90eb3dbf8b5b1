#!/bin/sh
# Signs one mail in several ways with new keys and writes mails and public keys here:
#	sh make.sh WORKDIR OUTDIR
# The private keys stay in WORKDIR, to be thrown away.
set -eu
OUT=$(realpath "$2")
cd "$1"
openssl genrsa -out rsa.pem 2048 2>/dev/null
openssl rsa -in rsa.pem -traditional -out rsa1.pem 2>/dev/null
openssl genpkey -algorithm ed25519 -out ed.pem
/usr/bin/python3 - <<'P'
body = ("This is an aggregate report.  \r\n\tA tab,  two  spaces \t\r\n.a dot first\r\n\r\n"
        "Gr\u00fc\u00dfe\r\n\r\n\r\n")
head = ("From: =?utf-8?q?Report_Robot?= (for\r\n example.net)\r\n <reports@mail.example.org>\r\n"
        "To: dmarc@reports.example.net\r\n"
        "Subject: Report Domain:  example.com\r\n\tSubmitter: mail.example.org\r\n Report-ID: <2026.11.21.1@mail.example.org>\r\n"
        "Date: Sat, 21 Nov 2026 08:00:00 +0000\r\n"
        "Message-ID: <1@mail.example.org>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n")
open("plain.eml","wb").write((head+"\r\n"+body).encode())
P
/usr/bin/python3 - $OUT <<'P'
import sys, dkim, base64, subprocess
out = sys.argv[1]
msg = open("plain.eml","rb").read()
rsa = open("rsa1.pem","rb").read()
der = subprocess.run(["openssl","pkey","-in","ed.pem","-outform","DER"],capture_output=True,check=True).stdout
seed = base64.b64encode(der[-32:])
def w(name, sig, m=msg): open(f"{out}/{name}.eml","wb").write(sig+m)
w("dkimpy-rsa-relaxed", dkim.sign(msg, b"rsa", b"mail.example.org", rsa, canonicalize=(b"relaxed",b"relaxed")))
w("dkimpy-rsa-simple", dkim.sign(msg, b"rsa", b"mail.example.org", rsa, canonicalize=(b"simple",b"simple")))
ed = dkim.sign(msg, b"ed", b"example.org", seed, canonicalize=(b"relaxed",b"simple"), signature_algorithm=b"ed25519-sha256")
w("dkimpy-ed25519", ed)
both = dkim.sign(ed+msg, b"rsa", b"example.org", rsa, canonicalize=(b"simple",b"relaxed"))
w("dkimpy-both", both, ed+msg)
w("dkimpy-length", dkim.sign(msg, b"rsa", b"mail.example.org", rsa, length=True))
P
for c in relaxed/relaxed simple/simple relaxed/simple; do
perl -MMail::DKIM::Signer -MMail::DKIM::TextWrap - $c <<'P' > $OUT/perl-rsa-$(echo $c | tr / -).eml
my $c = shift; open F,"<","plain.eml"; binmode F; my $m=join "",<F>; binmode STDOUT;
my $s = Mail::DKIM::Signer->new(Algorithm=>"rsa-sha256",Method=>$c,Domain=>"mail.example.org",Selector=>"rsa",KeyFile=>"rsa1.pem");
$s->PRINT($m); $s->CLOSE; print $s->signature->as_string."\r\n".$m;
P
done
{ echo "rsa._domainkey.mail.example.org TXT v=DKIM1; k=rsa; p=$(openssl rsa -in rsa.pem -pubout -outform DER 2>/dev/null | base64 -w0)"
  echo "rsa._domainkey.example.org TXT v=DKIM1; p=$(openssl rsa -in rsa.pem -pubout -outform DER 2>/dev/null | base64 -w0)"
  echo "ed._domainkey.example.org TXT v=DKIM1; k=ed25519; p=$(openssl pkey -in ed.pem -pubout -outform DER | tail -c 32 | base64 -w0)"
} > $OUT/zone

// Package peers holds tests only: it drives the built program with the software of
// others. Senders (swaks, msmtp, curl, Postfix, Exim, OpenSMTPD), generators of
// reports (Mail::DMARC, rspamd, OpenDMARC) and scanners (testssl.sh, nmap) meet
// "reportmx serve" as they would on the internet, on loopback addresses only.
//
// REPORTMX_PEERS says how much is tested:
//
//	(unset)  what is installed; what is missing gets a line in the log
//	short    the tests that CI runs; a missing program is a failure
//	deep     everything, in namespaces of its own; deep.sh prepares and runs it
//
// What ends a message, and what becomes of one that is cut or stalls, is tested byte
// by byte in smtpd (TestSmuggling, TestBrokenOff, TestStalledContent, TestStartTLS).
// Here the same bytes go through real mail servers.
package peers

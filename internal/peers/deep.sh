#!/usr/bin/env bash
# The deep form of the tests with the software of others: as root, on Debian, in
# namespaces of its own. What each run wrote becomes docs/runs/peers-NAME.txt.
#
#	internal/peers/deep.sh             all runs
#	internal/peers/deep.sh retries     one of them
set -euo pipefail

cd "$(dirname "$0")/../.."

declare -A tests=(
	[senders]='^(TestSenders|TestSMTPSource|TestPostfixDelivers|TestEximDelivers|TestOpenSMTPDDelivers)$'
	[retries]='^TestPostfixRetries$'
	[cuts]='^TestCutConnections$'
	[smuggling]='^TestSmuggling$'
	[generators]='^(TestMailDMARC|TestOpenDMARC|TestRspamd)$'
	[scanners]='^(TestTestssl|TestNmap|TestRelayForms)$'
)

export DEBIAN_FRONTEND=noninteractive
debconf-set-selections <<<'postfix postfix/main_mailer_type select No configuration'
packages=(
	iproute2 openssl curl swaks msmtp postfix nmap testssl.sh libnet-ssleay-perl libio-socket-ssl-perl libnet-dns-perl
	libmail-dmarc-perl libdbd-sqlite3-perl libmail-dkim-perl publicsuffix faketime
	opendmarc mariadb-server libdbd-mysql-perl libswitch-perl libhttp-message-perl rspamd redis-server
)
if ! dpkg -s "${packages[@]}" >/dev/null 2>&1; then
	apt-get update -q
	apt-get install -qy --no-install-recommends "${packages[@]}"
fi

# Exim and OpenSMTPD conflict with Postfix: they are unpacked, and shown to the tests
# only (world_test.go).
software="$(mktemp -d)"
trap 'rm -rf "$software"' EXIT
chmod 755 "$software"
(
	cd "$software"
	apt-get -o APT::Sandbox::User=root download -q exim4-base exim4-daemon-light opensmtpd
	dpkg-deb -x exim4-base_*.deb exim
	dpkg-deb -x exim4-daemon-light_*.deb exim
	dpkg-deb -x opensmtpd_*.deb opensmtpd
) >/dev/null

failed=0
for name in "${@:-senders retries cuts smuggling generators scanners}"; do
	for run in $name; do
		out="docs/runs/peers-$run.txt"
		mkdir -p docs/runs
		command="REPORTMX_PEERS=deep go test -count=1 -v -timeout 1h -run '${tests[$run]}' ./internal/peers"
		{
			echo "command: internal/peers/deep.sh $run"
			echo "         $command"
			echo "date:    $(date -u +%FT%TZ)"
			echo "commit:  $(git rev-parse HEAD)"
			echo "machine: $(nproc) cores, $(uname -sr), $(. /etc/os-release; echo "$PRETTY_NAME"), load $(cut -d' ' -f1 /proc/loadavg)"
			echo
		} >"$out"
		REPORTMX_PEERS_SOFTWARE="$software" bash -c "$command" 2>&1 | tee -a "$out" || failed=1
	done
done
exit "$failed"

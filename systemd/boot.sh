#!/usr/bin/env bash
# Runs the package under a real systemd, process 1 of a Debian of its own:
# systemd/boot.sh PACKAGE.deb ROOT.tar, as root. It prints what it sees.
#
# ROOT.tar is made by
#	mmdebstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2,procps,dnsmasq-base bookworm ROOT.tar
# The machine is a set of namespaces. Beside it is a second network, at the other
# end of a veth pair, with the clients and a resolver that is not on loopback.
set -Eeuo pipefail
export LC_ALL=C

deb="$(realpath "$1")" tar="$(realpath "$2")"
cd "$(dirname "$0")/.."
scratch="$(mktemp -d)"
root="$scratch/root"
pids=()
trap 'kill -KILL "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$scratch"' EXIT
step() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*"; inside journalctl -q --no-pager -n 60 -u 'reportmx*' || true; exit 1; }
expect() { grep -q -- "$2" <<<"$1" || fail "no \"$2\" in: $1"; }

trap 'fail "line $LINENO"' ERR

boot() {
	mkdir "$root" && tar -xf "$tar" -C "$root"
	cp "$deb" "$root/this.deb"
	cp testdata/report.eml "$root/report.eml"
	echo mx.example.net >"$root/etc/hostname"
	rm -f "$root/etc/resolv.conf" && echo 'nameserver 192.0.2.53' >"$root/etc/resolv.conf"
	unshare --mount --pid --fork --kill-child --net --uts --ipc --cgroup --propagation private \
		bash -euo pipefail -c '
			hostname mx.example.net
			cd "$0"
			mount --bind . .
			cd "$0"
			mount -t proc proc proc
			mount -t sysfs sysfs sys
			mount -t cgroup2 cgroup2 sys/fs/cgroup
			for tmpfs in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$tmpfs"; done
			for device in null zero full random urandom tty; do
				touch "dev/$device"
				mount --bind "/dev/$device" "dev/$device"
			done
			mkdir dev/pts dev/shm .old
			mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
			ln -s pts/ptmx dev/ptmx
			pivot_root . .old
			umount -l .old
			rmdir .old
			mount --make-rshared / # systemd does so itself only on real machines
			exec env -i container=namespace PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --show-status=false
		' "$root" </dev/null >"$scratch/console" 2>&1 &
	pids+=($!)
	for _ in $(seq 100); do
		init="$(pgrep -P "${pids[0]}" || true)"
		[[ -z "$init" ]] || ! inside systemctl is-system-running --wait >/dev/null 2>&1 || return 0
		read -rt 0.2 <> <(:) || true
	done
	fail "no boot: $(cat "$scratch/console")"
}
inside() { nsenter -t "$init" -m -p -n -u -i -C "$@"; }
outside() { nsenter -t "$client" -n "$@"; }

# network joins the machine, 192.0.2.25, and the world, 192.0.2.53.
network() {
	nsenter -t "$init" -n unshare --net sleep infinity &
	client=$!
	pids+=("$client")
	inside ip link set lo up
	until [[ "$(readlink "/proc/$client/ns/net")" != "$(readlink "/proc/$init/ns/net")" &&
		"$(readlink "/proc/$client/ns/net")" != "$(readlink /proc/self/ns/net)" ]]; do :; done
	nsenter -t "$init" -n ip link add world type veth peer name eth0 netns "$client"
	inside ip addr add 192.0.2.25/24 dev world
	inside ip link set world up
	outside ip link set lo up
	outside ip addr add 192.0.2.53/24 dev eth0
	outside ip link set eth0 up
	nsenter -t "$init" -m --net="/proc/$client/ns/net" dnsmasq --conf-file=/dev/null --keep-in-foreground --no-resolv --no-hosts --pid-file= \
		--user=root --listen-address=192.0.2.53 --bind-interfaces --host-record=mx.example.net,192.0.2.25 \
		--mx-host=reports.example.net,mx.example.net,10 --local=/net/ --local=/com/ \
		--txt-record=example.com._report._dmarc.reports.example.net,v=DMARC1 \
		--txt-record=_dmarc.example.com,'v=DMARC1; p=reject; rua=mailto:dmarc@reports.example.net' &
	pids+=($!)
	resolving outside
	for _ in $(seq 100); do # until the kernel has noticed the cable, it drops what is sent
		if inside ip -br link show world | grep -q ' UP '; then return 0; fi
		read -rt 0.1 <> <(:) || true
	done
	fail "no network"
}

# resolving waits until somebody has the UDP port 53 (0x35).
resolving() {
	for _ in $(seq 100); do
		if "$1" cat /proc/net/udp | grep -q ':0035 '; then return 0; fi
		read -rt 0.1 <> <(:) || true
	done
	fail "no resolver"
}

send() { outside curl -sS --max-time 20 --ssl-reqd -k smtp://192.0.2.25:25/client.example --mail-from reports@receiver.example \
	--mail-rcpt dmarc@reports.example.net --upload-file "${1:-testdata/report.eml}" -v 2>&1 | grep -E '^< (250 2.0.0|[45])' | tail -1; }
show() { inside systemctl show reportmx.service -p "$1" --value; }
greeting() { outside timeout 10 bash -c 'exec 3<>/dev/tcp/192.0.2.25/25; read -r line <&3; echo "$line"'; }

step "$(date -u +%FT%TZ), commit $(git rev-parse --short HEAD), ${deb##*/}, kernel $(uname -r)"
boot
network
inside systemctl --version | head -1
echo "process 1: $(inside cat /proc/1/comm)"

step "install: enabled, not started"
inside dpkg -i /this.deb | tail -1
inside systemctl is-enabled reportmx.service reportmx.socket
[[ "$(show ActiveState)" == inactive ]] || fail "it was started"

step "certificate for root alone, one file edited, start"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mx.example.net \
	-addext subjectAltName=DNS:mx.example.net -keyout "$root/etc/reportmx/tls/key.pem" -out "$root/etc/reportmx/tls/certificate.pem" 2>/dev/null
inside chmod 600 /etc/reportmx/tls/key.pem
inside sed -i -e 's|^# certificate = ""|certificate = "/run/credentials/reportmx.service/certificate.pem"|' \
	-e 's|^# key = ""|key = "/run/credentials/reportmx.service/key.pem"|' /etc/reportmx/config.toml
inside systemctl start reportmx.service
pid="$(show MainPID)"
inside grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' "/proc/$pid/status"
inside ls -ld /var/lib/reportmx /run/reportmx /run/reportmx/control.sock
inside systemd-analyze security reportmx.service 2>/dev/null | tail -1

step "a report over STARTTLS from another host; names through a resolver that is not on loopback"
reply="$(send)"
echo "$reply"
expect "$reply" 'report stored'
inside reportmx status
expect "$(inside reportmx export aggregate --format ndjson)" '"authorization":"authorized"'

step "reload: a good configuration, then a wrong one"
inside systemctl reload reportmx.service && echo "good: reloaded"
inside cp /etc/reportmx/config.toml /etc/reportmx/good.toml
inside sed -i 's/^domain = "example.com"/domain = "not a domain"/' /etc/reportmx/config.toml
! inside systemctl reload reportmx.service 2>&1 || fail "a wrong configuration was reloaded"
[[ "$(show MainPID)" == "$pid" && "$(show ActiveState)" == active ]] || fail "it does not run on"
inside journalctl -q --no-pager -o cat -u reportmx.service -n 5
expect "$(send)" 'already have it'

step "restart with the wrong configuration: exit 78, and no loop"
! inside systemctl restart reportmx.service 2>/dev/null || fail "it started"
echo "exit status $(show ExecMainStatus), $(show ActiveState), restarts $(show NRestarts)"
[[ "$(show ExecMainStatus)" == 78 ]] || fail "not 78"
inside mv /etc/reportmx/good.toml /etc/reportmx/config.toml
inside systemctl reset-failed
inside systemctl restart reportmx.socket reportmx.service
expect "$(send)" 'already have it'

step "kill -9 three times: the port never refuses"
for _ in 1 2 3; do
	inside kill -KILL "$(show MainPID)"
	began="$(date +%s%N)"
	line="$(greeting)" || fail "refused"
	printf '%s  after %d ms\n' "$line" $((($(date +%s%N) - began) / 1000000))
done

step "a hung server (SIGSTOP) with WatchdogSec=6s"
inside mkdir -p /run/systemd/system/reportmx.service.d
inside sh -c 'printf "[Service]\nWatchdogSec=6s\nTimeoutAbortSec=1s\n" >/run/systemd/system/reportmx.service.d/watchdog.conf'
inside systemctl daemon-reload
inside systemctl restart reportmx.service
hung="$(show MainPID)"
inside kill -STOP "$hung"
began="$(date +%s%N)"
line="$(outside timeout 30 bash -c 'exec 3<>/dev/tcp/192.0.2.25/25; read -r line <&3; echo "$line"')" || fail "no greeting"
printf '%s  after %d ms, restarts %s\n' "$line" $((($(date +%s%N) - began) / 1000000)) "$(show NRestarts)"
inside journalctl -q --no-pager -o cat -u reportmx.service | grep -i watchdog | tail -2
[[ "$(show MainPID)" != "$hung" ]] || fail "it still hangs"

step "drop-in for a resolver on loopback: nothing else can be reached, and mail comes in"
inside mkdir -p /etc/systemd/system/reportmx.service.d
inside cp /usr/share/doc/reportmx/examples/local-resolver.conf /etc/systemd/system/reportmx.service.d/
inside systemctl daemon-reload
inside systemctl restart reportmx.service
expect "$(send)" 'already have it'
inside reportmx status | grep '^target'
expect "$(inside reportmx status)" 'unknown: DNS gave no answer'
inside systemd-run -q --unit=resolver dnsmasq --keep-in-foreground --no-resolv --no-hosts --pid-file= --listen-address=127.0.0.1 \
	--bind-interfaces --user=root --server=192.0.2.53
resolving inside
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
inside systemctl restart reportmx.service
expect "$(send)" 'already have it'
inside reportmx status | grep '^target'
expect "$(inside reportmx status)" 'external authorization: authorized'
inside systemd-analyze security reportmx.service 2>/dev/null | tail -1

scheduled() {
	inside sh -c 'printf "[[schedule]]\nname = \"daily\"\nkind = \"aggregate\"\nformat = \"csv\"\n" >>/etc/reportmx/config.toml'
	inside systemctl restart reportmx.service
	inside systemctl enable -q --now reportmx-export.timer
	inside systemctl start reportmx-export.service || fail "no export"
	inside sh -c 'ls -l /var/lib/reportmx/exports; wc -l /var/lib/reportmx/exports/*.csv'
	inside systemctl list-timers --no-pager reportmx-export.timer | head -2
}
step "scheduled export, and its timer"
if inside reportmx export --help | grep -q -e --scheduled; then
	scheduled
else
	echo "this version has none"
fi

step "backup and restore as docs/operations.md tells"
inside systemctl stop reportmx.socket reportmx.service
inside cp --reflink=auto --sparse=always /var/lib/reportmx/reports.db /var/backups/reports.db
inside mv /var/lib/reportmx/reports.db /var/lib/reportmx/reports.db.old
inside runuser -u reportmx -- reportmx import /report.eml
inside mv /var/lib/reportmx/reports.db /var/lib/reportmx/reports.db.new
inside install -o reportmx -g reportmx -m 600 /var/backups/reports.db /var/lib/reportmx/reports.db
inside systemctl start reportmx.service
expect "$(send)" 'already have it'
inside reportmx prune --target example.com --dry-run
inside reportmx prune --target example.com --yes
expect "$(send)" 'report stored'

step "upgrade while it runs, remove, purge"
inside dpkg -i /this.deb | tail -1
expect "$(send)" 'already have it'
inside dpkg -P reportmx | tail -1
inside ls -d /var/lib/reportmx /etc/reportmx 2>&1 || true
[[ ! -e "$root/var/lib/reportmx" && ! -e "$root/etc/reportmx" ]] || fail "purging left data"
echo "all fine"
